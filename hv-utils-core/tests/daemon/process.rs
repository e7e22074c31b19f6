//! A daemon as a child process, with directories and a service manager of its own.

use rustix::process::{Pid, Signal, kill_process};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::future::Future;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixDatagram;

/// Ends a test that hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test body to its end, or fails it.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let in_time = runtime.block_on(async { tokio::time::timeout(LIMIT, test).await });
    runtime.shutdown_background();
    assert!(in_time.is_ok(), "hangs");
}

/// A place for a daemon to live in.
#[derive(Debug)]
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(home.path("dev")).unwrap();
        fs::create_dir_all(home.path("sys/bus/vmbus/devices")).unwrap();
        home
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("hv-utils.toml"), text).unwrap();
    }

    /// The program with nothing of the machine in its reach; without a bus unless asked for.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(program());
        for (option, directory) in [
            ("--state-dir", "state"),
            ("--run-dir", "run"),
            ("--sysfs-root", "sys"),
            ("--dev-root", "dev"),
            ("--etc-root", "etc"),
        ] {
            command.arg(option).arg(self.path(directory));
        }
        for variable in
            ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "DBUS_SYSTEM_BUS_ADDRESS"]
        {
            command.env_remove(variable);
        }
        command.args(args);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn output<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.command(args).output().unwrap()
    }

    /// Starts the program under a service manager that listens.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Daemon {
        self.start_with(args, |_| {})
    }

    /// The same, with a last word on the command.
    pub(crate) fn start_with<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        adjust: impl FnOnce(&mut Command),
    ) -> Daemon {
        let path = self.path("notify");
        let _ = fs::remove_file(&path);
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut command = self.command(args);
        command.env("NOTIFY_SOCKET", &path).stderr(Stdio::piped());
        adjust(&mut command);
        Daemon { child: command.spawn().unwrap(), manager }
    }
}

/// The example. Cargo builds it with all tests of the package; for a single one it is built here.
fn program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let mut path = env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push("examples/heartbeat");
        if !path.exists() {
            let build = ["build", "--package", env!("CARGO_PKG_NAME"), "--example", "heartbeat"];
            assert!(Command::new(env!("CARGO")).args(build).status().unwrap().success());
        }
        path
    });
    built.clone()
}

/// A running daemon; killed with the value.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    manager: UnixDatagram,
}

/// How a daemon ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

impl Daemon {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it tells its service manager next.
    pub(crate) async fn told(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.manager.recv(&mut buffer).await.unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Waits until it tells something that begins so.
    pub(crate) async fn tells(&self, start: &str) -> String {
        loop {
            let told = self.told().await;
            if told.starts_with(start) {
                return told;
            }
        }
    }

    pub(crate) async fn ready(&self) {
        self.tells("READY=1").await;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let mut stderr = self.child.stderr.take().unwrap();
        let log = tokio::task::spawn_blocking(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let log = log.await.unwrap();
        Ended { code: self.child.wait().unwrap().code(), log }
    }

    /// Asks it to stop and waits for its end.
    pub(crate) async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended().await
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
