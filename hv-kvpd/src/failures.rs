//! What keeps a pool from being changed or read, for the log of this machine.
//!
//! Who asked for a change learns why it failed; but a host keeps the status to itself, and a full disk is the affair of
//! this machine's administrator. Each cause is logged once, then once an hour with a count: a host that repeats its
//! request does not fill the log. What is only the caller's mistake is not logged at all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hv_utils_core::channel::OncePer;
use rustix::io::Errno;

use crate::pool::PoolError;

/// How long a cause that is known is only counted.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The causes that are known.
#[derive(Debug)]
pub(crate) struct Failures {
    /// What cannot be done, as the log begins.
    what: &'static str,
    known: Mutex<OncePer>,
}

impl Failures {
    /// Nothing has failed yet.
    pub(crate) fn new(what: &'static str) -> Failures {
        Failures { what, known: Mutex::new(OncePer::new(INTERVAL)) }
    }

    /// Logs `error`, if it is this machine's affair and news.
    pub(crate) fn log(&self, error: &PoolError) {
        if let Some(before) = self.admit(error) {
            tracing::warn!(unlogged_before = (before > 0).then_some(before), "{}: {error}", self.what);
        }
    }

    /// How often it happened unlogged before, if it is to be logged now.
    fn admit(&self, error: &PoolError) -> Option<u64> {
        // A counter is consistent whenever a panic may have come.
        self.known.lock().unwrap_or_else(PoisonError::into_inner).admit(cause(error)?)
    }
}

/// The cause by which failures are told apart; none for what the caller did wrong.
fn cause(error: &PoolError) -> Option<&'static str> {
    match error {
        PoolError::NoSuchKey { .. }
        | PoolError::TooLong { .. }
        | PoolError::Invalid { .. }
        | PoolError::Stopped => None,
        PoolError::Full { .. } => Some("full"),
        PoolError::Busy { .. } => Some("busy"),
        PoolError::Disturbed { .. } => Some("disturbed"),
        PoolError::OtherFilesystem { .. } => Some("other filesystem"),
        PoolError::NotAFile { .. } => Some("not a file"),
        PoolError::Oversized { .. } => Some("oversized"),
        PoolError::Io { errno, .. } => Some(match *errno {
            Errno::NOSPC | Errno::DQUOT => "disk full",
            Errno::ROFS => "read-only",
            Errno::ACCESS | Errno::PERM => "not permitted",
            _ => "input or output",
        }),
    }
}

#[cfg(test)]
mod tests;
