//! A daemon in a directory of its own, with a host's socket and, where a test wants it, a bus.

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::{Ic, Version};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use crate::double::Double;
use crate::host::Host;

/// Bytes of one ring with its control page: room for two messages.
const RING: u32 = 5 * 4096;

/// Everything but the daemon; or with it.
#[derive(Debug)]
pub(crate) struct Stack {
    directory: TempDir,
    listener: Listener,
    daemon: RefCell<Option<Child>>,
    bus: String,
}

impl Stack {
    /// Without a daemon yet. `config` is its whole configuration.
    pub(crate) fn prepare(config: &str) -> Stack {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("run")).unwrap();
        std::fs::write(directory.path().join("hv-utils.toml"), config).unwrap();
        let device = directory.path().join("sys/class/net/eth0/device");
        std::fs::create_dir_all(&device).unwrap();
        std::fs::write(device.join("device_id"), "{f8b3781a-1e82-4818-a1c3-63d806ec15bb}\n").unwrap();
        let listener = Listener::bind(&directory.path().join("kvp.sock")).unwrap();
        Stack { directory, listener, daemon: RefCell::default(), bus: "none".to_owned() }
    }

    /// On a bus.
    pub(crate) fn on_bus(mut self, address: &str) -> Stack {
        address.clone_into(&mut self.bus);
        self
    }

    /// With a daemon, without a bus.
    pub(crate) async fn start(config: &str) -> Stack {
        Stack::prepare(config).run().await
    }

    /// Starts the daemon.
    #[expect(clippy::unused_async, reason = "the listener needs a runtime, as every caller has it")]
    pub(crate) async fn run(self) -> Stack {
        let log = File::create(self.path("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hv-kvpd"));
        command.args(["--log-level", "debug", "--log-format", "text", "--bus", &self.bus]);
        command.arg("--channel").arg(format!("sim:{}", self.listener.path().display()));
        for (option, name) in [
            ("--config", "hv-utils.toml"),
            ("--pool-dir", "pools"),
            ("--state-dir", "state"),
            ("--run-dir", "run"),
            ("--sysfs-root", "sys"),
        ] {
            command.arg(option).arg(self.path(name));
        }
        let daemon = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        self.daemon.replace(Some(daemon));
        self
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits for the daemon's next channel, and negotiates.
    pub(crate) async fn host(&self, version: Version) -> Host {
        Host::on(self.listener.accept(Ic::Kvp.class(), RING).await.unwrap(), version).await
    }

    /// hv-netapply, from now on.
    pub(crate) fn double(&self) -> Double {
        Double::listen(&self.path("run/netapply.sock"))
    }

    /// Sends a signal to the daemon.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.daemon.borrow().as_ref().unwrap()), signal).unwrap();
    }

    /// Lets the daemon open nothing more.
    pub(crate) fn no_more_files(&self) {
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        prlimit(Some(Pid::from_child(self.daemon.borrow().as_ref().unwrap())), Resource::Nofile, none)
            .unwrap();
    }

    /// Ends the daemon: its exit code and its log.
    pub(crate) fn end(&self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(&self) -> (Option<i32>, String) {
        let code = self.daemon.take().unwrap().wait().unwrap().code();
        (code, self.log())
    }

    /// What it has logged by now.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log\n{}", self.log());
        }
    }
}
