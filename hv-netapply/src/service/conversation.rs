//! One conversation, from its first request to its end.
//!
//! After `Apply` the other end has to promise that it will tell the host; a socket that closes before that means that there is
//! nobody to be told, also in the middle of applying. After the promise it means nothing.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::{Injection, Kind, Reply, Request};
use tokio::time::{Instant, timeout, timeout_at};

use super::transaction::Applied;
use super::workshop::Workshop;
use crate::error::Error;
use crate::socket::Peer;

/// How long, after a promise, a word is waited for. Without one it stays.
const LAST_WORD: Duration = Duration::from_secs(30);

/// Talks with one caller.
pub(super) async fn hold(workshop: &Rc<Workshop>, peer: &Peer) {
    let started = Instant::now();
    let Some(request) = peer.request().await else { return };
    let result = match request {
        Request::Apply { injection, within_ms } => {
            let within = Duration::from_millis(within_ms.into());
            return apply(workshop, peer, &injection, started, within).await;
        }
        Request::Revert { interface } => workshop.revert(interface.as_deref()).await,
        Request::Resume => workshop.resume().await,
        Request::Cancel => workshop.cancel_cut().await,
        Request::Promise | Request::Confirm => {
            Err(Error::new(Kind::NothingPromised, "nothing was applied in this conversation"))
        }
    };
    peer.reply(&answer(result)).await;
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
    let gone = async {
        tokio::select! {
            // Nothing may be said now: the end, or somebody who does not keep to the rules.
            _ = peer.request() => "whoever asked for it has gone",
            () = workshop.ended() => "hv-netapply was told to end",
        }
    };
    let applied = match workshop.claim().await {
        Ok(bench) => workshop.apply(injection, started, within, bench, gone).await,
        Err(error) => Err(error),
    };
    match applied {
        Ok(applied) => settle(workshop, peer, applied).await,
        Err(error) => {
            peer.reply(&answer(Err(error))).await;
        }
    }
}

/// Waits for the words that decide.
async fn settle(workshop: &Rc<Workshop>, peer: &Peer, mut applied: Applied) {
    if !peer.reply(&Reply::Applied(applied.step())).await {
        return undo(workshop, applied, "whoever asked for it has gone").await;
    }
    match timeout_at(applied.promised_by, word(workshop, peer)).await {
        Ok(Some(Request::Promise)) => {}
        Ok(Some(Request::Cancel)) => {
            undo(workshop, applied, "the host did not get the answer in time").await;
            peer.reply(&Reply::Done).await;
            return;
        }
        Ok(_) => {
            return undo(workshop, applied, "whoever asked for it went away before the host was told").await;
        }
        Err(_) => return undo(workshop, applied, "nobody promised in time to tell the host").await,
    }
    if let Err(error) = workshop.promise(&mut applied) {
        undo(workshop, applied, &error.to_string()).await;
        peer.reply(&answer(Err(error))).await;
        return;
    }
    peer.reply(&Reply::Done).await;
    if let Ok(Some(Request::Cancel)) = timeout(LAST_WORD, word(workshop, peer)).await {
        undo(workshop, applied, "the host did not get the answer").await;
    } else {
        workshop.finish(applied).await;
    }
    peer.reply(&Reply::Done).await;
}

async fn word(workshop: &Workshop, peer: &Peer) -> Option<Request> {
    tokio::select! {
        word = peer.request() => word,
        () = workshop.ended() => None,
    }
}

async fn undo(workshop: &Rc<Workshop>, applied: Applied, why: &str) {
    // How it went is in history and log.
    let _ = workshop.start_back(applied, why.to_owned()).await;
}
