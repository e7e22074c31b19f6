//! A double of systemd's on a bus of the test's own: units that it knows, and what it is asked.

use std::sync::{Arc, Mutex};

use hv_utils_core::bus::units::{NAME, PATH, Row, UNIT, path};
use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, fdo, interface};

use crate::bus::support::PrivateBus;

#[derive(Debug, Clone)]
struct Unit {
    id: &'static str,
    /// Names besides its own.
    aliases: &'static [&'static str],
    state: &'static str,
    /// The type of its job; empty: it has none.
    job: &'static str,
}

#[derive(Debug, Clone)]
struct Manager {
    units: Arc<Mutex<Vec<Unit>>>,
    /// Files of units that are not loaded: names and own name.
    files: Arc<Mutex<Vec<(&'static str, &'static str)>>>,
    calls: mpsc::UnboundedSender<String>,
    /// A unit that ends, without a word, as soon as it was asked for.
    fleeting: Arc<Mutex<Option<&'static str>>>,
    refuses: bool,
}

fn object(id: &str) -> OwnedObjectPath {
    path(id).try_into().unwrap()
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn subscribe(&self) {
        self.calls.send("subscribe".to_owned()).unwrap();
    }

    fn load_unit(&self, name: &str) -> OwnedObjectPath {
        let units = self.units.lock().unwrap();
        let unit = units.iter().find(|unit| unit.id == name || unit.aliases.contains(&name));
        let files = self.files.lock().unwrap();
        let file = files.iter().find(|(alias, _)| *alias == name).map(|(_, id)| *id);
        self.calls.send("load".to_owned()).unwrap();
        object(unit.map(|unit| unit.id).or(file).unwrap_or(name))
    }

    #[expect(clippy::needless_pass_by_value, reason = "systemd's own")]
    fn list_units_by_patterns(&self, states: Vec<String>, patterns: Vec<String>) -> fdo::Result<Vec<Row>> {
        assert!(states.is_empty(), "what does not run is as if it were not there");
        self.calls.send("list".to_owned()).unwrap();
        if self.refuses {
            return Err(fdo::Error::AccessDenied("not today".to_owned()));
        }
        let words = || String::new();
        let row = |unit: &Unit| {
            let (state, job) = (unit.state.to_owned(), unit.job.to_owned());
            let path = object(unit.id);
            (unit.id.to_owned(), words(), words(), state, words(), words(), path.clone(), 7, job, path)
        };
        // By their own names only.
        let wanted = |unit: &&Unit| patterns.iter().any(|pattern| pattern == unit.id);
        let mut units = self.units.lock().unwrap();
        let rows = units.iter().filter(wanted).map(row).collect();
        if let Some(id) = self.fleeting.lock().unwrap().take() {
            units.iter_mut().filter(|unit| unit.id == id).for_each(|unit| unit.state = "inactive");
        }
        Ok(rows)
    }

    #[zbus(signal)]
    async fn unit_new(emitter: &SignalEmitter<'_>, id: &str, unit: OwnedObjectPath) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn reloading(emitter: &SignalEmitter<'_>, active: bool) -> zbus::Result<()>;
}

pub(super) struct World {
    pub(super) bus: PrivateBus,
    manager: Manager,
    double: Option<Connection>,
    calls: mpsc::UnboundedReceiver<String>,
}

pub(super) async fn connect(bus: &PrivateBus) -> Connection {
    zbus::connection::Builder::address(bus.address().as_str()).build().await.unwrap()
}

impl World {
    /// A bus with nobody on it. `None` where there is no dbus-daemon.
    pub(super) fn empty(test: &str) -> Option<World> {
        let bus = PrivateBus::start(test)?;
        let (sender, calls) = mpsc::unbounded_channel();
        let (units, files, fleeting) = (Arc::default(), Arc::default(), Arc::default());
        let manager = Manager { units, files, calls: sender, fleeting, refuses: false };
        Some(World { bus, manager, double: None, calls })
    }

    /// The same, with a systemd.
    pub(super) async fn new(test: &str) -> Option<World> {
        let mut world = World::empty(test)?;
        world.boot().await;
        Some(world)
    }

    /// systemd comes to the bus.
    pub(super) async fn boot(&mut self) {
        let double = connect(&self.bus).await;
        double.object_server().at(PATH, self.manager.clone()).await.unwrap();
        double.request_name(NAME).await.unwrap();
        self.double = Some(double);
    }

    /// systemd's connection ends; what it knows stays.
    pub(super) async fn leave(&mut self) {
        self.double.take().unwrap().close().await.unwrap();
    }

    /// It answers, but not what it is asked.
    pub(super) fn refuse(&mut self) {
        self.manager.refuses = true;
    }

    /// This one ends as soon as it was asked for, and nobody is told.
    pub(super) fn is_fleeting(&self, id: &'static str) {
        *self.manager.fleeting.lock().unwrap() = Some(id);
    }

    /// A unit that is loaded, without a word about it.
    pub(super) fn has(&self, id: &'static str, aliases: &'static [&'static str], state: &'static str) {
        self.manager.units.lock().unwrap().push(Unit { id, aliases, state, job: "" });
    }

    /// The file of a unit that is not loaded.
    pub(super) fn file(&self, alias: &'static str, id: &'static str) {
        self.manager.files.lock().unwrap().push((alias, id));
    }

    fn emitter(&self, path: &'static str) -> SignalEmitter<'static> {
        SignalEmitter::new(self.double.as_ref().unwrap(), path).unwrap().into_owned()
    }

    /// A unit is loaded.
    pub(super) async fn load(&self, id: &'static str, state: &'static str) {
        self.has(id, &[], state);
        Manager::unit_new(&self.emitter(PATH), id, object(id)).await.unwrap();
    }

    /// A unit that is loaded is in this state from now on, and has a job of this type.
    pub(super) async fn change(&self, id: &str, state: &'static str, job: &'static str) {
        for unit in self.manager.units.lock().unwrap().iter_mut().filter(|unit| unit.id == id) {
            (unit.state, unit.job) = (state, job);
        }
        self.tell(id).await;
    }

    /// Something of a unit differs.
    pub(super) async fn tell(&self, id: &str) {
        let emitter = SignalEmitter::new(self.double.as_ref().unwrap(), path(id)).unwrap();
        let interface = UNIT.try_into().unwrap();
        fdo::Properties::properties_changed(&emitter, interface, Default::default(), (&["Job"]).into())
            .await
            .unwrap();
    }

    /// It reads its files again.
    pub(super) async fn reload(&self) {
        for active in [true, false] {
            Manager::reloading(&self.emitter(PATH), active).await.unwrap();
        }
    }

    /// The next question.
    pub(super) async fn call(&mut self) -> String {
        self.calls.recv().await.unwrap()
    }

    /// Waits for a question like this.
    pub(super) async fn asked(&mut self, what: &str) {
        while self.call().await != what {}
    }

    /// How many such questions there were that nobody has looked at.
    pub(super) fn count(&mut self, what: &str) -> usize {
        std::iter::from_fn(|| self.calls.try_recv().ok()).filter(|call| call == what).count()
    }
}
