//! Why a request is refused: the status for the host, the sentence for a person.
//!
//! The statuses are those that Windows gives; protocol §8 of our notes, and the return values of `Msvm_ShutdownComponent`, which a
//! host makes of them.

use std::fmt;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::shutdown::{Action, Problem};

/// How many objections are named.
const MOST_NAMED: usize = 3;

/// Why nothing is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is no request, or not of the version agreed on.
    Malformed(Problem),
    /// Something else is under way.
    UnderWay(Action),
    /// Somebody inhibits it, a sentence each.
    Inhibited(Vec<String>),
    /// The guest could not hibernate, or not wake up again.
    CannotHibernate(String),
    /// Something is under way that must not sleep.
    Busy(String),
    /// The daemon ends.
    Ending,
}

impl Refusal {
    /// What the host is answered.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Refusal::Malformed(problem) => problem.status(),
            Refusal::UnderWay(_) => Status::SHUTDOWN_IN_PROGRESS,
            Refusal::Inhibited(_) => Status::MACHINE_LOCKED,
            Refusal::CannotHibernate(_) => Status::NOT_SUPPORTED,
            Refusal::Busy(_) => Status::BUSY,
            Refusal::Ending => Status::NOT_READY,
        }
    }

    /// Under which name the log knows it.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Refusal::Malformed(problem) => super::key(*problem),
            Refusal::UnderWay(_) => "under way",
            Refusal::Inhibited(_) => "inhibited",
            Refusal::CannotHibernate(_) => "hibernation",
            Refusal::Busy(_) => "busy",
            Refusal::Ending => "ending",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Malformed(problem) => problem.fmt(f),
            Refusal::UnderWay(action) => write!(f, "{action} is under way"),
            Refusal::Inhibited(objections) => {
                let named = objections.get(..MOST_NAMED).unwrap_or(objections).join(", ");
                write!(f, "inhibited by {named}")?;
                match objections.len().saturating_sub(MOST_NAMED) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Refusal::CannotHibernate(why) => write!(f, "the guest cannot hibernate: {why}"),
            Refusal::Busy(what) => write!(f, "the guest must not hibernate now: {what}"),
            Refusal::Ending => f.write_str("the daemon is being stopped"),
        }
    }
}
