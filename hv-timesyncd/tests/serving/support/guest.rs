//! The daemon as a process: its files, its configuration, what it shows on its bus.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::{Ic, Status, Version};
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::ClockId;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use zbus::{Connection, Proxy, connection, proxy};

use super::host::{Host, Time, nanos};
use super::{PATIENCE, until};
use hv_utils_core::testing::MessageBus;

/// Bytes of one ring with its control page.
const RING: u32 = 3 * 4096;
const NAME: &str = "org.hvutils.TimeSync1";
const OBJECT: &str = "/org/hvutils/TimeSync1";

/// One of `Samples()`: when, offset, delay, error, what the host wanted, method, verdict.
pub(crate) type Row = (u64, i64, i64, i64, String, String, String);
/// `LastAction`: when, what, ns, why.
pub(crate) type Action = (u64, String, i64, String);

/// See the module.
#[derive(Debug)]
pub(crate) struct Guest {
    daemon: Option<Child>,
    listener: Listener,
    clock: String,
    pub(crate) bus: MessageBus,
    connection: Connection,
    directory: TempDir,
}

impl Guest {
    /// Without a daemon yet; `config` is what `[timesync]` has.
    pub(crate) async fn prepare(config: &str) -> Guest {
        let directory = TempDir::new().unwrap();
        let listener = Listener::bind(&directory.path().join("timesync.sock")).unwrap();
        let bus = MessageBus::start(directory.path()).unwrap();
        let builder = connection::Builder::address(bus.address.as_str());
        let connection = builder.build().await.unwrap();
        let clock = "imitated:0".to_owned();
        let guest = Guest { daemon: None, listener, clock, bus, connection, directory };
        for name in ["proc/sys/kernel/random", "sys/devices/system/clocksource/clocksource0", "etc", "run"] {
            fs::create_dir_all(guest.path(name)).unwrap();
        }
        fs::write(guest.path("proc/sys/kernel/random/boot_id"), "a-boot\n").unwrap();
        guest.clocksource("tsc");
        guest.configure(config);
        guest
    }

    /// With a daemon whose clock is `clock`, pairs by which it knows how long a message took, however busy this machine is,
    /// and a host.
    pub(crate) async fn start(clock: &str, config: &str) -> (Guest, Host) {
        let mut guest = Guest::prepare(config).await;
        guest.clock = format!("imitated:{clock}");
        guest.measure(0);
        let host = guest.run(Version::new(4, 0)).await;
        (guest, host)
    }

    /// A path in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// From the next start or reload on.
    pub(crate) fn configure(&self, config: &str) {
        let socket = self.path("chrony.sock");
        let text = format!("[timesync]\nchrony-socket = {socket:?}\n{config}\n");
        fs::write(self.path("hv-utils.toml"), text).unwrap();
    }

    /// What the kernel counts time by.
    pub(crate) fn clocksource(&self, name: &str) {
        let path = self.path("sys/devices/system/clocksource/clocksource0/current_clocksource");
        fs::write(path, format!("{name}\n")).unwrap();
    }

    /// Leaves a pair as the helper does: the counter is this machine's raw clock, and `ahead` ns.
    pub(crate) fn measure(&self, ahead: i64) {
        let raw = nanos(ClockId::MonotonicRaw) / 100 * 100;
        let clocksource = read(&self.path("sys/devices/system/clocksource/clocksource0/current_clocksource"));
        let text = format!(
            "# hv-utils timesync pairs 1\nboot a-boot\nclocksource {clocksource}pair {} {raw} 100\n",
            (raw + ahead) / 100
        );
        fs::write(self.path("run/new"), text).unwrap();
        fs::rename(self.path("run/new"), self.path("run/timesync.pairs")).unwrap();
    }

