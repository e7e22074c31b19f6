//! A guest with a bus and a root of its own, on which the ways are tried.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard};

use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, connection};

use super::double::{Age, Double, Logind, Manager, Mind, job};
use super::*;
use crate::bus::support::PrivateBus;
use crate::ways::kernel::Kernel;
use crate::ways::logind::LOGIND;
use crate::ways::manager::SYSTEMD;

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
        let double = Double::new(mind, sender);
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
