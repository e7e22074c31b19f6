//! The daemon as a process: its files, its configuration, the directory that it may write to, and one beside it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::fcopy::Start;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Client, Host, until};
use hv_utils_core::testing::MessageBus;

/// Whether a file may be replaced, and whether directories are made.
pub(crate) type Flags = (bool, bool);
pub(crate) const NONE: Flags = (false, false);
pub(crate) const OVERWRITE: Flags = (true, false);
pub(crate) const CREATE: Flags = (false, true);
/// What is refused with both is refused always.
pub(crate) const WHATEVER: Flags = (true, true);

/// See the module.
pub(crate) struct World {
    child: Child,
    pub(crate) host: Host,
    listener: Listener,
    bus: Option<MessageBus>,
    directory: TempDir,
}

impl World {
    /// With one root; `keys`: what `[file-copy]` has beside it.
    pub(crate) async fn new(keys: &str) -> World {
        World::start(|directory| with_root(directory, keys), false).await
    }

    /// With these roots.
    pub(crate) async fn with_roots(roots: impl FnOnce(&Path) -> Vec<PathBuf>) -> World {
        let config =
            |directory: &Path| format!("enabled = true\nmin-free-mib = 0\nroots = {:?}", roots(directory));
        World::start(config, false).await
    }

    /// With one root, and somebody on the daemon's bus.
    pub(crate) async fn with_bus(keys: &str) -> (World, Client) {
        let world = World::start(|directory| with_root(directory, keys), true).await;
        let client = Client::on(&world.bus.as_ref().unwrap().address).await;
        (world, client)
    }

    async fn start(config: impl FnOnce(&Path) -> String, on_bus: bool) -> World {
        let directory = TempDir::new().unwrap();
        for name in ["in", "outside"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        write_config(directory.path(), &config(directory.path()));
        let bus = on_bus.then(|| MessageBus::start(directory.path()).unwrap());
        let listener = Listener::bind(&directory.path().join("fcopy.sock")).unwrap();
        let child = daemon(directory.path(), bus.as_ref().map_or("none", |bus| &bus.address));
        let host = Host::accept(&listener).await;
        World { child, host, listener, bus, directory }
    }

    /// A path beside the root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A path below the root.
    pub(crate) fn root(&self, below: &str) -> PathBuf {
        self.path("in").join(below)
    }

    /// A START of a file of three bytes below the root, whose path is written so.
    pub(crate) fn what(&self, below: &str, name: &str, (overwrite, create_path): Flags) -> Start {
        let path = format!("{}{below}", self.path("in").display());
        Start { path, name: name.to_owned(), overwrite, create_path, size: 3 }
    }

    /// A whole file below the root; the first status that is not 0.
    pub(crate) async fn copy(&mut self, below: &str, name: &str, bytes: &[u8], flags: Flags) -> u32 {
        let start = Start { size: bytes.len() as u64, ..self.what(below, name, flags) };
        self.host.copy(&start, bytes).await
    }

    /// START of such a file; the status.
    pub(crate) async fn begin(&mut self, below: &str, name: &str, flags: Flags) -> u32 {
        let start = self.what(below, name, flags);
        self.host.start(&start).await
    }

    /// START with a path that is written as it is here; the status.
    pub(crate) async fn begin_at(&mut self, path: &str, name: &str) -> u32 {
        let (path, name) = (path.to_owned(), name.to_owned());
        self.host.start(&Start { path, name, overwrite: true, create_path: true, size: 3 }).await
    }

    /// The host is gone, and another one is there.
    pub(crate) async fn loses_its_host(&mut self) {
        self.host.leave();
        self.host = Host::accept(&self.listener).await;
    }

    /// Nothing has come to be anywhere.
    #[track_caller]
    pub(crate) fn is_untouched(&self) {
        assert_eq!(names(&self.path("in")), Vec::<String>::new());
        assert_eq!(names(&self.path("outside")), Vec::<String>::new());
    }

    /// Names in the root, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.path("in"))
    }

    /// Reads its configuration again, which is this from now on.
    pub(crate) fn reload(&self, keys: &str) {
        write_config(self.directory.path(), &with_root(self.directory.path(), keys));
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// Ends the daemon: its exit code, and all that it has logged.
    pub(crate) fn end(&mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        until("the daemon ends", || self.child.try_wait().unwrap().is_some());
        let log = fs::read_to_string(self.path("log")).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

/// Names in a directory, in order.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn with_root(directory: &Path, keys: &str) -> String {
    let free = if keys.contains("min-free-mib") { "" } else { "min-free-mib = 0\n" };
    format!("roots = [{:?}]\n{free}{keys}", directory.join("in"))
}

fn write_config(directory: &Path, keys: &str) {
    fs::write(directory.join("hv-utils.toml"), format!("[file-copy]\n{keys}\n")).unwrap();
}

fn daemon(directory: &Path, bus: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hv-fcopyd"));
    command.args(["--bus", bus, "--log-format", "text", "--log-level", "info", "--channel"]);
    command.arg(format!("sim:{}", directory.join("fcopy.sock").display()));
    for (option, name) in
        [("--config", "hv-utils.toml"), ("--run-dir", "run"), ("--state-dir", "state"), ("--etc-root", "etc")]
    {
        command.arg(option).arg(directory.join(name));
    }
    let log = File::create(directory.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log\n{}", fs::read_to_string(self.path("log")).unwrap_or_default());
        }
    }
}