    /// Starts the daemon; waits for it and its name on the bus.
    pub(crate) async fn run(&mut self, version: Version) -> Host {
        let address = self.bus.address.clone();
        let host = self.run_on(&address, version).await;
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.unwrap();
        let begin = std::time::Instant::now();
        while !bus.name_has_owner(NAME.try_into().unwrap()).await.unwrap() {
            assert!(begin.elapsed() < PATIENCE, "the daemon never has its name");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        host
    }

    /// Starts the daemon on a bus that may not be there.
    pub(crate) async fn run_on(&mut self, bus: &str, version: Version) -> Host {
        assert!(self.daemon.is_none(), "one runs");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hv-timesyncd"));
        command.args(["--log-level", "debug", "--log-format", "text", "--bus", bus]);
        command.args(["--clock", &self.clock, "--channel"]);
        command.arg(format!("sim:{}", self.listener.path().display()));
        for (option, name) in [
            ("--config", "hv-utils.toml"),
            ("--run-dir", "run"),
            ("--state-dir", "state"),
            ("--proc-root", "proc"),
            ("--sysfs-root", "sys"),
            ("--etc-root", "etc"),
        ] {
            command.arg(option).arg(self.path(name));
        }
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
        self.host(version).await
    }

    /// The daemon's next channel.
    pub(crate) async fn host(&self, version: Version) -> Host {
        let accepted = self.listener.accept(Ic::TimeSync.class(), RING);
        let channel = tokio::time::timeout(PATIENCE, accepted).await.expect("the daemon opens a channel");
        Host::on(channel.unwrap(), version).await
    }

    async fn proxy(&self) -> Proxy<'_> {
        let builder = proxy::Builder::<Proxy<'_>>::new(&self.connection);
        let builder = builder.destination(NAME).path(OBJECT).interface(NAME);
        builder.cache_properties(proxy::CacheProperties::No).build().await.unwrap()
    }

    /// A property.
    pub(crate) async fn property<T>(&self, name: &str) -> T
    where
        T: DeserializeOwned + zbus::Type,
    {
        self.proxy().await.get_property(name).await.unwrap()
    }

    /// `Samples()`.
    pub(crate) async fn samples(&self) -> Vec<Row> {
        self.proxy().await.call("Samples", &()).await.unwrap()
    }

    /// The verdict over the last sample.
    pub(crate) async fn verdict(&self) -> String {
        self.samples().await.pop().unwrap().6
    }

    /// `LastAction`.
    pub(crate) async fn action(&self) -> Action {
        self.property("LastAction").await
    }

    /// Waits until a property is this.
    pub(crate) async fn becomes(&self, property: &str, expected: &str) {
        let begin = std::time::Instant::now();
        while self.property::<String>(property).await != expected {
            assert!(begin.elapsed() < PATIENCE, "{property} never becomes {expected}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Waits until the helper's pairs are used; the host says the time until then.
    pub(crate) async fn counts(&self, host: &mut Host) {
        let begin = std::time::Instant::now();
        while self.property::<String>("Source").await != "reference-counter" {
            assert!(begin.elapsed() < PATIENCE, "the pairs are never used");
            assert_eq!(host.say(Time::sample(0)).await, Status::OK);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Another program on the same bus.
    pub(crate) async fn neighbour(&self) -> Connection {
        connection::Builder::address(self.bus.address.as_str()).build().await.unwrap()
    }

    /// Sends a signal to the daemon.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.daemon.as_ref().unwrap()), signal).unwrap();
    }

    /// Ends the daemon, as the service manager would: its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        let mut daemon = self.daemon.take().unwrap();
        until("the daemon ends", || daemon.try_wait().unwrap().is_some());
        daemon.wait().unwrap().code()
    }

    /// What it has logged by now.
    pub(crate) fn log(&self) -> String {
        read(&self.path("log"))
    }

    /// Waits until it has logged this.
    #[track_caller]
    pub(crate) fn logs(&self, text: &str) {
        until(&format!("the log tells of {text}"), || self.log().contains(text));
    }
}

/// A file's text; empty without one.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log\n{}", self.log());
        }
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}
