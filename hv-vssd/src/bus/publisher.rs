//! Announces what Vss1 shows, from a task of its own: the service's loop never waits for the bus.
//!
//! What is shown may change faster than the bus takes it; then what was between is left out. `Thawed` is told by the
//! report of the freeze, not by the state, so that it is not lost even then, and is told once. A freeze that froze nothing
//! has neither signal.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant, fdo};

use super::remote::{Shown, ShownState};
use super::vss1::{VSS1, Vss1, last_freeze, mounts, origin};
use crate::report::FreezeReport;

/// The task; ends with the value, and with it what it holds of its connection.
#[derive(Debug)]
pub struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Begins to announce on `path` what differs from now on. Needs a tokio runtime.
    #[must_use]
    pub fn start(bus: Connection, path: &'static str, mut shown: watch::Receiver<Shown>) -> Publisher {
        // Here and not in the task: what changes before that begins is told.
        let told = shown.borrow_and_update().clone();
        Publisher::of(publish(bus, path, shown, told))
    }

    fn of(work: impl Future<Output = ()> + Send + 'static) -> Publisher {
        Publisher(tokio::spawn(work))
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
        let before = std::mem::replace(&mut told, now);
        if tell(&emitter, &before, &told).await.is_err() && bus.is_closed() {
            return;
        }
    }
}

async fn tell(emitter: &SignalEmitter<'_>, before: &Shown, now: &Shown) -> zbus::Result<()> {
    let changed = changed(before, now);
    if !changed.is_empty() {
        let interface = zbus::names::InterfaceName::from_static_str_unchecked(VSS1);
        fdo::Properties::properties_changed(emitter, interface, changed, Cow::Borrowed(&[])).await?;
    }
    if let Some(report) = thawed(before, now) {
        Vss1::thawed(emitter, report.frozen_us, report.cause.as_str()).await?;
    }
    if is_newly_frozen(before, now) {
        Vss1::frozen(emitter, &mounts(now)).await?;
    }
    Ok(())
}

/// The properties that differ.
fn changed(before: &Shown, now: &Shown) -> HashMap<&'static str, Variant<'static>> {
    let mut changed = HashMap::new();
    if before.state != now.state {
        changed.insert("State", Variant::from(now.state.as_str()));
    }
    if before.origin != now.origin {
        changed.insert("Origin", Variant::from(origin(now)));
    }
    if before.frozen_mounts != now.frozen_mounts {
        changed.insert("FrozenMounts", Variant::from(mounts(now)));
    }
    if before.frozen_since != now.frozen_since {
        changed.insert("FrozenSince", Variant::from(now.frozen_since));
    }
    if before.deadline != now.deadline {
        changed.insert("Deadline", Variant::from(now.deadline));
    }
    if before.last != now.last {
        changed.insert("LastFreeze", Variant::from(last_freeze(now)));
    }
    changed
}

/// The report of a freeze that is newly over, if it did freeze something. What is added to a report is no news.
fn thawed<'a>(before: &Shown, now: &'a Shown) -> Option<&'a Arc<FreezeReport>> {
    let known = before.last.as_ref().map(|report| report.started_us);
    // Shorter than a microsecond, it was frozen all the same.
    let froze = |report: &FreezeReport| report.frozen_us > 0 || !before.frozen_mounts.is_empty();
    now.last.as_ref().filter(|report| froze(report) && known != Some(report.started_us))
}

fn is_newly_frozen(before: &Shown, now: &Shown) -> bool {
    let frozen = |shown: &Shown| shown.state == ShownState::Frozen && !shown.frozen_mounts.is_empty();
    frozen(now) && (!frozen(before) || before.frozen_since != now.frozen_since)
}

#[cfg(test)]
mod tests;
