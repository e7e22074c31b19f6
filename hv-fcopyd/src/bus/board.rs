//! The line from the service to the bus: what is shown, the last copies, and what there is to announce. Nothing waits,
//! and nothing grows: a bus that does not take signals loses some.
//!
//! How far a copy is changes with each message of the host, so it is a number beside the rest: a copy of a gigabyte wakes
//! nobody 170,000 times.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::history::{History, Row};

/// Announcements that wait for the bus.
const MOST_NEWS: usize = 64;

/// What is shown, but for how far a copy is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether files are taken.
    pub enabled: bool,
    /// Where they may go; printable.
    pub roots: Vec<String>,
    /// The copy under way.
    pub active: Option<Active>,
}

/// A copy under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// Which one: two in a row may have the same name.
    pub id: u64,
    /// Where to; printable.
    pub target: String,
    /// Bytes that it is to have.
    pub size: u64,
}

/// What is announced as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// There is room for a file of so many bytes.
    Started(String, u64),
    /// A copy is over.
    Finished(Row),
}

/// Both ends of the line. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    shown: watch::Sender<Shown>,
    done: AtomicU64,
    /// Somebody waits for `done` to change.
    waited_for: AtomicBool,
    changes: Notify,
    history: Mutex<History>,
    news: Mutex<VecDeque<News>>,
    there_is_news: Notify,
}

impl Board {
    /// What the administrator has decided.
    pub fn configured(&self, enabled: bool, roots: Vec<String>) {
        self.0.shown.send_if_modified(|shown| {
            let differs = (shown.enabled, &shown.roots) != (enabled, &roots);
            (shown.enabled, shown.roots) = (enabled, roots);
            differs
        });
    }

    /// A copy has begun.
    pub fn started(&self, active: Active) {
        self.announce(News::Started(active.target.clone(), active.size));
        self.progressed(0);
        self.0.shown.send_modify(|shown| shown.active = Some(active));
    }

    /// So many bytes of the copy under way are here.
    pub fn progressed(&self, done: u64) {
        self.0.done.store(done, Ordering::SeqCst);
        if self.0.waited_for.load(Ordering::SeqCst) && self.0.waited_for.swap(false, Ordering::SeqCst) {
            self.0.changes.notify_one();
        }
    }

    /// A copy is over, or did not begin.
    pub fn finished(&self, id: Option<u64>, row: Row) {
        lock(&self.0.history).push(row.clone());
        self.announce(News::Finished(row));
        self.0.shown.send_if_modified(|shown| {
            let shows_it = shown.active.as_ref().is_some_and(|active| Some(active.id) == id);
            if shows_it {
                shown.active = None;
            }
            shows_it
        });
    }

    /// What is shown now.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.0.shown.borrow().clone()
    }

    /// Bytes of the copy under way that are here.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::SeqCst)
    }

    /// Waits until they are no longer so many. Cancel safe; for one caller at a time.
    pub(super) async fn differs(&self, from: u64) {
        loop {
            // In this order, and the other way round where they change.
            self.0.waited_for.store(true, Ordering::SeqCst);
            if self.done() != from {
                return;
            }
            self.0.changes.notified().await;
        }
    }

    /// The last copies, the oldest first.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        lock(&self.0.history).rows()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Shown> {
        self.0.shown.subscribe()
    }

    /// What is announced from now on is for the caller.
    pub(super) fn forget_news(&self) {
        lock(&self.0.news).clear();
    }

    /// The next announcement. Cancel safe; for one caller at a time.
    pub(super) async fn news(&self) -> News {
        loop {
            if let Some(news) = lock(&self.0.news).pop_front() {
                return news;
            }
            self.0.there_is_news.notified().await;
        }
    }

    fn announce(&self, news: News) {
        let mut waiting = lock(&self.0.news);
        if waiting.len() == MOST_NEWS {
            waiting.pop_front();
        }
        waiting.push_back(news);
        drop(waiting);
        self.0.there_is_news.notify_one();
    }
}

/// Nobody panics while it is held, and half a change would do no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
