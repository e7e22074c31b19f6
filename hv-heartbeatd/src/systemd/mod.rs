//! What systemd says of the system and of units, over D-Bus. Nothing polls ([`hv_utils_core::bus::units`]).
//!
//! `SystemState` has no change signal, but each thing that it is made of has: `NFailedUnits` (degraded), StartupFinished
//! (starting, running), and the jobs and states of three targets (stopping, maintenance). They are listened to, and each is
//! a reason to read the word again. So seen with systemd 252 and its source (`manager_state`).

mod follow;
mod seen;

pub use seen::{Seen, UnitSeen, Wanted};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::Connection;

/// Keeps an eye on what is wanted, on one bus.
#[derive(Debug)]
pub struct Watch {
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Of what is wanted, on this bus; `before` is what was seen until now, and stands until systemd says something else.
    /// Needs a tokio runtime.
    #[must_use]
    pub fn start(bus: Connection, wanted: Wanted, before: Seen) -> Watch {
        let (known, seen) = watch::channel(before.of(&wanted));
        Watch { seen, task: tokio::spawn(follow::follow(bus, wanted, known, follow::PATIENCE)) }
    }

    /// Of what a test says.
    #[cfg(test)]
    pub(crate) fn on(seen: watch::Receiver<Seen>) -> Watch {
        Watch { seen, task: tokio::spawn(async {}) }
    }

    /// What is seen now.
    #[must_use]
    pub fn now(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until something else is seen than this has said last. Cancel safe.
    pub async fn changed(&mut self) -> Seen {
        // The task leaves the end of its bus as what it sees last.
        if self.seen.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.seen.borrow_and_update().clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod double;
#[cfg(test)]
mod tests;
