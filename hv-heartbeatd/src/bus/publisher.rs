//! Announces what Heartbeat1 shows, from a task of its own: the service's loop never waits for the bus.
//!
//! What changes faster than the bus takes it is left out. A heartbeat is no news to anybody.

use std::borrow::Cow;
use std::collections::HashMap;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant, fdo};

use super::board::{Board, Shown};
use super::heartbeat1::{HEARTBEAT1, sources};

/// The task; ends with the value, and with it what it holds of its connection.
#[derive(Debug)]
pub struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Begins to announce on `path` what differs from now on. One at a time. Needs a tokio runtime.
    #[must_use]
    pub fn start(bus: Connection, path: &'static str, board: &Board) -> Publisher {
        // Here and not in the task: what changes before that begins is told.
        let mut shown = board.subscribe();
        let told = shown.borrow_and_update().clone();
        Publisher(tokio::spawn(publish(bus, path, shown, told)))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn publish(bus: Connection, path: &'static str, mut shown: watch::Receiver<Shown>, mut told: Shown) {
    let Ok(emitter) = SignalEmitter::new(&bus, path) else { return };
    while shown.changed().await.is_ok() {
        let now = shown.borrow_and_update().clone();
        let changed = changed(&told, &now);
        told = now;
        if changed.is_empty() {
            continue;
        }
        let interface = zbus::names::InterfaceName::from_static_str_unchecked(HEARTBEAT1);
        let sent =
            fdo::Properties::properties_changed(&emitter, interface, changed, Cow::Borrowed(&[])).await;
        if sent.is_err() && bus.is_closed() {
            return;
        }
    }
}

/// The properties that differ, of those that have a change signal.
fn changed(before: &Shown, now: &Shown) -> HashMap<&'static str, Variant<'static>> {
    let mut changed = HashMap::new();
    if before.state != now.state {
        changed.insert("ApplicationState", Variant::from(now.state.name()));
    }
    if before.sources != now.sources {
        changed.insert("Sources", Variant::from(sources(now)));
    }
    changed
}
