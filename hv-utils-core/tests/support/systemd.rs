//! A double of systemd's on a bus of the test's own: what it is asked to run, and everything that it can answer.
//!
//! Used by the tests of hooks, here and in other crates.

use std::collections::VecDeque;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc};
use zbus::object_server::SignalEmitter;
use zbus::wire::{OwnedObjectPath, OwnedVariant};
use zbus::{Connection, fdo, interface};

use crate::bus::support::PrivateBus;

const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";

/// What becomes of a unit.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// It writes this and ends; the job's result, then the unit's result, ExecMainCode, ExecMainStatus.
    Ends(&'static str, &'static str, (&'static str, i32, i32)),
    /// Nothing is heard of its job.
    Hangs,
    /// The call is not answered.
    Silent,
    Refused,
}

pub(crate) const DONE: Play = Play::Ends("words", "done", ("success", 1, 0));

#[derive(Debug, Clone)]
struct Manager {
    plays: Arc<Mutex<VecDeque<Play>>>,
    calls: mpsc::UnboundedSender<String>,
    result: Arc<Mutex<(&'static str, i32, i32)>>,
    /// Name and state of those that are there.
    units: Arc<Mutex<Vec<(String, &'static str)>>>,
    /// A stop ends when there is a permit.
    stops: Arc<Semaphore>,
}

fn path() -> OwnedObjectPath {
    "/org/freedesktop/systemd1/job/7".try_into().unwrap()
}

fn stop_path() -> OwnedObjectPath {
    "/org/freedesktop/systemd1/job/8".try_into().unwrap()
}

/// systemd's own errors.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.systemd1")]
enum Refusal {
    #[zbus(error)]
    Bus(zbus::Error),
    NoSuchUnit(String),
    Protected(String),
}

type Properties = Vec<(String, OwnedVariant)>;

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    async fn start_transient_unit(
        &self,
        name: String,
        mode: String,
        properties: Properties,
        _others: Vec<(String, Properties)>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<OwnedObjectPath> {
        let play = self.plays.lock().unwrap().pop_front().unwrap_or(DONE);
        let mut told = format!("start {name} {mode}");
        let mut output = None;
        let remains =
            properties.iter().any(|(key, value)| key == "RemainAfterExit" && **value == true.into());
        for (key, value) in properties {
            if key == "StandardOutputFileDescriptor" {
                output = Some(OwnedFd::try_from(zbus::Fd::try_from(value).unwrap()).unwrap());
            } else if key != "StandardErrorFileDescriptor" {
                told.push_str(&format!("\n{key}={}", *value));
            }
        }
        match play {
            Play::Hangs | Play::Silent => self.units.lock().unwrap().push((name.clone(), "activating")),
            Play::Ends(_, "done", _) if remains => self.units.lock().unwrap().push((name.clone(), "active")),
            _ => {}
        }
        self.calls.send(told).unwrap();
        match play {
            Play::Ends(words, job, result) => {
                std::fs::File::from(output.unwrap()).write_all(words.as_bytes()).unwrap();
                *self.result.lock().unwrap() = result;
                // Somebody else's, and then the one that matters; before the answer, which comes late at times.
                Self::job_removed(&emitter, 6, path(), "other.service", "failed").await?;
                Self::job_removed(&emitter, 7, path(), &name, job).await?;
            }
            Play::Hangs => {}
            Play::Silent => std::future::pending().await,
            Play::Refused => return Err(fdo::Error::AccessDenied("not today".to_owned())),
        }
        Ok(path())
    }

    async fn stop_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, Refusal> {
        self.calls.send(format!("stop {name} {mode}")).unwrap();
        if name.contains("protected") {
            return Err(Refusal::Protected("not this one".to_owned()));
        }
        self.stops.acquire().await.unwrap().forget();
        self.stops.add_permits(1);
        let there = |unit: &(String, &str)| unit.0 == name;
        let Some(at) = self.units.lock().unwrap().iter().position(there) else {
            return Err(Refusal::NoSuchUnit("there is none".to_owned()));
        };
        self.units.lock().unwrap().remove(at);
        self.calls.send(format!("stopped {name}")).unwrap();
        // Its start is no more, and then its end has come.
        Self::job_removed(&emitter, 7, path(), name, "canceled").await?;
        Self::job_removed(&emitter, 8, stop_path(), name, "done").await?;
        Ok(stop_path())
    }

    fn unref_unit(&self, name: &str) {
        self.calls.send(format!("unref {name}")).unwrap();
    }

    fn get_unit(&self, _name: String) -> OwnedObjectPath {
        "/org/freedesktop/systemd1/unit/u".try_into().unwrap()
    }

    #[expect(clippy::type_complexity, clippy::needless_pass_by_value, reason = "systemd's own")]
    fn list_units_by_patterns(
        &self,
        states: Vec<String>,
        patterns: Vec<String>,
    ) -> Vec<(String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath)>
    {
        self.calls.send(format!("list {states:?} {patterns:?}")).unwrap();
        let unit = |name: &str| {
            let words = || String::new();
            let job = (0, words(), path());
            (name.to_owned(), words(), words(), words(), words(), words(), path(), job.0, job.1, job.2)
        };
        let wanted = |state: &str| states.is_empty() || states.iter().any(|wanted| wanted == state);
        let units = self.units.lock().unwrap();
        units.iter().filter(|(_, state)| wanted(state)).map(|(name, _)| unit(name)).collect()
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

struct Unit(Arc<Mutex<(&'static str, i32, i32)>>);

#[interface(name = "org.freedesktop.systemd1.Service")]
impl Unit {
    #[zbus(property)]
    fn result(&self) -> String {
        self.0.lock().unwrap().0.to_owned()
    }

    #[zbus(property)]
    fn exec_main_code(&self) -> i32 {
        self.0.lock().unwrap().1
    }

    #[zbus(property)]
    fn exec_main_status(&self) -> i32 {
        self.0.lock().unwrap().2
    }
}

pub(crate) struct World {
    pub(crate) bus: PrivateBus,
    manager: Manager,
    _double: Connection,
    pub(crate) calls: mpsc::UnboundedReceiver<String>,
}

pub(crate) async fn connect(bus: &PrivateBus) -> Connection {
    zbus::connection::Builder::address(bus.address().as_str()).build().await.unwrap()
}

async fn double(bus: &PrivateBus, manager: &Manager) -> Connection {
    let double = connect(bus).await;
    let unit = Unit(Arc::clone(&manager.result));
    double.object_server().at(PATH, manager.clone()).await.unwrap();
    double.object_server().at("/org/freedesktop/systemd1/unit/u", unit).await.unwrap();
    double.request_name(NAME).await.unwrap();
    double
}

/// `start 1 thaw`, `stop 1`, `stopped 1`, `list all`.
pub(crate) fn short(call: &str) -> String {
    let mut words = call.split_whitespace();
    let (what, whom) = (words.next().unwrap(), words.next().unwrap());
    if what == "list" {
        return format!("list {}", if whom == "[]" { "all" } else { whom });
    }
    let hook = whom.trim_start_matches("hv-vss-hook-").split('-').next().unwrap();
    let phase =
        ["freeze-failed", "freeze", "thaw"].iter().find(|phase| call.contains(&format!(", {phase}\"")));
    phase.map_or_else(|| format!("{what} {hook}"), |phase| format!("{what} {hook} {phase}"))
}

impl World {
    /// `None` where there is no dbus-daemon.
    pub(crate) async fn new(test: &str, plays: &[Play]) -> Option<Self> {
        let bus = PrivateBus::start(test)?;
        let (sender, calls) = mpsc::unbounded_channel();
        let manager = Manager {
            plays: Arc::new(Mutex::new(plays.iter().cloned().collect())),
            calls: sender,
            result: Arc::new(Mutex::new(("success", 0, 0))),
            units: Arc::default(),
            stops: Arc::new(Semaphore::new(1)),
        };
        let double = double(&bus, &manager).await;
        Some(Self { bus, manager, _double: double, calls })
    }

    /// A unit that is there.
    pub(crate) fn unit(&self, name: &str, state: &'static str) {
        self.manager.units.lock().unwrap().push((name.to_owned(), state));
    }

    /// No stop ends before [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.manager.stops.forget_permits(1);
    }

    pub(crate) fn release(&self) {
        self.manager.stops.add_permits(1);
    }

    /// Another bus, with the same systemd on it.
    pub(crate) async fn restart(&mut self) {
        self.bus.restart();
        self._double = double(&self.bus, &self.manager).await;
    }

    /// The first words of all calls so far: what is done, and to which hook.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let calls = std::iter::from_fn(|| self.calls.try_recv().ok());
        calls.filter(|call| !call.starts_with("unref ")).map(|call| short(&call)).collect()
    }

    /// The next call, without its unit's number.
    pub(crate) async fn call(&mut self) -> String {
        self.calls.recv().await.unwrap()
    }
}
