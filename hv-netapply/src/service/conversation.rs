//! One conversation, from its first request to its end.
//!
//! After `Apply` the other end has to say that it stays; a socket that closes means that it does not, at any moment, also in
//! the middle of applying.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::{Injection, Kind, Reply, Request, Step};
use tokio::time::{Instant, timeout_at};

use super::transaction::{Applied, Undone};
use super::workshop::Workshop;
use crate::error::Error;
use crate::socket::Peer;

/// Talks with one caller.
pub(super) async fn hold(workshop: &Rc<Workshop>, peer: &Peer) {
    let started = Instant::now();
    let Some(request) = peer.request().await else { return };
    let reply = match request {
        Request::Apply { injection, within_ms } => {
            let within = Duration::from_millis(within_ms.into());
            return apply(workshop, peer, &injection, started, within).await;
        }
        Request::Revert { interface } => answer(workshop.revert(interface.as_deref()).await),
        // What there was to go on with has been gone on with at the start.
        Request::Resume => Reply::Done,
        Request::Confirm | Request::Cancel => {
            let text = "nothing waits to be confirmed: it has been, or was undone";
            answer(Err(Error::new(Kind::NothingToConfirm, text)))
        }
    };
    peer.reply(&reply).await;
}

fn answer(result: Result<(), Error>) -> Reply {
    match result {
        Ok(()) => Reply::Done,
        Err(error) => Reply::Failed(error.into()),
    }
}

async fn apply(
    workshop: &Rc<Workshop>,
    peer: &Peer,
    injection: &Injection,
    started: Instant,
    within: Duration,
) {
    let _bench = match workshop.claim().await {
        Ok(bench) => bench,
        Err(error) => {
            peer.reply(&answer(Err(error))).await;
            return;
        }
    };
    let gone = async {
        tokio::select! {
            // Nothing may be said now: the end, or somebody who does not keep to the rules.
            _ = peer.request() => "whoever asked for it has gone",
            () = workshop.ended() => "hv-netapply was told to end",
        }
    };
    match workshop.apply(injection, started, within, gone).await {
        Err(error) => {
            peer.reply(&answer(Err(error))).await;
        }
        Ok(applied) => settle(workshop, peer, applied).await,
    }
}

/// Waits for the word that decides.
async fn settle(workshop: &Rc<Workshop>, peer: &Peer, applied: Applied) {
    let step: Step = applied.step();
    if !peer.reply(&Reply::Applied(step)).await {
        return undo(workshop, applied, "whoever asked for it has gone").await;
    }
    let word = async {
        tokio::select! {
            word = peer.request() => word,
            () = workshop.ended() => None,
        }
    };
    match timeout_at(applied.confirmed_by(), word).await {
        Ok(Some(Request::Confirm)) => {
            let confirmed = workshop.confirm(applied).await;
            peer.reply(&answer(confirmed)).await;
        }
        Ok(Some(Request::Cancel)) => {
            undo(workshop, applied, "the host did not get the answer in time").await;
            peer.reply(&Reply::Done).await;
        }
        Ok(_) => undo(workshop, applied, "whoever asked for it went away before it was confirmed").await,
        Err(_) => undo(workshop, applied, "it was not confirmed in time").await,
    }
}

async fn undo(workshop: &Rc<Workshop>, applied: Applied, why: &str) {
    match workshop.undo(applied, why).await {
        Undone::Whole => {}
        Undone::NotWhole(error) => tracing::error!("{error}"),
    }
}
