//! The daemon in a world: its files, its configuration, its processes.
//!
//! Its log is a file of the world, which is never frozen; that nothing is written there while something else is, is for a test to
//! see.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::Ic;
use rustix::process::{Pid, Signal, kill_process};

use super::host::Host;
use super::{PATIENCE, World, processes, until};

/// Bytes of one ring with its control page: room for some questions of 6.3 KiB.
const RING: u32 = 9 * 4096;

/// A world with a daemon, or with all but that.
#[derive(Debug)]
pub(crate) struct Guest {
    // Ends first.
    daemon: RefCell<Option<Child>>,
    listener: Listener,
    bus: String,
    /// Where its log and its state are.
    log: PathBuf,
    state: PathBuf,
    run: PathBuf,
    /// Told what a service manager would be told.
    manager: Option<UnixDatagram>,
    world: World,
}

impl std::ops::Deref for Guest {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Guest {
    /// Without a daemon yet. `config` is what `[vss]` has beside `include`, the hooks' directory and how they are run.
    pub(crate) fn prepare(world: World, config: &str) -> Guest {
        let listener = Listener::bind(&world.path("vss.sock")).unwrap();
        let (log, state, run) = (world.path("log"), world.path("state"), world.path("run"));
        let (daemon, bus, manager) = (RefCell::default(), "none".to_owned(), None);
        let guest = Guest { daemon, listener, bus, log, state, run, manager, world };
        guest.configure(config);
        guest
    }

    /// With a daemon and a host.
    pub(crate) async fn start(world: World, config: &str) -> (Guest, Host) {
        let guest = Guest::prepare(world, config);
        let host = guest.run().await;
        (guest, host)
    }

    /// On a bus.
    pub(crate) fn on_bus(mut self, address: &str) -> Guest {
        address.clone_into(&mut self.bus);
        self
    }

    /// With its log and its state on a filesystem.
    pub(crate) fn writing_to(mut self, mount: &Path) -> Guest {
        (self.log, self.state) = (mount.join("log"), mount.join("state"));
        self
    }

    /// With its run directory at `directory`.
    pub(crate) fn running_in(mut self, directory: &Path) -> Guest {
        directory.clone_into(&mut self.run);
        self
    }

    /// With a service manager.
    pub(crate) fn managed(mut self) -> Guest {
        self.manager = Some(UnixDatagram::bind(self.path("manager")).unwrap());
        self
    }

    /// Waits until the service manager hears this.
    pub(crate) fn managed_hears(&self, what: &str) {
        let manager = self.manager.as_ref().unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut said = [0; 4096];
        loop {
            let length = manager.recv(&mut said).unwrap();
            if String::from_utf8_lossy(&said[..length]).lines().any(|line| line == what) {
                return;
            }
        }
    }

    /// For the next start.
    pub(crate) fn configure(&self, config: &str) {
        let text = format!(
            "[vss]\ninclude = [{:?}]\nhooks-dir = {:?}\nhook-runner = \"direct\"\n{config}\n",
            self.path("m/*"),
            self.path("hooks")
        );
        fs::write(self.path("hv-utils.toml"), text).unwrap();
    }

    /// A hook. `body` is a shell script; `$W` is the world's directory.
    pub(crate) fn hook(&self, name: &str, body: &str) {
        let path = self.path("hooks").join(name);
        // A program that is open for writing, also in a child that another thread has just forked, does not start.
        let text = format!("#!/bin/sh\nW={}\n{body}\n", self.directory().display());
        fs::write(self.path("hook"), text).unwrap();
        fs::set_permissions(self.path("hook"), fs::Permissions::from_mode(0o755)).unwrap();
        super::disks::succeed(Command::new("cp").arg(self.path("hook")).arg(path));
    }

    /// The daemon's command line.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hv-vssd"));
        command.args(["--log-level", "debug", "--log-format", "text", "--bus", &self.bus]);
        command.arg("--channel").arg(format!("sim:{}", self.listener.path().display()));
        for (option, name) in [("--config", "hv-utils.toml"), ("--proc-root", "proc")] {
            command.arg(option).arg(self.path(name));
        }
        command.arg("--run-dir").arg(&self.run).arg("--state-dir").arg(&self.state);
        if self.manager.is_some() {
            command.env("NOTIFY_SOCKET", self.path("manager"));
        }
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Starts the daemon and waits for it.
    pub(crate) async fn run(&self) -> Host {
        assert!(self.daemon.borrow().is_none(), "one runs");
        self.daemon.replace(Some(self.command().spawn().unwrap()));
        self.host().await
    }

