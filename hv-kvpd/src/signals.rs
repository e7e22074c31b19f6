//! The road from what happens to the pools to the bus and to the log. The pool worker walks it too, and holds nothing
//! else of the daemon: who holds the pools waits for the worker to end.
//!
//! A bus that does not take signals must not let memory grow with what a host sends: beyond a bound they are dropped,
//! and the log says so. Readers of the bus then have to list a pool to know it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hv_utils_core::channel::OncePer;
use tokio::sync::mpsc;

use crate::failures::Failures;
use crate::pool::{Notice, Outcome, PoolError};
use crate::shared::Origin;
use crate::unread::Unread;

/// Bytes of signals that wait before further ones are dropped; one batch may go beyond.
const BACKLOG_LIMIT: usize = 4 * 1024 * 1024;
/// What a signal costs besides its texts.
const OVERHEAD: usize = 128;
/// How often the log says that signals are dropped.
const INTERVAL: Duration = Duration::from_secs(600);

/// What there is to tell the bus, and who brought it about.
#[derive(Debug)]
pub struct News {
    /// In the order in which they became true.
    pub notices: Vec<Notice>,
    /// The same for all of them.
    pub origin: Origin,
    _room: Room,
}

/// A part of the backlog, given back when its news are sent or dropped.
#[derive(Debug)]
struct Room {
    backlog: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.backlog.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Signals {
    news: Mutex<Option<mpsc::UnboundedSender<News>>>,
    backlog: Arc<AtomicUsize>,
    dropped: Mutex<OncePer>,
    /// Why a pool cannot be changed.
    pub(crate) changes: Failures,
    /// Why a pool cannot be read.
    pub(crate) reads: Failures,
    /// Pools that could not be read.
    pub(crate) unread: Arc<Unread>,
}

impl Default for Signals {
    fn default() -> Signals {
        Signals {
            news: Mutex::default(),
            backlog: Arc::default(),
            dropped: Mutex::new(OncePer::new(INTERVAL)),
            changes: Failures::new("a pool cannot be changed"),
            reads: Failures::new("a pool cannot be read again, what was read before is told"),
            unread: Arc::default(),
        }
    }
}

impl Signals {
    /// From now on news go to `receiver`'s end.
    pub(crate) fn lead_to(&self, news: mpsc::UnboundedSender<News>) {
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(news);
    }

    /// Logs and tells what came to light on the way; what is left is the result itself.
    pub(crate) fn take(&self, outcome: Outcome) -> Result<Vec<Notice>, PoolError> {
        for report in &outcome.reports {
            tracing::warn!("{report}");
        }
        self.announce(outcome.foreign, Origin::File);
        outcome.result
    }

    /// Tells the bus, if there is one.
    pub(crate) fn announce(&self, notices: Vec<Notice>, origin: Origin) {
        if notices.is_empty() {
            return;
        }
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(news) = news.as_ref().filter(|news| !news.is_closed()) else { return };
        if self.backlog.load(Ordering::Acquire) > BACKLOG_LIMIT {
            return self.say_dropped();
        }
        let bytes = notices.iter().map(size).sum();
        self.backlog.fetch_add(bytes, Ordering::AcqRel);
        let _room = Room { backlog: Arc::clone(&self.backlog), bytes };
        // A closed receiver means that the bus is gone; a new connection brings a new one.
        let _ = news.send(News { notices, origin, _room });
    }

    fn say_dropped(&self) {
        let admitted = self.dropped.lock().unwrap_or_else(PoisonError::into_inner).admit("backlog");
        if let Some(before) = admitted {
            tracing::warn!(
                unlogged_before = (before > 0).then_some(before),
                "the bus does not take signals fast enough: they are dropped"
            );
        }
    }
}

fn size(notice: &Notice) -> usize {
    OVERHEAD
        + match notice {
            Notice::Changed { key, value, .. } => key.len() + value.len(),
            Notice::Removed { key, .. } => key.len(),
        }
}

#[cfg(test)]
mod tests;
