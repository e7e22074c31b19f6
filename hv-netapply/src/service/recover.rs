//! What the last instance left: transactions that were cut short, pending injections, adapters that we keep ourselves.

use std::rc::Rc;

use super::back::Undone;
use super::transaction::Applied;
use super::workshop::Workshop;
use crate::error::Error;
use crate::state::{Phase, Transaction};

/// Puts everything in order, before anybody is listened to.
pub(super) async fn begin(workshop: &Rc<Workshop>) {
    for transaction in workshop.state.transactions() {
        match transaction.phase {
            Phase::Applying => back(workshop, transaction).await,
            Phase::Promised => on(workshop, transaction).await,
        }
    }
    for back in workshop.state.pendings() {
        workshop.watch(back);
    }
    workshop.keep_statics();
    if let Err(error) = workshop.state.unmark() {
        tracing::warn!("{error}");
    }
}

async fn back(workshop: &Rc<Workshop>, transaction: Transaction) {
    let undone = match workshop.backend(&transaction.back.backend) {
        Ok(backend) => workshop.lead_back(&transaction, &*backend).await,
        Err(error) => Undone::NotWhole(error),
    };
    workshop.failed(&transaction, &undone, "hv-netapply ended in the middle");
    if let Undone::NotWhole(_) = undone {
        workshop.try_again(transaction);
    }
}

/// Whoever asked may not have been able to tell the host: then they say so, and it is taken back.
async fn on(workshop: &Rc<Workshop>, transaction: Transaction) {
    let bench = workshop.wait().await;
    let promised_by = tokio::time::Instant::now();
    let record = transaction.back.record.clone();
    match workshop.backend(&transaction.back.backend) {
        Ok(backend) => {
            if !transaction.reverting {
                workshop.cut.set(Some(record));
            }
            workshop.finish(Applied { transaction, backend, bench, promised_by }).await;
        }
        Err(error) => tracing::error!("{error}"),
    }
}

impl Workshop {
    /// Goes on with what was cut short; most of it has been gone on with at the start.
    ///
    /// # Errors
    /// Something could not be brought back; it is tried again.
    pub(super) async fn resume(self: &Rc<Self>) -> Result<(), Error> {
        let _bench = self.claim().await?;
        let mut result = Ok(());
        for transaction in self.state.transactions() {
            result = result.and(self.finish_earlier(&transaction.back.target.adapter).await);
        }
        result
    }
}
