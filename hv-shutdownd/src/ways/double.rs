//! Doubles of logind and of systemd on a bus of the test's own: what they are asked, and everything that they can answer. No
//! machine goes down.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, connection, fdo, interface};

use super::logind::LOGIND;
use super::manager::SYSTEMD;
use super::*;

pub(super) use crate::bus::support::PrivateBus;

/// What logind knows of flags and inhibitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// No methods with flags, and root passes everything.
    Old,
    /// Flag 1.
    Middle,
    /// Flag 16, and inhibitors in the way of root.
    New,
}

/// What both of them have in mind.
#[derive(Debug)]
pub(super) struct Mind {
    pub(super) age: Age,
    /// logind does not answer.
    pub(super) hangs: bool,
    /// logind refuses everything with this.
    pub(super) refuses: Option<fn() -> Refusal>,
    /// systemd refuses to start targets.
    pub(super) no_targets: bool,
    pub(super) inhibitors: Vec<(&'static str, &'static str)>,
    pub(super) can_hibernate: &'static str,
    pub(super) preparing: bool,
    pub(super) scheduled: String,
    pub(super) unit_file: Option<&'static str>,
}

/// logind's errors, its own and those of its library.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop")]
pub(super) enum Refusal {
    #[zbus(error)]
    Bus(zbus::Error),
    #[zbus(name = "login1.BlockedByInhibitorLock")]
    BlockedByInhibitorLock(String),
    #[zbus(name = "login1.OperationInProgress")]
    OperationInProgress(String),
    #[zbus(name = "login1.SleepVerbNotSupported")]
    SleepVerbNotSupported(String),
    #[zbus(name = "DBus.Error.UnknownMethod")]
    UnknownMethod(String),
    #[zbus(name = "DBus.Error.InvalidArgs")]
    InvalidArgs(String),
    #[zbus(name = "DBus.Error.AccessDenied")]
    AccessDenied(String),
}

#[derive(Debug, Clone)]
struct Double {
    mind: Arc<Mutex<Mind>>,
    calls: mpsc::UnboundedSender<String>,
}

impl Double {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }

    fn told(&self, call: String) {
        // A test may have ended.
        let _ = self.calls.send(call);
    }
}

struct Logind(Double);

impl Logind {
    async fn go(&self, call: &str, flags: Option<u64>) -> Result<(), Refusal> {
        let Self(double) = self;
        let flag = flags.map_or_else(String::new, |flags| format!(" {flags}"));
        double.told(format!("{call}{flag}"));
        let (age, refuses, hangs, blocked) = {
            let mind = double.mind();
            (mind.age, mind.refuses, mind.hangs, !mind.inhibitors.is_empty())
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        match (age, flags) {
            (Age::Old, Some(_)) => return Err(Refusal::UnknownMethod("none".to_owned())),
            (Age::Middle, Some(16)) => return Err(Refusal::InvalidArgs("flags".to_owned())),
            (Age::Middle, Some(1)) if blocked => {
                return Err(Refusal::AccessDenied("an inhibitor".to_owned()));
            }
            (Age::New, None | Some(0 | 1)) if blocked => {
                return Err(Refusal::BlockedByInhibitorLock("an inhibitor".to_owned()));
            }
            _ => {}
        }
        refuses.map_or(Ok(()), |refusal| Err(refusal()))
    }
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    async fn power_off(&self, _interactive: bool) -> Result<(), Refusal> {
        self.go("PowerOff", None).await
    }

    async fn reboot(&self, _interactive: bool) -> Result<(), Refusal> {
        self.go("Reboot", None).await
    }

    async fn hibernate(&self, _interactive: bool) -> Result<(), Refusal> {
        self.go("Hibernate", None).await
    }

    async fn power_off_with_flags(&self, flags: u64) -> Result<(), Refusal> {
        self.go("PowerOff", Some(flags)).await
    }

    async fn reboot_with_flags(&self, flags: u64) -> Result<(), Refusal> {
        self.go("Reboot", Some(flags)).await
    }

    async fn hibernate_with_flags(&self, flags: u64) -> Result<(), Refusal> {
        self.go("Hibernate", Some(flags)).await
    }

    async fn list_inhibitors(&self) -> Vec<(String, String, String, String, u32, u32)> {
        if self.0.mind().hangs {
            std::future::pending::<()>().await;
        }
        let row = |(what, mode): &(&str, &str)| {
            (
                (*what).to_owned(),
                "app\u{1b}[2J".to_owned(),
                format!("has to {what}"),
                (*mode).to_owned(),
                1000,
                7,
            )
        };
        self.0.mind().inhibitors.iter().map(row).collect()
    }

    fn can_hibernate(&self) -> &'static str {
        self.0.mind().can_hibernate
    }

    fn set_wall_message(&self, message: &str, enable: bool) {
        self.0.told(format!("wall {enable}: {message}"));
    }

    async fn schedule_shutdown(&self, kind: &str, when: u64) -> Result<(), Refusal> {
        self.go(&format!("schedule {kind}"), None).await?;
        assert!(when > 1_500_000_000_000_000, "µs since 1970");
        self.0.mind().scheduled = kind.to_owned();
        Ok(())
    }

    #[zbus(property)]
    fn preparing_for_shutdown(&self) -> bool {
        self.0.mind().preparing
    }