    /// The daemon's next channel; those of one that was killed meanwhile are passed over.
    pub(crate) async fn host(&self) -> Host {
        loop {
            let accepted = self.listener.accept(Ic::Vss.class(), RING);
            let channel = tokio::time::timeout(PATIENCE, accepted).await.expect("the daemon opens a channel");
            if let Ok(channel) = channel
                && let Some(host) = Host::on(channel).await
            {
                return host;
            }
        }
    }

    /// `hv-vssd --recover` to its end: its exit code.
    pub(crate) fn recover(&self) -> Option<i32> {
        self.command().arg("--recover").status().unwrap().code()
    }

    /// The daemon.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.daemon.borrow().as_ref().unwrap())
    }

    /// The guardian; `None` if there is none.
    pub(crate) fn guardian(&self) -> Option<Pid> {
        let is = |pid: &Pid| processes::arguments(*pid).iter().any(|word| word == "--guardian");
        processes::here().into_iter().find(is)
    }

    /// Sends a signal to the daemon.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Kills the daemon.
    pub(crate) fn kill(&self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// Waits for the end of a daemon that was killed.
    pub(crate) fn reap(&self) {
        let mut daemon = self.daemon.take().unwrap();
        until("the daemon ends", || daemon.try_wait().unwrap().is_some());
    }

    /// Waits for the daemon's end: its exit code.
    pub(crate) fn ended(&self) -> Option<i32> {
        let mut daemon = self.daemon.take().unwrap();
        until("the daemon ends", || daemon.try_wait().unwrap().is_some());
        daemon.wait().unwrap().code()
    }

    /// Waits until nothing is left of a daemon that has ended: then its guardian has thawed whatever it will. What it was
    /// starting when it was killed is of it too.
    pub(crate) fn guardian_gone(&self) {
        // By the name alone: the tests' own programs may lie below a directory of any name.
        let ours = |word: &String| {
            Path::new(word).file_name().is_some_and(|name| name.to_string_lossy().starts_with("hv-vssd"))
        };
        let is = |pid: &Pid| processes::arguments(*pid).first().is_some_and(ours);
        until("the guardian ends", || !processes::here().iter().any(is));
    }

    /// Ends the daemon, as the service manager would, and waits for its end and the guardian's: its exit code.
    pub(crate) fn end(&self) -> Option<i32> {
        self.signal(Signal::TERM);
        let code = self.ended();
        self.guardian_gone();
        code
    }

    /// What it has logged by now, and its guardian, and those before them.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it has logged this. What an answer was about is in the log after the answer.
    #[track_caller]
    pub(crate) fn logs(&self, text: &str) {
        super::until(&format!("the log tells of {text}"), || self.log().contains(text));
    }

    /// A file that a hook or the daemon has written; empty if it has not.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The freezes that it has told of in its file by now, the last one last: results and all, as JSON.
    pub(crate) fn history(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.state.join("hv-vssd/history.json")).unwrap_or_default();
        // There may be none yet.
        let Ok(mut document) = serde_json::from_str::<serde_json::Value>(&text) else { return Vec::new() };
        document["records"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Waits until its file tells of so many freezes, and returns the last.
    #[track_caller]
    pub(crate) fn told_of(&self, count: usize) -> serde_json::Value {
        until("the history is written", || self.history().len() >= count);
        self.history().swap_remove(count - 1)
    }

    /// Whether a host's freeze has not ended as the host wanted, or its end is not known to the host.
    pub(crate) fn owes(&self) -> bool {
        // A note that is not written whole is none.
        fs::read_to_string(self.run.join("hv-vssd.owed")).is_ok_and(|text| !text.is_empty())
    }

    /// The record of a freeze.
    pub(crate) fn record(&self) -> PathBuf {
        self.run.join("hv-vssd.frozen")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log\n{}", self.log());
        }
        let mut daemon = self.daemon.take();
        if std::thread::panicking() {
            let _ = daemon.map(|mut daemon| daemon.kill());
            return;
        }
        // It thaws, and its guardian, before the world's guard looks. One that hangs is the guard's.
        if let Some(daemon) = &mut daemon {
            let _ = kill_process(Pid::from_child(daemon), Signal::TERM);
            until("the daemon ends", || daemon.try_wait().is_ok_and(|ended| ended.is_some()));
        }
        // Also where the test has seen the daemon's end: its guardian was killed by it, and may still be dying.
        self.guardian_gone();
    }
}
