//! The way back: to what was there before an injection that did not come to be, also where that takes long, has to wait for
//! the adapter, or fails at first.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::Outcome;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::transaction::Applied;
use super::workshop::Workshop;
use crate::backend::netlink::Netlink;
use crate::backend::{Backend, Readiness};
use crate::error::Error;
use crate::state::{Phase, Transaction, WayBack};

/// How long a manager may take to bring something back: a DHCP client waits for more than a minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long the answer may be held up after it is due, so that it can say how it went.
const LAST_MOMENT: Duration = Duration::from_millis(500);
/// Pauses between attempts, from the first to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// How going back went.
#[derive(Debug)]
pub(super) enum Undone {
    /// All is as before.
    Whole,
    /// Not all is. It is tried again.
    NotWhole(Error),
}

impl Workshop {
    /// Goes back because of `error`, and tells what to answer: when it is back, or when the answer is due. The way back goes
    /// on by itself, and is settled in history and log.
    pub(super) async fn go_back(self: &Rc<Self>, applied: Applied, error: Error, due: Instant) -> Error {
        let back = self.start_back(applied, error.to_string());
        match timeout_at(due - LAST_MOMENT, back).await {
            Ok(Ok(Undone::Whole)) => error,
            Ok(Ok(Undone::NotWhole(left))) => Error::not_undone(format!("{error}; and {left}")),
            _ => Error::not_undone(format!("{error}; what was there before is still being brought back")),
        }
    }

    /// Starts to go back; the bench is free when that is done.
    pub(super) fn start_back(
        self: &Rc<Self>,
        applied: Applied,
        why: String,
    ) -> tokio::task::JoinHandle<Undone> {
        let (workshop, busy) = (Rc::clone(self), self.busy());
        tokio::task::spawn_local(async move {
            let Applied { transaction, backend, bench, .. } = applied;
            let undone = workshop.lead_back(&transaction, &*backend).await;
            workshop.failed(&transaction, &undone, &why);
            drop(bench);
            if let Undone::NotWhole(_) = undone {
                workshop.try_again(transaction);
            }
            drop(busy);
            undone
        })
    }

    /// Notes in history and log that it did not come to be.
    pub(super) fn failed(self: &Rc<Self>, transaction: &Transaction, undone: &Undone, why: &str) {
        let message = match undone {
            Undone::Whole => format!("undone: {why}"),
            Undone::NotWhole(error) => format!("{why}; and {error}"),
        };
        tracing::error!("{}: {message}", transaction.back.target.interface);
        if !transaction.reverting {
            let settled = self.state.settle(&transaction.back.record, Outcome::Failed, &message);
            self.tell(settled);
        }
    }

    /// Brings back what was there. Where that fails the journal stays.
    pub(super) async fn lead_back(&self, transaction: &Transaction, backend: &dyn Backend) -> Undone {
        let WayBack { target, snapshot, .. } = &transaction.back;
        let result = match self.current(target) {
            Some(target) => {
                let restored = timeout(PATIENCE, async {
                    let live = backend.readiness(&target).await == Readiness::Ready;
                    backend.restore(&target, snapshot, live).await
                });
                restored.await.unwrap_or_else(|_| Err(Error::not_undone("it took too long")))
            }
            // Its number, and its name, may be another adapter's by now: only what is on disk goes back.
            None => snapshot.restore_files().and_then(|()| match self.is_device(&target.adapter) {
                true => Err(Error::not_undone("its interface is not there")),
                false => Ok(()),
            }),
        };
        let result = result.and(Netlink::bring_back(snapshot));
        match result.and_then(|()| self.state.end(&target.adapter)) {
            Ok(()) => Undone::Whole,
            Err(error) => Undone::NotWhole(Error::not_undone(format!(
                "what was on {} before could not be brought back by {} ({error}); it is tried again",
                target.interface, transaction.back.backend
            ))),
        }
    }

    /// Whether the machine has this adapter, though no interface of it at this moment.
    fn is_device(&self, adapter: &str) -> bool {
        self.world.roots.sysfs.join("bus/vmbus/devices").join(adapter).exists()
    }

    /// Goes back until it has come there, or until somebody else has.
    pub(super) fn try_again(self: &Rc<Self>, transaction: Transaction) {
        let (workshop, busy) = (Rc::clone(self), self.busy());
        tokio::task::spawn_local(async move {
            tokio::select! {
                () = workshop.ended() => {}
                () = again(&workshop, &transaction) => {}
            }
            drop(busy);
        });
    }

    /// Finishes what was under way on an adapter: back, or on.
    ///
    /// # Errors
    /// It could not be: what is there now is nothing to begin with.
    pub(super) async fn finish_earlier(&self, adapter: &str) -> Result<(), Error> {
        let Some(transaction) = self.state.transaction(adapter) else { return Ok(()) };
        let backend = self.backend(&transaction.back.backend)?;
        match transaction.phase {
            Phase::Promised => self.keep(&transaction, &*backend).await.map(drop),
            Phase::Applying => match self.lead_back(&transaction, &*backend).await {
                Undone::Whole => Ok(()),
                Undone::NotWhole(error) => Err(error),
            },
        }
    }
}

async fn again(workshop: &Rc<Workshop>, transaction: &Transaction) {
    let (mut pause, longest) = PAUSES;
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(longest);
        let _bench = workshop.wait().await;
        let adapter = &transaction.back.target.adapter;
        if workshop.state.transaction(adapter).as_ref() != Some(transaction) {
            return;
        }
        match workshop.finish_earlier(adapter).await {
            Ok(()) => {
                tracing::info!("{}: what was there before is back", transaction.back.target.interface);
                return;
            }
            Err(error) => tracing::debug!("{error}"),
        }
    }
}
