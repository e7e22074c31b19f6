//! The daemon as a process: its files, its configuration, what it shows on its bus.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::{Ic, Version};
use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use zbus::{Connection, Proxy, connection, proxy};

use super::host::Host;
use super::{PATIENCE, until};
use hv_utils_core::testing::MessageBus;

/// Bytes of one ring with its control page.
const RING: u32 = 3 * 4096;
pub(crate) const NAME: &str = "org.hvutils.Heartbeat1";
pub(crate) const OBJECT: &str = "/org/hvutils/Heartbeat1";
pub(crate) const V3: Version = Version::new(3, 0);

/// One of `Sources`: who, state, why.
pub(crate) type Row = (String, String, String);

/// See the module.
#[derive(Debug)]
pub(crate) struct Guest {
    daemon: Option<Child>,
    listener: Listener,
    pub(crate) bus: Option<MessageBus>,
    address: String,
    pub(crate) directory: TempDir,
}

/// A program on the daemon's bus.
#[derive(Debug)]
pub(crate) struct Client(pub(crate) Connection);

impl Guest {
    /// Without a daemon yet; `config` is what `[heartbeat]` has.
    pub(crate) fn prepare(config: &str) -> Guest {
        let directory = TempDir::new().unwrap();
        let listener = Listener::bind(&directory.path().join("heartbeat.sock")).unwrap();
        let bus = MessageBus::start(directory.path()).unwrap();
        let address = bus.address.clone();
        let guest = Guest { daemon: None, listener, bus: Some(bus), address, directory };
        fs::create_dir(guest.path("run")).unwrap();
        guest.configure(config);
        guest
    }

    /// With a daemon that is on the bus, a host, and somebody who looks.
    pub(crate) async fn start(config: &str) -> (Guest, Host, Client) {
        let mut guest = Guest::prepare(config);
        guest.run_on_sim();
        let host = guest.host(V3).await;
        let client = guest.client().await;
        client.finds_the_daemon().await;
        (guest, host, client)
    }

    /// A path in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// From the next start or reload on.
    pub(crate) fn configure(&self, config: &str) {
        fs::write(self.path("hv-utils.toml"), format!("[heartbeat]\n{config}\n")).unwrap();
    }

    /// Starts the daemon on the simulated link.
    pub(crate) fn run_on_sim(&mut self) {
        self.run_on(&["--channel", &format!("sim:{}", self.listener.path().display())]);
    }

    /// Starts the daemon.
    pub(crate) fn run_on(&mut self, arguments: &[&str]) {
        assert!(self.daemon.is_none(), "one runs");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hv-heartbeatd"));
        command.args(["--log-level", "debug", "--log-format", "text", "--bus", &self.address]);
        command.args(arguments);
        for (option, name) in [
            ("--config", "hv-utils.toml"),
            ("--run-dir", "run"),
            ("--state-dir", "state"),
            ("--etc-root", "etc"),
        ] {
            command.arg(option).arg(self.path(name));
        }
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
    }

    /// The daemon's next channel.
    pub(crate) async fn host(&self, version: Version) -> Host {
        let accepted = self.listener.accept(Ic::Heartbeat.class(), RING);
        let channel = tokio::time::timeout(PATIENCE, accepted).await.expect("the daemon opens a channel");
        Host::on(channel.unwrap(), version).await
    }

    /// A program on its bus.
    pub(crate) async fn client(&self) -> Client {
        Client(connection::Builder::address(self.address.as_str()).build().await.unwrap())
    }

    /// Ends the bus, and starts it anew.
    pub(crate) fn restart_bus(&mut self) {
        self.bus = None;
        self.bus = Some(MessageBus::start(self.directory.path()).unwrap());
    }

    /// Other users reach its bus.
    pub(crate) fn let_everybody_in(&self) {
        fs::set_permissions(self.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Reads its configuration again, which is this from now on.
    pub(crate) fn reload(&self, config: &str) {
        self.configure(config);
        self.signal(Signal::HUP);
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
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until it has logged this.
    #[track_caller]
    pub(crate) fn logs(&self, text: &str) {
        until(&format!("the log tells of {text}"), || self.log().contains(text));
    }
}

impl Client {
    /// Waits until the daemon has its name.
    pub(crate) async fn finds_the_daemon(&self) {
        let bus = zbus::fdo::DBusProxy::new(&self.0).await.unwrap();
        while !bus.name_has_owner(NAME.try_into().unwrap()).await.unwrap() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// What it is called on the bus, as a source.
    pub(crate) fn source(&self) -> String {
        format!("application {}", self.0.unique_name().unwrap())
    }

    async fn proxy(&self) -> Proxy<'_> {
        let builder = proxy::Builder::<Proxy<'_>>::new(&self.0);
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

    /// Reports a state; the error's name without its prefix.
    pub(crate) async fn reports(&self, state: &str, why: &str) -> Result<(), String> {
        self.calls("SetApplicationState", &(state, why)).await
    }

    /// Withdraws it.
    pub(crate) async fn withdraws(&self) -> Result<(), String> {
        self.calls("WithdrawApplicationState", &()).await
    }

    async fn calls<B>(&self, method: &str, body: &B) -> Result<(), String>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let answer = self.0.call_method(Some(NAME), OBJECT, Some(NAME), method, body).await;
        answer.map(drop).map_err(|error| match error {
            zbus::Error::MethodError(name, ..) => name.trim_start_matches("org.hvutils.Error.").to_owned(),
            other => other.to_string(),
        })
    }

    /// Who says what, and why.
    pub(crate) async fn sources(&self) -> Vec<Row> {
        self.property("Sources").await
    }

    /// Waits until this is what is said.
    pub(crate) async fn sees(&self, expected: &[(&str, &str, &str)]) {
        let begin = std::time::Instant::now();
        loop {
            let sources = self.sources().await;
            let seen: Vec<_> = sources
                .iter()
                .map(|(who, state, why)| (who.as_str(), state.as_str(), why.as_str()))
                .collect();
            if seen == expected {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{seen:?} never becomes {expected:?}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
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
