//! What the last instance left: a transaction that was cut short, pending injections, adapters that we keep ourselves.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::{Kind, Outcome, Reply, Request};
use tokio::time::{Instant, timeout};

use super::transaction::{Applied, Undone};
use super::workshop::Workshop;
use crate::error::Error;
use crate::socket::Listener;
use crate::state::{Phase, Transaction};

/// How long a confirmation is waited for that the last instance did not hear.
const CONFIRM_PATIENCE: Duration = Duration::from_secs(5);

/// Puts everything in order, before anybody is listened to.
pub(super) async fn begin(workshop: &Rc<Workshop>, listener: &Listener) {
    if let Some(transaction) = workshop.state.transaction() {
        match transaction.phase {
            Phase::Applying => undo(workshop, transaction, "hv-netapply ended in the middle").await,
            Phase::Awaiting => ask(workshop, listener, transaction).await,
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

/// The host may have been told that it is there: whoever asked for it gets the chance to say so.
async fn ask(workshop: &Rc<Workshop>, listener: &Listener, transaction: Transaction) {
    let _bench = workshop.wait().await;
    let heard = timeout(CONFIRM_PATIENCE, async {
        let peer = listener.accept().await;
        let request = peer.request().await;
        (peer, request)
    });
    match heard.await {
        Ok((peer, Some(Request::Confirm))) => {
            let confirmed = match workshop.backend(&transaction.back.backend) {
                Ok(backend) => workshop.confirm(Applied::new(transaction, backend, Instant::now())).await,
                Err(error) => Err(error),
            };
            let reply = match confirmed {
                Ok(()) => Reply::Done,
                Err(error) => Reply::Failed(error.into()),
            };
            peer.reply(&reply).await;
        }
        Ok((peer, request)) => {
            undo(workshop, transaction, "hv-netapply ended before it was confirmed").await;
            let busy =
                || Error::new(Kind::Busy, "what an earlier end cut short had to be undone first: try again");
            let reply = match request {
                None => return,
                Some(Request::Resume | Request::Cancel) => Reply::Done,
                Some(_) => Reply::Failed(busy().into()),
            };
            peer.reply(&reply).await;
        }
        Err(_) => undo(workshop, transaction, "hv-netapply ended before it was confirmed").await,
    }
}

async fn undo(workshop: &Rc<Workshop>, transaction: Transaction, why: &str) {
    let undone = match workshop.backend(&transaction.back.backend) {
        Ok(backend) => workshop.lead_back(&transaction, &*backend).await,
        Err(error) => Undone::NotWhole(error),
    };
    let message = match undone {
        Undone::Whole => format!("undone: {why}"),
        Undone::NotWhole(error) => format!("{why}; and {error}"),
    };
    tracing::error!("{}: {message}", transaction.back.target.interface);
    if !transaction.reverting {
        let settled = workshop.state.settle(&transaction.back.record, Outcome::Failed, &message);
        workshop.tell(settled);
    }
}