    #[zbus(property)]
    fn preparing_for_sleep(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn scheduled_shutdown(&self) -> (String, u64) {
        (self.0.mind().scheduled.clone(), 7)
    }

    #[zbus(signal)]
    async fn prepare_for_shutdown(emitter: &SignalEmitter<'_>, begins: bool) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn prepare_for_sleep(emitter: &SignalEmitter<'_>, begins: bool) -> zbus::Result<()>;
}

struct Manager(Double);

fn job() -> OwnedObjectPath {
    "/org/freedesktop/systemd1/job/7".try_into().unwrap()
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn start_unit(&self, name: &str, mode: &str) -> fdo::Result<OwnedObjectPath> {
        self.0.told(format!("start {name} {mode}"));
        if self.0.mind().no_targets {
            return Err(fdo::Error::Failed("not today".to_owned()));
        }
        Ok(job())
    }

    fn power_off(&self) {
        self.0.told("power off at once".to_owned());
    }

    fn reboot(&self) {
        self.0.told("restart at once".to_owned());
    }

    fn get_unit_file_state(&self, name: &str) -> fdo::Result<&'static str> {
        assert_eq!(name, "hv-utils-sleep.service");
        self.0.mind().unit_file.ok_or_else(|| fdo::Error::FileNotFound("no such file".to_owned()))
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

/// A guest, with a directory in place of its root.
pub(super) struct World {
    pub(super) bus: PrivateBus,
    pub(super) ways: Ways,
    pub(super) calls: mpsc::UnboundedReceiver<String>,
    double: Double,
    logind: Option<Connection>,
    systemd: Option<Connection>,
    kept: tempfile::TempDir,
}

pub(super) async fn connect(bus: &PrivateBus) -> Connection {
    connection::Builder::address(bus.address().as_str()).build().await.unwrap()
}

impl World {
    /// A bus with nobody on it, a root with nothing in it, and a kernel that says what it is asked and does nothing. `None`
    /// where there is no dbus-daemon.
    pub(super) async fn empty(test: &str, escalation: Duration) -> Option<Self> {
        let bus = PrivateBus::start(test)?;
        let (sender, calls) = mpsc::unbounded_channel();
        let mind = Mind {
            age: Age::New,
            hangs: false,
            refuses: None,
            no_targets: false,
            inhibitors: Vec::new(),
            can_hibernate: "yes",
            preparing: false,
            scheduled: String::new(),
            unit_file: Some("enabled"),
        };
        let double = Double { mind: Arc::new(Mutex::new(mind)), calls: sender };
        let kept = tempfile::tempdir().unwrap();
        let root = kept.path().to_path_buf();
        let options = Options {
            sysfs_root: root.join("sys"),
            proc_root: root.join("proc"),
            run_dir: root.join("run"),
            print: false,
            force_escalation: escalation,
            root,
        };
        let told = double.clone();
        let kernel = Kernel(Arc::new(move |action| {
            told.told(format!("reboot(2) {action}"));
            Ok(())
        }));
        let ways = Ways::with_kernel(options, kernel);
        ways.over(connect(&bus).await);
        Some(Self { bus, ways, calls, double, logind: None, systemd: None, kept })
    }

    /// The same, with both of them and a systemd that has started the machine.
    pub(super) async fn new(test: &str) -> Option<Self> {
        let mut world = Self::empty(test, Duration::from_secs(600)).await?;
        world.boot().await;
        Some(world)
    }

    pub(super) async fn boot(&mut self) {
        std::fs::create_dir_all(self.path("run/systemd/system")).unwrap();
        std::fs::create_dir_all(self.path("run/systemd/shutdown")).unwrap();
        self.start_logind().await;
        let systemd = connect(&self.bus).await;
        systemd.object_server().at(SYSTEMD.path, Manager(self.double.clone())).await.unwrap();
        systemd.request_name(SYSTEMD.name).await.unwrap();
        self.systemd = Some(systemd);
    }

    pub(super) async fn start_logind(&mut self) {
        let logind = connect(&self.bus).await;
        logind.object_server().at(LOGIND.path, Logind(self.double.clone())).await.unwrap();
        logind.request_name(LOGIND.name).await.unwrap();
        self.logind = Some(logind);
    }

    pub(super) async fn stop_logind(&mut self) {
        self.logind.take().unwrap().close().await.unwrap();
    }

    /// systemd's own socket, with a systemd at the other end of its first connection.
    pub(super) fn private_socket(&self) {
        std::fs::create_dir_all(self.path("run/systemd")).unwrap();
        let listener = UnixListener::bind(self.path("run/systemd/private")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        let double = self.double.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let guid = zbus::Guid::generate();
            let served = connection::Builder::unix_stream(stream.into_std().unwrap())
                .server(guid)
                .p2p()
                .serve_at(SYSTEMD.path, Manager(double))
                .build()
                .await
                .unwrap();
            std::future::pending::<()>().await;
            drop(served);
        });
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.kept.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn mind(&self) -> MutexGuard<'_, Mind> {
        self.double.mind()
    }

    /// logind begins with something, or it is over.
    pub(super) async fn prepare(&self, what: Action, begins: bool) {
        self.mind().preparing = begins && what != Action::Hibernate;
        let emitter = SignalEmitter::new(self.logind.as_ref().unwrap(), LOGIND.path).unwrap();
        match what {
            Action::Hibernate => Logind::prepare_for_sleep(&emitter, begins).await.unwrap(),
            _ => Logind::prepare_for_shutdown(&emitter, begins).await.unwrap(),
        }
    }

    /// The job of the target has ended.
    pub(super) async fn job_ends(&self, result: &str) {
        let emitter = SignalEmitter::new(self.systemd.as_ref().unwrap(), SYSTEMD.path).unwrap();
        let other = "/org/freedesktop/systemd1/job/6".try_into().unwrap();
        Manager::job_removed(&emitter, 6, other, "other.service", "failed").await.unwrap();
        Manager::job_removed(&emitter, 7, job(), "poweroff.target", result).await.unwrap();
    }

    pub(super) async fn call(&mut self) -> String {
        self.calls.recv().await.unwrap()
    }

    /// All that was asked so far.
    pub(super) fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.calls.try_recv().ok()).collect()
    }
}
