//! An injection that is written and whose manager has not put it into force: waits for it, then judges.
//!
//! A replica's address arrives before any network manager runs. Once the manager is up it has a limited time; then what was
//! there before returns, and the failure stands in history and log. The host has its answer long since.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::Outcome;
use tokio::time::{Instant, timeout};

use super::transaction::Undone;
use super::workshop::Workshop;
use crate::backend::{Backend, Readiness};
use crate::engine::{Seen, look};
use crate::error::Error;
use crate::readback::Reader;
use crate::state::{Phase, Transaction, WayBack};

/// How often a manager that is not there yet is looked for, at first and later; the kernel's news come in between.
const EAGER: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_secs(30);
/// After so many looks it is done calmly.
const EAGER_LOOKS: u32 = 60;

impl Workshop {
    /// Watches over what is pending, until it is decided.
    pub(super) fn watch(self: &Rc<Self>, back: WayBack) {
        let (workshop, busy) = (Rc::clone(self), self.busy());
        tokio::task::spawn_local(async move {
            tokio::select! {
                () = workshop.ended() => {}
                () = decide(&workshop, &back) => {}
            }
            drop(busy);
        });
    }
}

async fn decide(workshop: &Rc<Workshop>, back: &WayBack) {
    let result = match workshop.backend(&back.backend) {
        Ok(backend) => wait(workshop, back, &*backend).await,
        Err(error) => Err(error),
    };
    let _bench = workshop.wait().await;
    if !workshop.state.is_pending(back) {
        // Another injection, or a revert, has taken its place.
        return;
    }
    let settled = match result {
        Ok(()) => {
            tracing::info!("{}: {} has put into force what was written", back.target.interface, back.backend);
            workshop.state.settle(&back.record, Outcome::Applied, "")
        }
        Err(error) => undo(workshop, back, &error).await,
    };
    if let Err(error) = workshop.state.drop_pending(&back.target.adapter) {
        tracing::error!("{error}");
    }
    workshop.tell(settled);
}

/// Waits for the manager, then for the result.
async fn wait(workshop: &Workshop, back: &WayBack, backend: &dyn Backend) -> Result<(), Error> {
    let mut reader = Reader::open(&workshop.world.roots.sysfs)?;
    let mut looks = 0_u32;
    let mut due: Option<Instant> = None;
    let mut pushed = false;
    let limit = workshop.world.settings.apply_timeout * 2;
    loop {
        let target = workshop.current(&back.target);
        let missing = match look(&back.record.injection, target.index, reader.table()?) {
            Seen::There => return Ok(()),
            Seen::Never(why) | Seen::NotYet(why) => why,
        };
        let ready = backend.readiness(&target).await == Readiness::Ready;
        let now = Instant::now();
        let due_at = *due.get_or_insert(now + limit);
        if !ready {
            due = None;
        } else if now >= due_at {
            return Err(Error::not_applied(format!("{} runs, and {missing}", back.backend)));
        } else if !pushed && due_at - now <= limit / 2 {
            // It may have started before it could see the file.
            pushed = true;
            if let Err(error) = backend.activate(&target).await {
                tracing::warn!("{}: {error}", target.interface);
            }
        }
        looks = looks.saturating_add(1);
        let pause = if looks < EAGER_LOOKS { EAGER } else { CALM };
        let _ = timeout(pause, reader.changed()).await;
        // A burst of announcements is looked at once.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn undo(workshop: &Workshop, back: &WayBack, error: &Error) -> hv_utils_core::netapply::Record {
    let transaction =
        Transaction { phase: Phase::Applying, pending: true, reverting: false, back: back.clone() };
    let undone = match workshop.state.begin(&transaction).and_then(|()| workshop.backend(&back.backend)) {
        Ok(backend) => workshop.lead_back(&transaction, &*backend).await,
        Err(error) => Undone::NotWhole(error),
    };
    let message = match undone {
        Undone::Whole => format!("undone: {error}"),
        Undone::NotWhole(left) => format!("{error}; and {left}"),
    };
    tracing::error!("{}: {message}", back.target.interface);
    if let Err(error) = workshop.state.drop_undo(&back.target.adapter) {
        tracing::warn!("{error}");
    }
    workshop.state.settle(&back.record, Outcome::Failed, &message)
}
