//! A daemon, its host, and a bus on which it is asked how things are.

pub(crate) mod host;
pub(crate) mod others;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hv_testhost::verb::ShutdownAsk;
use hv_testhost::{Host, HostOptions, Verb};
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::testing::FakeBus;
use hv_utils_core::wire::{Ic, Version};
use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use zbus::{Connection, Proxy, connection, proxy};

pub(crate) use host::Hand;
use hv_utils_core::testing::MessageBus;
pub(crate) use others::Others;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "org.hvutils.Shutdown1";
const OBJECT: &str = "/org/hvutils/Shutdown1";

/// Runs a test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Where everything of a guest is.
fn directory(config: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    for name in ["proc", "sys", "etc"] {
        fs::create_dir_all(directory.path().join(name)).unwrap();
    }
    fs::write(directory.path().join("hv-utils.toml"), format!("[shutdown]\n{config}\n")).unwrap();
    directory
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Guest {
    daemon: Child,
    host: Option<Host>,
    connection: Option<Connection>,
    bus: Option<MessageBus>,
    directory: TempDir,
}

impl Guest {
    /// With this in `[shutdown]`, and a test host.
    pub(crate) async fn start(config: &str) -> Guest {
        let directory = directory(config);
        let options =
            HostOptions { ics: vec![Ic::Shutdown], timeout: PATIENCE, ..HostOptions::new(directory.path()) };
        let host = Host::start(options).unwrap();
        let mut guest = Guest::run(directory, "sim", true).await;
        guest.host = Some(host);
        guest
    }

    /// With a host that is played by hand, and offers this version.
    pub(crate) async fn by_hand(config: &str, version: Version) -> (Guest, Hand) {
        Guest::by_hand_on(config, version, true).await
    }

    /// The same, without a bus.
    pub(crate) async fn without_bus(config: &str, version: Version) -> (Guest, Hand) {
        Guest::by_hand_on(config, version, false).await
    }

    async fn by_hand_on(config: &str, version: Version, on_bus: bool) -> (Guest, Hand) {
        let directory = directory(config);
        let listener = Listener::bind(&directory.path().join("shutdown.sock")).unwrap();
        let guest = Guest::run(directory, "sim", on_bus).await;
        let hand = Hand::with(&guest, &listener, version).await;
        (guest, hand)
    }

    /// Where the kernel's driver has the device.
    pub(crate) async fn on_kernel() -> Guest {
        let directory = directory("");
        FakeBus::new(directory.path()).unwrap().offer(Ic::Shutdown).unwrap();
        Guest::run(directory, "auto", true).await
    }

    /// No test has any channel on which this machine could go down, or says what is to be done to it.
    async fn run(directory: TempDir, channel: &str, on_bus: bool) -> Guest {
        let path = |name: &str| directory.path().join(name);
        let bus = on_bus.then(|| MessageBus::start(directory.path()).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_hv-shutdownd"));
        command.args([
            "--log-level",
            "debug",
            "--log-format",
            "text",
            "--bus",
            &MessageBus::address_in(directory.path()),
        ]);
        let channel = match channel {
            "sim" => format!("sim:{}", path("shutdown.sock").display()),
            // Nothing is printed by default but on the simulated link.
            other => {
                command.args(["--act", "print"]);
                other.to_owned()
            }
        };
        command.args(["--channel", &channel]);
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
        let mut guest = Guest { daemon, host: None, connection: None, bus, directory };
        if on_bus {
            guest.appears().await;
        }
        guest
    }

    /// Waits until the daemon is on the bus that is there now.
    async fn appears(&mut self) {
        let connection = connection::Builder::address(self.address()).build().await.unwrap();
        let names = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
        self.until("the daemon is on the bus", async || {
            names.name_has_owner(NAME.try_into().unwrap()).await.unwrap()
        })
        .await;
        self.connection = Some(connection);
    }

    /// A bus at the address that the daemon has; returns when the daemon is on it.
    pub(crate) async fn start_bus(&mut self) {
        self.bus = Some(MessageBus::start(self.directory.path()).unwrap());
        self.appears().await;
    }

    /// The bus goes, as it does in a restart.
    pub(crate) fn stop_bus(&mut self) {
        (self.connection, self.bus) = (None, None);
    }

    pub(crate) fn address(&self) -> &str {
        &self.bus.as_ref().unwrap().address
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Its kernel can hibernate, and its host lets it.
    pub(crate) fn can_hibernate(&self) {
        self.write("sys/bus/vmbus/hibernation", "1\n");
        self.write("sys/power/state", "freeze mem disk\n");
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until the log says this.
    pub(crate) async fn says(&self, what: &str) {
        self.until(what, async || self.log().contains(what)).await;
    }

    /// Waits until nothing runs.
    pub(crate) async fn rests(&self) {
        self.until("nothing runs", async || !self.property::<bool>("Pending").await).await;
    }

    async fn until(&self, what: &str, so: impl AsyncFn() -> bool) {
        let begin = Instant::now();
        while !so().await {
            assert!(begin.elapsed() < PATIENCE, "never: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.daemon), signal).unwrap();
    }

    /// The host asks; its report is of success, or what it says.
    pub(crate) async fn asks(&self, verb: fn(ShutdownAsk) -> Verb, force: bool) -> Result<(), String> {
        let ask = ShutdownAsk { force, message: Some("bye".to_owned()), ..ShutdownAsk::default() };
        let report = self.host.as_ref().unwrap().execute(&verb(ask), Some(PATIENCE)).await;
        report.result.map(drop).map_err(|failure| format!("{failure:?}"))
    }

    pub(crate) async fn proxy(&self) -> Proxy<'_> {
        let builder = proxy::Builder::<Proxy<'_>>::new(self.connection.as_ref().unwrap());
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
        self.signal(Signal::TERM);
        self.daemon.wait().unwrap().code()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log\n{}", self.log());
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
