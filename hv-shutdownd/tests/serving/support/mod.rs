//! A daemon, its host, and a bus on which it is asked how things are.

pub(crate) mod bus;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hv_testhost::verb::ShutdownAsk;
use hv_testhost::{Host, HostOptions, Verb};
use hv_utils_core::wire::Ic;
use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use zbus::{Connection, Proxy, connection, proxy};

use bus::PrivateBus;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "org.hvutils.Shutdown1";
const OBJECT: &str = "/org/hvutils/Shutdown1";

/// Runs a test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Guest {
    daemon: Child,
    host: Host,
    connection: Connection,
    _bus: PrivateBus,
    directory: TempDir,
}

impl Guest {
    /// With this in `[shutdown]`.
    pub(crate) async fn start(config: &str) -> Guest {
        let directory = TempDir::new().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["proc", "sys", "etc"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        fs::write(path("hv-utils.toml"), format!("[shutdown]\n{config}\n")).unwrap();
        let bus = PrivateBus::start(directory.path());
        let connection = connection::Builder::address(bus.address.as_str()).build().await.unwrap();
        let options =
            HostOptions { ics: vec![Ic::Shutdown], timeout: PATIENCE, ..HostOptions::new(directory.path()) };
        let host = Host::start(options).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hv-shutdownd"));
        command.args(["--log-level", "debug", "--log-format", "text", "--bus", &bus.address, "--channel"]);
        command.arg(format!("sim:{}", path("shutdown.sock").display()));
        for (option, name) in [
            ("--config", "hv-utils.toml"),
            ("--run-dir", "run"),
            ("--state-dir", "state"),
            ("--proc-root", "proc"),
            ("--sysfs-root", "sys"),
            ("--etc-root", "etc"),
        ] {
            command.arg(option).arg(path(name));
        }
        let log = File::create(path("log")).unwrap();
        let daemon = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let guest = Guest { daemon, host, connection, _bus: bus, directory };
        let names = zbus::fdo::DBusProxy::new(&guest.connection).await.unwrap();
        let begin = Instant::now();
        while !names.name_has_owner(NAME.try_into().unwrap()).await.unwrap() {
            assert!(begin.elapsed() < PATIENCE, "the daemon never comes");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        guest
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The host asks; its report is of success, or what it says.
    pub(crate) async fn asks(&self, verb: fn(ShutdownAsk) -> Verb, force: bool) -> Result<(), String> {
        let ask = ShutdownAsk { force, message: Some("bye".to_owned()), ..ShutdownAsk::default() };
        let report = self.host.execute(&verb(ask), Some(PATIENCE)).await;
        report.result.map(drop).map_err(|failure| format!("{failure:?}"))
    }

    pub(crate) async fn proxy(&self) -> Proxy<'_> {
        let builder = proxy::Builder::<Proxy<'_>>::new(&self.connection);
        let builder = builder.destination(NAME).path(OBJECT).interface(NAME);
        builder.cache_properties(proxy::CacheProperties::No).build().await.unwrap()
    }

    /// A property.
    pub(crate) async fn property<T: DeserializeOwned + zbus::Type>(&self, name: &str) -> T {
        self.proxy().await.get_property(name).await.unwrap()
    }

    /// Waits until the outcome is this.
    pub(crate) async fn becomes(&self, outcome: &str) {
        let begin = Instant::now();
        loop {
            let now = self.property::<String>("Outcome").await;
            if now == outcome {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "never {outcome}, but {now}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the daemon, as the service manager would: its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.daemon), Signal::TERM).unwrap();
        self.daemon.wait().unwrap().code()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log\n{}", fs::read_to_string(self.path("log")).unwrap_or_default());
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
