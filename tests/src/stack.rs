//! A host, a bus and a daemon that know each other.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::bus::PrivateBus;
use crate::patience::{ended, until};
use crate::programs::{Outcome, program, run, run_with};

/// What differs between tests.
#[derive(Debug, Default, Clone)]
pub struct StackOptions {
    /// Further arguments of the host.
    pub host: Vec<String>,
    /// Further arguments of the daemon.
    pub daemon: Vec<String>,
    /// Lines of the daemon's configuration file.
    pub config: String,
}

/// The running stack; everything ends with it.
#[derive(Debug)]
pub struct Stack {
    dir: TempDir,
    bus: PrivateBus,
    host: Option<Child>,
    daemon: Option<Child>,
    options: StackOptions,
}

impl Stack {
    /// Starts bus, host and daemon and waits until the channel is ready. `None` where there is no `dbus-daemon`.
    pub fn start(options: StackOptions) -> Option<Stack> {
        let dir = tempfile::Builder::new().prefix("hvtest").tempdir().expect("a temporary directory");
        // Another user's process must be able to reach the bus and the programs' files.
        open_to_all(dir.path());
        let bus = PrivateBus::start(dir.path())?;
        let mut stack = Stack { dir, bus, host: None, daemon: None, options };
        std::fs::write(stack.path("hv-utils.toml"), &stack.options.config).expect("a configuration file");
        stack.start_host();
        stack.start_daemon();
        stack.ready();
        Some(stack)
    }

    /// A path in the stack's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The bus' address.
    pub fn bus(&self) -> &str {
        &self.bus.address
    }

    /// Pool file number `number`.
    pub fn pool(&self, number: u8) -> PathBuf {
        self.path("pools").join(format!(".kvp_pool_{number}"))
    }

    /// Starts the host, which stays and takes verbs over its control socket.
    pub fn start_host(&mut self) {
        let mut command = Command::new(program("hv-testhost"));
        command
            .arg("--sim")
            .arg(self.dir.path())
            .args(["--ic", "kvp", "--control"])
            .arg(self.path("control.sock"));
        command.args(&self.options.host);
        self.host = Some(self.spawn(command, "host.log"));
        let control = self.path("control.sock");
        until("the host listens", || std::os::unix::net::UnixStream::connect(&control).is_ok());
    }

    /// Starts the daemon.
    pub fn start_daemon(&mut self) {
        let mut command = Command::new(program("hv-kvpd"));
        command.args(self.daemon_arguments());
        self.daemon = Some(self.spawn(command, "daemon.log"));
    }

    /// The arguments the daemon is started with.
    pub fn daemon_arguments(&self) -> Vec<String> {
        let path = |name: &str| self.path(name).display().to_string();
        let mut arguments: Vec<String> = [
            ("--config", path("hv-utils.toml")),
            ("--channel", format!("sim:{}", path("kvp.sock"))),
            ("--bus", self.bus.address.clone()),
            ("--pool-dir", path("pools")),
            ("--state-dir", path("state")),
            ("--run-dir", path("run")),
            ("--log-level", "debug".into()),
            ("--log-format", "text".into()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
        arguments.extend(self.options.daemon.iter().cloned());
        arguments
    }

    /// Waits until host and daemon have negotiated, as the host sees it, and as the daemon shows it on the bus: the host
    /// is served before there is a bus, and whoever waits for the host alone may ask `hvctl` too early.
    #[track_caller]
    pub fn ready(&self) {
        self.host(&["wait-guest"]).expect_code(0);
        until("the daemon shows its channel as ready", || {
            self.services("channel_state").any(|is| is == "ready")
        });
    }

    /// A member of each service's status.
    fn services(&self, member: &str) -> impl Iterator<Item = serde_json::Value> {
        let status = self.hvctl(&["--json", "status"]).expect_code(0);
        let object: serde_json::Value = serde_json::from_str(&status.stdout).expect("one JSON object");
        let services = object["services"].as_array().cloned().unwrap_or_default();
        services.into_iter().map(move |service| service[member].clone())
    }

    /// Sends a verb to the host.
    pub fn host(&self, verb: &[&str]) -> Outcome {
        let control = self.path("control.sock").display().to_string();
        run("hv-testhost", ["--control", &control, "--timeout", "60"].into_iter().chain(verb.iter().copied()))
    }

    /// Runs `hvctl` on the stack's bus.
    pub fn hvctl(&self, verb: &[&str]) -> Outcome {
        run("hvctl", ["--bus", self.bus()].into_iter().chain(verb.iter().copied()))
    }

    /// Runs `hvctl` as another user; the caller must be root.
    pub fn hvctl_as(&self, uid: u32, verb: &[&str]) -> Outcome {
        use std::os::unix::process::CommandExt;
        // The build folder may be closed to other users.
        let copy = self.path("hvctl-copy");
        std::fs::copy(program("hvctl"), &copy).expect("hvctl can be copied");
        open_to_all(&copy);
        let mut command = Command::new(copy);
        command.args(["--bus", self.bus()]).args(verb).uid(uid).gid(uid).stdin(Stdio::null());
        // A process that another test is just forking may hold the copy open for writing until it has become
        // something else: then the kernel does not run it yet.
        let mut output = command.output();
        until("nobody writes to hvctl's copy", || {
            let is_busy =
                matches!(&output, Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy);
            if is_busy {
                output = command.output();
            }
            !is_busy
        });
        output.expect("hvctl starts as another user").into()
    }

    /// Ends the daemon with `signal` and gives its exit code (-1 for a signal's death).
    pub fn signal_daemon(&mut self, signal: rustix::process::Signal) -> i32 {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        let pid = rustix::process::Pid::from_child(&daemon);
        rustix::process::kill_process(pid, signal).expect("the daemon can be signalled");
        ended(&mut daemon).code().unwrap_or(-1)
    }

    /// The process id of the daemon.
    pub fn daemon_pid(&self) -> u32 {
        self.daemon.as_ref().expect("the daemon runs").id()
    }

    /// Whether the daemon's log holds `text`.
    pub fn daemon_said(&self, text: &str) -> bool {
        std::fs::read_to_string(self.path("daemon.log")).is_ok_and(|log| log.contains(text))
    }

    /// Messages of the host that the daemon has received, as it counts them.
    pub fn messages_received(&self) -> u64 {
        self.services("messages_received").filter_map(|count| count.as_u64()).sum()
    }

    /// Ends the host at once.
    pub fn kill_host(&mut self) {
        end(self.host.take());
    }

    /// Runs a second daemon with the same arguments and some more, to its end.
    pub fn second_daemon(&self, more: &[&str]) -> Outcome {
        let mut arguments = self.daemon_arguments();
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        run_with("hv-kvpd", arguments, |_| {})
    }

    fn spawn(&self, mut command: Command, log: &str) -> Child {
        let path = self.path(log);
        let log = File::options().create(true).append(true).open(path).expect("a log file");
        let output = log.try_clone().expect("a descriptor can be copied");
        command.stdin(Stdio::null()).stdout(output).stderr(log);
        command.spawn().expect("a program of the workspace starts")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        end(self.daemon.take());
        end(self.host.take());
        if std::thread::panicking() {
            for log in ["host.log", "daemon.log"] {
                let text = std::fs::read_to_string(self.path(log)).unwrap_or_default();
                eprintln!("--- {log}\n{text}");
            }
        }
    }
}

fn end(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("our own file's mode can be changed");
}
