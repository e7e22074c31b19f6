//! A private bus, and running hvctl: to its end, or as a process whose lines are read as they come.
//!
//! No sleeps: a test waits for what a process prints or a fake has seen. Limits of time only turn a hang into a
//! failure.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

/// When a test that hangs has failed.
pub(crate) const HANG: Duration = Duration::from_secs(60);

const BUS_CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=@SOCKET@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// A private dbus-daemon; ends with the value.
#[derive(Debug)]
pub(crate) struct Bus {
    daemon: Child,
    pub(crate) directory: TempDir,
    pub(crate) address: String,
}

impl Bus {
    /// Starts one, or says that `test` is skipped because it cannot be.
    pub(crate) fn start(test: &str) -> Option<Bus> {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("bus");
        let config = directory.path().join("bus.conf");
        fs::write(&config, BUS_CONFIG.replace("@SOCKET@", socket.to_str().unwrap())).unwrap();
        let daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--config-file={}", config.display()))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(directory.path().join("bus.log")).unwrap())
            .spawn();
        let mut daemon = match daemon {
            Ok(daemon) => daemon,
            Err(error) => {
                // Not eprintln!: the runner swallows what a test that passes prints with it.
                let _ = writeln!(std::io::stderr(), "SKIPPED {test}: dbus-daemon cannot be run: {error}");
                return None;
            }
        };
        // It prints its address once it listens.
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        assert!(address.starts_with("unix:path="), "dbus-daemon said {address:?}");
        let address = format!("unix:path={}", socket.display());
        Some(Bus { daemon, directory, address })
    }

    /// hvctl on this bus.
    pub(crate) fn hvctl(&self, args: &[&str]) -> Command {
        let mut command = hvctl(&["--bus", &self.address]);
        command.args(args);
        command
    }

    /// Runs hvctl on this bus to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(&mut self.hvctl(args))
    }

    /// Ends the bus.
    pub(crate) fn stop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The built hvctl, without anything of the surroundings that would change what it says.
pub(crate) fn hvctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hvctl"));
    command.args(args).stdin(Stdio::null());
    for name in ["NO_COLOR", "TERM", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "XDG_RUNTIME_DIR"]
    {
        command.env_remove(name);
    }
    command
}

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Checks everything a run can show.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, out: &str, err: &str) {
        let want = Ran { code: Some(code), out: out.to_owned(), err: err.to_owned() };
        assert_eq!(*self, want, "\n--- out\n{}\n--- err\n{}", self.out, self.err);
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

/// Runs a command with text on its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = piped(command).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin: ChildStdin = child.stdin.take().unwrap();
    stdin.write_all(input).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap().into()
}

fn piped(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// A process that runs on; killed with the value.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        let mut child = piped(command).spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Running { child, out, err }
    }

    /// The next line on standard output.
    #[track_caller]
    pub(crate) fn out(&self) -> String {
        self.out.recv_timeout(HANG).expect("a line on standard output")
    }

    /// The next line on standard error.
    #[track_caller]
    pub(crate) fn err(&self) -> String {
        self.err.recv_timeout(HANG).expect("a line on standard error")
    }

    /// Waits for its end; what it has printed since.
    pub(crate) fn end(mut self) -> Ran {
        let code = wait(&mut self.child);
        let rest = |lines: &Receiver<String>| lines.iter().map(|line| line + "\n").collect::<String>();
        Ran { code, out: rest(&self.out), err: rest(&self.err) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process; one that does not end fails the test by the runner's own limit.
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    child.wait().unwrap().code()
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Writes a file and the directories above it.
pub(crate) fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
