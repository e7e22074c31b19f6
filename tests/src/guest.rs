//! A guest with all six daemons, and the host that offers all six services: what the project is for, in one piece.
//!
//! Nothing here can reach this machine: the clock is an imitated one, going down is only said, and where there could be
//! filesystems to freeze there is an empty list.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::bus::PrivateBus;
use crate::patience::{ended, until};
use crate::programs::{Outcome, program, run};

/// The daemons, each with the name of its service's socket.
pub const DAEMONS: [(&str, &str); 6] = [
    ("hv-kvpd", "kvp"),
    ("hv-vssd", "vss"),
    ("hv-timesyncd", "timesync"),
    ("hv-shutdownd", "shutdown"),
    ("hv-heartbeatd", "heartbeat"),
    ("hv-fcopyd", "fcopy"),
];

/// The guest, its bus and its host; everything ends with it.
#[derive(Debug)]
pub struct Guest {
    dir: TempDir,
    bus: PrivateBus,
    host: Option<Child>,
    daemons: Vec<Child>,
}

impl Guest {
    /// Starts all, with these lines as the configuration, and waits until every service is ready. `None` where there is no
    /// `dbus-daemon`.
    pub fn start(config: &str) -> Option<Guest> {
        let dir = tempfile::Builder::new().prefix("hvguest").tempdir().expect("a temporary directory");
        let bus = PrivateBus::start(dir.path())?;
        let mut guest = Guest { dir, bus, host: None, daemons: Vec::new() };
        std::fs::write(guest.path("hv-utils.toml"), config).expect("a configuration file");
        std::fs::create_dir_all(guest.path("proc/self")).expect("a directory");
        std::fs::write(guest.path("proc/self/mountinfo"), "").expect("an empty list of mounts");
        std::fs::create_dir_all(guest.path("proc/sys/kernel/random")).expect("a directory");
        let boot = "00000000-0000-4000-8000-000000000001\n";
        std::fs::write(guest.path("proc/sys/kernel/random/boot_id"), boot).expect("a boot id");
        guest.start_host();
        for (name, service) in DAEMONS {
            let child = guest.start_daemon(name, service);
            guest.daemons.push(child);
        }
        guest.ready();
        Some(guest)
    }

    /// A path in the guest's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the host, which offers everything and takes verbs over its control socket.
    pub fn start_host(&mut self) {
        let mut command = Command::new(program("hv-testhost"));
        command.arg("--sim").arg(self.dir.path()).arg("--control").arg(self.path("control.sock"));
        command.args(["--ic", "kvp,vss,timesync,shutdown,heartbeat,fcopy"]);
        self.host = Some(self.spawn(command, "host"));
    }

    fn start_daemon(&self, name: &str, service: &str) -> Child {
        let mut command = Command::new(program(name));
        command.arg("--config").arg(self.path("hv-utils.toml"));
        command.arg("--channel").arg(format!("sim:{}", self.path(&format!("{service}.sock")).display()));
        command.args(["--bus", &self.bus.address]);
        command.arg("--state-dir").arg(self.path("state")).arg("--run-dir").arg(self.path("run"));
        command.args(["--log-level", "debug", "--log-format", "text"]);
        match name {
            "hv-kvpd" => drop(command.arg("--pool-dir").arg(self.path("pools"))),
            "hv-vssd" => drop(command.arg("--proc-root").arg(self.path("proc"))),
            _ => {}
        }
        self.spawn(command, name)
    }

    /// Waits until all six services are ready, as the host sees it, and as the daemons show it on the bus: the host is
    /// served before there is a bus, and whoever waits for the host alone may ask `hvctl` too early.
    #[track_caller]
    pub fn ready(&self) {
        for (_, service) in DAEMONS {
            self.host(&["wait-guest", service]).expect_code(0);
        }
        until("all six show their channels as ready", || {
            let status = self.hvctl_json(&["status"]);
            let services = status["services"].as_array().expect("a list").iter();
            services.filter(|service| service["channel_state"] == "ready").count() == DAEMONS.len()
        });
    }

    /// Sends a verb to the host.
    pub fn host(&self, verb: &[&str]) -> Outcome {
        let control = self.path("control.sock").display().to_string();
        run("hv-testhost", ["--control", &control, "--timeout", "60"].into_iter().chain(verb.iter().copied()))
    }

    /// The JSON that a verb of the host prints.
    #[track_caller]
    pub fn host_json(&self, verb: &[&str]) -> serde_json::Value {
        let mut words = vec!["--json"];
        words.extend(verb);
        serde_json::from_str(&self.host(&words).expect_code(0).stdout).expect("one JSON object")
    }

    /// Runs `hvctl` on the guest's bus.
    pub fn hvctl(&self, verb: &[&str]) -> Outcome {
        run("hvctl", ["--bus", &self.bus.address].into_iter().chain(verb.iter().copied()))
    }

    /// The JSON that `hvctl` prints.
    #[track_caller]
    pub fn hvctl_json(&self, verb: &[&str]) -> serde_json::Value {
        let mut words = vec!["--json"];
        words.extend(verb);
        serde_json::from_str(&self.hvctl(&words).expect_code(0).stdout).expect("one JSON object")
    }

    /// Starts `hvctl` on the guest's bus, and lets it run until the value is dropped: then it is killed.
    pub fn hvctl_in_background(&self, verb: &[&str]) -> Background {
        let mut command = Command::new(program("hvctl"));
        command.args(["--bus", &self.bus.address]).args(verb);
        Background(Some(self.spawn(command, "hvctl")))
    }

    /// Ends the host at once.
    pub fn kill_host(&mut self) {
        end(self.host.take());
    }

    /// Ends all daemons in order; the exit code of each.
    pub fn stop_daemons(&mut self) -> Vec<i32> {
        for daemon in &self.daemons {
            let pid = rustix::process::Pid::from_child(daemon);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)
                .expect("a daemon can be signalled");
        }
        self.daemons.drain(..).map(|mut daemon| ended(&mut daemon).code().unwrap_or(-1)).collect()
    }

    fn spawn(&self, mut command: Command, log: &str) -> Child {
        let path = self.path(&format!("{log}.log"));
        let log = File::options().create(true).append(true).open(path).expect("a log file");
        let output = log.try_clone().expect("a descriptor can be copied");
        command.stdin(Stdio::null()).stdout(output).stderr(log);
        command.spawn().expect("a program of the workspace starts")
    }
}

/// A program that runs beside the test.
#[derive(Debug)]
pub struct Background(Option<Child>);

impl Drop for Background {
    fn drop(&mut self) {
        end(self.0.take());
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.daemons.drain(..).for_each(|daemon| end(Some(daemon)));
        end(self.host.take());
        if std::thread::panicking() {
            let logs = ["host"].into_iter().chain(DAEMONS.map(|(name, _)| name)).chain(["hvctl"]);
            for log in logs {
                show(&self.path(&format!("{log}.log")));
            }
        }
    }
}

fn show(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    eprintln!("--- {}\n{text}", log.display());
}

fn end(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}
