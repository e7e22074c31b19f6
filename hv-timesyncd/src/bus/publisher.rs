//! Announces what TimeSync1 shows, from a task of its own: the service's loop never waits for the bus.
//!
//! Properties may change faster than the bus takes it; then what was between is left out. Samples and steps are told one
//! by one, in the order in which they came. A sample is a signal that no bus sends to anybody who has not asked for it;
//! whoever is woken by it wants to be.

use std::borrow::Cow;
use std::collections::HashMap;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant, fdo};

use super::board::{Board, News};
use super::shown::Shown;
use super::timesync1::{TIMESYNC1, TimeSync1, clients, fed, source, text};

/// The task; ends with the value, and with it what it holds of its connection.
#[derive(Debug)]
pub struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Begins to announce on `path` what differs, and what happens, from now on. One at a time. Needs a tokio runtime.
    #[must_use]
    pub fn start(bus: Connection, path: &'static str, board: Board) -> Publisher {
        // Here and not in the task: what changes before that begins is told.
        let mut shown = board.subscribe();
        let told = shown.borrow_and_update().clone();
        board.forget_news();
        Publisher(tokio::spawn(publish(bus, path, board, shown, told)))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn publish(
    bus: Connection,
    path: &'static str,
    board: Board,
    mut shown: watch::Receiver<Shown>,
    mut told: Shown,
) {
    let Ok(emitter) = SignalEmitter::new(&bus, path) else { return };
    loop {
        let sent = tokio::select! {
            changed = shown.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = shown.borrow_and_update().clone();
                let before = std::mem::replace(&mut told, now);
                tell(&emitter, &before, &told).await
            }
            news = board.news() => announce(&emitter, news).await,
        };
        if sent.is_err() && bus.is_closed() {
            return;
        }
    }
}

async fn announce(emitter: &SignalEmitter<'_>, news: News) -> zbus::Result<()> {
    match news {
        News::Sampled(row) => {
            TimeSync1::sampled(emitter, row.when, row.offset, row.delay, row.verdict.name()).await
        }
        News::Stepped(ns, why) => TimeSync1::stepped(emitter, ns, &text(&why)).await,
    }
}

async fn tell(emitter: &SignalEmitter<'_>, before: &Shown, now: &Shown) -> zbus::Result<()> {
    let changed = changed(before, now);
    if changed.is_empty() {
        return Ok(());
    }
    let interface = zbus::names::InterfaceName::from_static_str_unchecked(TIMESYNC1);
    fdo::Properties::properties_changed(emitter, interface, changed, Cow::Borrowed(&[])).await
}

/// The properties that differ, of those that have a change signal.
fn changed(before: &Shown, now: &Shown) -> HashMap<&'static str, Variant<'static>> {
    let mut changed = HashMap::new();
    if before.mode != now.mode {
        changed.insert("Mode", Variant::from(now.mode.name()));
    }
    if before.ruler != now.ruler {
        changed.insert("Ruler", Variant::from(now.ruler.name()));
    }
    if before.clients != now.clients {
        changed.insert("Clients", Variant::from(clients(now)));
    }
    if before.fed != now.fed {
        changed.insert("Fed", Variant::from(fed(now)));
    }
    if before.method != now.method {
        changed.insert("Source", Variant::from(source(now)));
    }
    changed
}

#[cfg(test)]
mod tests;
