//! The time between a change that is done and the host's knowing of it.
//!
//! An answer may wait for room in the ring, and a host that does not read may never do so. hv-netapply waits for the
//! confirmation for about 26 seconds after the request; before that it must be clear which it is.

use std::time::Duration;

use futures_util::FutureExt;
use hv_utils_core::channel::{Receipt, Request};
use hv_utils_core::netapply::Step;
use tokio::time::{Instant, timeout_at};

use super::Applying;
use super::conversation::Conversation;

/// How long after the host's request its answer may wait for room.
const TOLD: Duration = Duration::from_secs(25);
/// The least that it may wait, however late it is.
const LEAST: Duration = Duration::from_secs(4);

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The host finds it.
    Given,
    /// The host never will.
    Lost,
    /// It still waits for room.
    Waits,
}

impl Fate {
    fn of(given: bool) -> Fate {
        if given { Fate::Given } else { Fate::Lost }
    }
}

/// A change that is done and not settled.
#[derive(Debug)]
pub(super) struct Telling {
    pub(super) request: Request,
    pub(super) adapter: String,
    /// What was done.
    pub(super) step: Step,
    receipt: Receipt,
    /// Until then the answer may wait.
    until: Instant,
    pub(super) conversation: Conversation,
}

impl Telling {
    /// The answer to what was `applied`, on its way from now on.
    pub(super) fn new(
        applied: Applying,
        receipt: Receipt,
        conversation: Conversation,
        step: Step,
    ) -> Telling {
        let Applying { request, since, adapter, .. } = applied;
        let until = (since + TOLD).max(Instant::now() + LEAST);
        Telling { request, adapter, step, receipt, until, conversation }
    }

    /// What has become of the answer by now.
    pub(super) fn now(&mut self) -> Fate {
        self.receipt.delivered().now_or_never().map_or(Fate::Waits, Fate::of)
    }
}

/// Waits for what becomes of an answer, if there is one. Cancel safe.
pub(super) async fn told(telling: Option<&mut Telling>) -> Fate {
    match telling {
        Some(telling) => {
            let given = timeout_at(telling.until, telling.receipt.delivered()).await;
            given.map_or(Fate::Waits, Fate::of)
        }
        None => std::future::pending().await,
    }
}
