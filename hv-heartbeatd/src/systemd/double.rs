//! A double of systemd's on a bus of the test's own: how the system and its units are, and what it is asked.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use hv_utils_core::bus::units::{MANAGER, NAME, PATH, Row, UNIT, path};
use zbus::object_server::SignalEmitter;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, ObjectServer, fdo, interface};

#[derive(Debug, Clone)]
struct Unit {
    id: String,
    /// Load state; only what is `loaded` is listed.
    load: String,
    active: String,
    sub: String,
    job: String,
    /// Nobody uses it, so it is not kept in memory.
    is_forgotten: bool,
}

#[derive(Debug, Default)]
struct State {
    system: String,
    units: Vec<Unit>,
    aliases: Vec<(String, String)>,
    calls: Vec<String>,
    refuses: bool,
    hangs: bool,
}

/// What the double knows; outlives its connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Double(Arc<Mutex<State>>);

fn object(id: &str) -> OwnedObjectPath {
    path(id).try_into().unwrap()
}

struct UnitObject {
    double: Double,
    id: String,
}

#[interface(name = "org.freedesktop.systemd1.Unit")]
impl UnitObject {
    #[zbus(property)]
    fn load_state(&self) -> String {
        let state = self.double.state();
        let unit = state.units.iter().find(|unit| unit.id == self.id);
        unit.map_or_else(|| "not-found".to_owned(), |unit| unit.load.clone())
    }
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Double {
    fn subscribe(&self) {
        self.asked("subscribe");
    }

    async fn load_unit(&self, name: &str, #[zbus(object_server)] server: &ObjectServer) -> OwnedObjectPath {
        self.asked("load");
        let alias = self.state().aliases.iter().find(|(alias, _)| alias == name).map(|(_, id)| id.clone());
        let id = alias.unwrap_or_else(|| name.to_owned());
        let unit = UnitObject { double: self.clone(), id: id.clone() };
        server.at(object(&id), unit).await.unwrap();
        object(&id)
    }

    #[expect(clippy::needless_pass_by_value, reason = "systemd's own")]
    async fn list_units_by_patterns(
        &self,
        states: Vec<String>,
        patterns: Vec<String>,
    ) -> fdo::Result<Vec<Row>> {
        assert!(states.is_empty() && !patterns.is_empty());
        self.asked("list");
        if self.state().hangs {
            pending::<()>().await;
        }
        let state = self.state();
        if state.refuses {
            return Err(fdo::Error::AccessDenied("not today".to_owned()));
        }
        let row = |unit: &Unit| {
            let Unit { id, load, active, sub, job, .. } = unit.clone();
            let path = object(&id);
            (id, String::new(), load, active, sub, String::new(), path.clone(), 7, job, path)
        };
        // By their own names only.
        let wanted = |unit: &&Unit| !unit.is_forgotten && patterns.contains(&unit.id);
        Ok(state.units.iter().filter(wanted).map(row).collect())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn system_state(&self) -> String {
        self.asked("state");
        if self.state().hangs {
            pending::<()>().await;
        }
        self.state().system.clone()
    }

    #[zbus(signal)]
    async fn unit_new(emitter: &SignalEmitter<'_>, id: &str, unit: OwnedObjectPath) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn reloading(emitter: &SignalEmitter<'_>, active: bool) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn startup_finished(emitter: &SignalEmitter<'_>, firmware: u64) -> zbus::Result<()>;
}

impl Double {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn asked(&self, what: &str) {
        self.state().calls.push(what.to_owned());
    }

    /// How often it was asked this.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.state().calls.iter().filter(|call| *call == what).count()
    }

    /// systemd comes to the bus that `bus` is connected to.
    pub(crate) async fn boot(&self, bus: &Connection) {
        bus.object_server().at(PATH, self.clone()).await.unwrap();
        bus.request_name(NAME).await.unwrap();
    }

    /// It answers, but not what it is asked.
    pub(crate) fn refuse(&self) {
        self.state().refuses = true;
    }

    /// It answers no more.
    pub(crate) fn hang(&self) {
        self.state().hangs = true;
    }

    /// How the system is; nobody is told.
    pub(crate) fn system(&self, word: &str) {
        word.clone_into(&mut self.state().system);
    }

    /// A name that another unit has.
    pub(crate) fn alias(&self, alias: &str, id: &str) {
        self.state().aliases.push((alias.to_owned(), id.to_owned()));
    }

    /// How a unit is (`active/sub` or `active`), and the type of its job; nobody is told.
    pub(crate) fn unit(&self, id: &str, how: &str, job: &str) {
        let (active, sub) = how.split_once('/').unwrap_or((how, how));
        let (active, sub, job) = (active.to_owned(), sub.to_owned(), job.to_owned());
        let unit =
            Unit { id: id.to_owned(), load: "loaded".to_owned(), active, sub, job, is_forgotten: false };
        let mut state = self.state();
        state.units.retain(|unit| unit.id != id);
        state.units.push(unit);
    }

    /// A unit that does not run, and is not kept in memory; nobody is told.
    pub(crate) fn idle(&self, id: &str, load: &str) {
        self.unit(id, "inactive/dead", "");
        for unit in self.state().units.iter_mut().filter(|unit| unit.id == id) {
            (unit.load, unit.is_forgotten) = (load.to_owned(), true);
        }
    }

    /// A unit's file was removed while it is in use; nobody is told.
    pub(crate) fn file_is_gone(&self, id: &str) {
        for unit in self.state().units.iter_mut().filter(|unit| unit.id == id) {
            "not-found".clone_into(&mut unit.load);
        }
    }

    /// Tells that something of a unit differs.
    pub(crate) async fn tell_unit(&self, bus: &Connection, id: &str) {
        tell(bus, &path(id), UNIT, "ActiveState").await;
    }

    /// Tells that a unit was loaded.
    pub(crate) async fn tell_new(&self, bus: &Connection, id: &str) {
        let emitter = SignalEmitter::new(bus, PATH).unwrap();
        Double::unit_new(&emitter, id, object(id)).await.unwrap();
    }

    /// Tells that another number of units has failed.
    pub(crate) async fn tell_failures(&self, bus: &Connection) {
        tell(bus, PATH, MANAGER, "NFailedUnits").await;
    }

    /// Tells that the boot is over.
    pub(crate) async fn tell_started(&self, bus: &Connection) {
        Double::startup_finished(&SignalEmitter::new(bus, PATH).unwrap(), 1).await.unwrap();
    }

    /// It reads its files again.
    pub(crate) async fn tell_reload(&self, bus: &Connection) {
        let emitter = SignalEmitter::new(bus, PATH).unwrap();
        for active in [true, false] {
            Double::reloading(&emitter, active).await.unwrap();
        }
    }
}

async fn tell(bus: &Connection, path: &str, interface: &'static str, property: &'static str) {
    let emitter = SignalEmitter::new(bus, path.to_owned()).unwrap();
    let (interface, invalidated) = (interface.try_into().unwrap(), [property]);
    let invalidated = (&invalidated[..]).into();
    fdo::Properties::properties_changed(&emitter, interface, Default::default(), invalidated).await.unwrap();
}
