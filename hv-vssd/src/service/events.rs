//! What the daemon waits for besides the host, and in which order it hears of several.

use std::pin::Pin;

use hv_utils_core::channel::Receipt;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use super::{Check, Heard, Vssd};
use crate::backup::{Backup, Progress};
use crate::bus::Ask;
use crate::freeze::{self, Locked};
use crate::plan::Plan;

/// What this daemon waits for besides the host.
#[derive(Debug)]
#[expect(private_interfaces, reason = "the shell only hands events back to this module")]
pub enum Event {
    /// A filesystem, the guardian.
    Freezer(freeze::Event),
    /// A plan or a round of hooks.
    Progress(Progress),
    /// The plan for the host's question.
    Checked(Result<Plan, String>),
    /// Somebody on the bus wants something.
    Ask(Ask),
    /// Whether the host heard what it was told last.
    Told(bool),
    /// No freeze has followed the host's question.
    NoFreeze,
    /// What was left frozen by an instance before this one is thawed at last.
    Rescued,
    /// It takes too long to get everything frozen.
    TooLong,
}

impl Vssd {
    /// Waits for the next of them. Cancel safe.
    pub(super) async fn next_event(&mut self) -> Event {
        tokio::select! {
            biased;
            event = self.freezer.next() => Event::Freezer(event),
            told = delivered(&mut self.receipt) => Event::Told(told),
            Some(ask) = self.desk.asks.recv() => Event::Ask(ask),
            progress = progress(&mut self.backup) => Event::Progress(progress),
            plan = checked(&mut self.check) => Event::Checked(plan),
            () = elapsed(&mut self.limit) => Event::TooLong,
            () = rescued(&mut self.rescue) => Event::Rescued,
            () = past(&mut self.ahead) => Event::NoFreeze,
        }
    }
}

async fn progress(backup: &mut Option<Backup>) -> Progress {
    match backup {
        Some(backup) => backup.next().await,
        None => std::future::pending().await,
    }
}

async fn checked(check: &mut Option<Check>) -> Result<Plan, String> {
    match check {
        Some((.., plan)) => {
            let plan = plan.await;
            plan.unwrap_or_else(|error| Err(format!("something went wrong inside: {error}")))
        }
        None => std::future::pending().await,
    }
}

async fn past(ahead: &mut Option<(Locked, Pin<Box<Sleep>>)>) {
    match ahead {
        Some((_, time)) => time.await,
        None => std::future::pending().await,
    }
}

async fn rescued(rescue: &mut Option<JoinHandle<()>>) {
    match rescue {
        // However it ended: the next freeze looks again.
        Some(rescue) => drop(rescue.await),
        None => std::future::pending().await,
    }
}

async fn delivered(receipt: &mut Option<(Receipt, Heard)>) -> bool {
    match receipt {
        Some((receipt, _)) => receipt.delivered().await,
        None => std::future::pending().await,
    }
}

async fn elapsed(limit: &mut Option<Pin<Box<Sleep>>>) {
    match limit {
        Some(limit) => limit.await,
        None => std::future::pending().await,
    }
}
