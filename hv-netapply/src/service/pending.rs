//! An injection that is written and whose manager has not put it into force: waits for it, then judges.
//!
//! A replica's address arrives before any network manager runs. Once the manager is up it has a limited time; then what was
//! there before returns, and the failure stands in history and log. The host has its answer long since.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::{Outcome, Record};
use tokio::time::{Instant, sleep, timeout};

use super::back::Undone;
use super::workshop::Workshop;
use crate::backend::{Backend, Readiness};
use crate::engine::{Seen, look};
use crate::error::Error;
use crate::readback::Reader;
use crate::state::{Phase, Transaction, WayBack, is_same};

/// How often a manager that is not there yet is looked for, and from when on more calmly: it is either about to start, or
/// somebody has to do something about it. What the kernel says wakes us in any case.
const PAUSES: [(u32, Duration); 2] = [(60, Duration::from_secs(2)), (120, Duration::from_secs(15))];
const LONG_PAUSE: Duration = Duration::from_secs(600);

impl Workshop {
    /// Watches over what is pending, until it is decided; once, however often it is asked for.
    pub(super) fn watch(self: &Rc<Self>, back: WayBack) {
        let who = (back.record.time, back.target.adapter.clone());
        if !self.watched.borrow_mut().insert(who.clone()) {
            return;
        }
        let (workshop, busy) = (Rc::clone(self), self.busy());
        tokio::task::spawn_local(async move {
            tokio::select! {
                () = workshop.ended() => {}
                () = decide(&workshop, &back) => {}
            }
            workshop.watched.borrow_mut().remove(&who);
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
    let mut due: Option<Instant> = None;
    let mut pushed = false;
    let limit = workshop.world.settings.apply_timeout * 2;
    for looks in 0_u32.. {
        if !workshop.state.is_pending(back) {
            return Ok(());
        }
        let target = workshop.current(&back.target);
        let ready = match &target {
            Some(target) => backend.readiness(target).await == Readiness::Ready,
            None => false,
        };
        // What is there before the manager runs is not its doing.
        if let Some(target) = target.filter(|_| ready) {
            let missing = match look(&back.record.injection, target.index, reader.table()?) {
                Seen::There => return Ok(()),
                Seen::Never(why) | Seen::NotYet(why) => why,
            };
            let now = Instant::now();
            let due = *due.get_or_insert(now + limit);
            if now >= due {
                return Err(Error::not_applied(format!("{} runs, and {missing}", back.backend)));
            }
            if !pushed && due - now <= limit / 2 {
                // It may have started before it could see the file.
                pushed = true;
                push(workshop, back, backend, &target).await;
            }
        } else {
            due = None;
        }
        let waiting = PAUSES.iter().find(|(until, _)| looks < *until).map_or(LONG_PAUSE, |(_, pause)| *pause);
        let pause = if due.is_some() { PAUSES[0].1 } else { waiting };
        let _ = timeout(pause, reader.changed()).await;
        // A burst of announcements is looked at once.
        sleep(Duration::from_millis(50)).await;
        reader.table()?;
    }
    Ok(())
}

async fn push(workshop: &Workshop, back: &WayBack, backend: &dyn Backend, target: &crate::backend::Target) {
    let _bench = workshop.wait().await;
    if workshop.state.is_pending(back)
        && let Err(error) = backend.activate(target).await
    {
        tracing::warn!("{}: {error}", target.interface);
    }
}

async fn undo(workshop: &Rc<Workshop>, back: &WayBack, error: &Error) -> Record {
    let transaction =
        Transaction { phase: Phase::Applying, pending: true, reverting: false, back: back.clone() };
    let undone = match workshop.state.journal(&transaction).and_then(|()| workshop.backend(&back.backend)) {
        Ok(backend) => workshop.lead_back(&transaction, &*backend).await,
        Err(error) => Undone::NotWhole(error),
    };
    let adapter = &back.target.adapter;
    let mut undos = workshop.state.undos(adapter);
    undos.retain(|undo| !is_same(&undo.back.record, &back.record));
    if let Err(error) = workshop.state.set_undos(adapter, &undos) {
        tracing::warn!("{error}");
    }
    let message = match &undone {
        Undone::Whole => format!("undone: {error}"),
        Undone::NotWhole(left) => format!("{error}; and {left}"),
    };
    if let Undone::NotWhole(_) = undone {
        workshop.try_again(transaction);
    }
    tracing::error!("{}: {message}", back.target.interface);
    workshop.state.settle(&back.record, Outcome::Failed, &message)
}
