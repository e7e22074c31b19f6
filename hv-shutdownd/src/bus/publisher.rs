//! Announces what Shutdown1 shows, from a task of its own: the service's loop never waits for the bus.
//!
//! What is shown may change faster than the bus takes it; then what was between is left out. A request is announced by
//! [`announce`], which whoever is about to begin it waits for, but not for long.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant, fdo};

use super::board::{Board, Shown};
use super::shutdown1::{SHUTDOWN1, Shutdown1, inhibitors, last_request, outcome, text};
use crate::history::Row;
use crate::inhibit::{Held, Inhibitors};

/// How long a bus may take for one signal before the request goes on without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells of a request, and returns when the bus has taken it, or has had its time.
pub async fn announce(bus: &Connection, path: &'static str, row: &Row) {
    let Ok(emitter) = SignalEmitter::new(bus, path) else { return };
    let text = text(&row.text);
    let told =
        Shutdown1::requested(&emitter, row.when, &row.action, row.forced, row.reason, row.timeout, &text);
    if !matches!(timeout(PATIENCE, told).await, Ok(Ok(()))) {
        tracing::debug!("the bus does not take the announcement of the request");
    }
}

/// The task; ends with the value, and with it what it holds of its connection.
#[derive(Debug)]
pub struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Begins to announce on `path` what differs from now on. Needs a tokio runtime.
    #[must_use]
    pub fn start(bus: Connection, path: &'static str, board: &Board, inhibitors: &Inhibitors) -> Publisher {
        // Here and not in the task: what changes before that begins is told.
        let mut shown = board.subscribe();
        let mut changes = inhibitors.changes();
        let (mut told, mut held) = (shown.borrow_and_update().clone(), changes.now());
        Publisher(tokio::spawn(async move {
            let Ok(emitter) = SignalEmitter::new(&bus, path) else { return };
            loop {
                let (now, now_held) = tokio::select! {
                    changed = shown.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        (shown.borrow_and_update().clone(), held.clone())
                    }
                    now_held = changes.next() => (told.clone(), now_held),
                };
                let changed = changed((&told, &held), (&now, &now_held));
                (told, held) = (now, now_held);
                if tell(&emitter, changed).await.is_err() && bus.is_closed() {
                    return;
                }
            }
        }))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn tell(
    emitter: &SignalEmitter<'_>,
    changed: HashMap<&'static str, Variant<'static>>,
) -> zbus::Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let interface = zbus::names::InterfaceName::from_static_str_unchecked(SHUTDOWN1);
    fdo::Properties::properties_changed(emitter, interface, changed, Cow::Borrowed(&[])).await
}

/// The properties that differ, of those that have a change signal.
fn changed(
    (before, held): (&Shown, &[Held]),
    (now, now_held): (&Shown, &[Held]),
) -> HashMap<&'static str, Variant<'static>> {
    let mut changed = HashMap::new();
    if before.pending != now.pending {
        changed.insert("Pending", Variant::from(now.pending));
    }
    if last_request(before) != last_request(now) {
        changed.insert("LastRequest", Variant::from(last_request(now)));
    }
    if outcome(before) != outcome(now) {
        changed.insert("Outcome", Variant::from(outcome(now)));
    }
    if held != now_held {
        changed.insert("Inhibitors", Variant::from(inhibitors(now_held)));
    }
    changed
}
