//! The line from the service to the bus: what is shown, the last samples, and what there is to announce. Nothing waits,
//! and nothing grows: a bus that does not take signals loses some.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::shown::{Row, Shown, later};

/// Samples that are remembered: 21 minutes of a host that sends one every 5 s.
pub const MOST_ROWS: usize = 256;
/// Announcements that wait for the bus.
const MOST_NEWS: usize = 64;

/// What is announced as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// A sample.
    Sampled(Row),
    /// A step by so many ns, and why.
    Stepped(i64, String),
}

/// Both ends of the line. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    shown: watch::Sender<Shown>,
    rows: Mutex<VecDeque<Row>>,
    news: Mutex<VecDeque<News>>,
    there_is_news: Notify,
}

impl Board {
    /// This is how things are now.
    pub fn publish(&self, shown: Shown) {
        self.0.shown.send_if_modified(|known| {
            let differs = *known != shown;
            *known = shown;
            differs
        });
    }

    /// A sample came, and was judged.
    pub fn sampled(&self, row: Row) {
        let mut rows = lock(&self.0.rows);
        if rows.len() == MOST_ROWS {
            rows.pop_front();
        }
        rows.push_back(row);
        drop(rows);
        self.announce(News::Sampled(row));
    }

    /// The clock was stepped; the moments of samples move along.
    pub fn stepped(&self, ns: i64, why: &str) {
        lock(&self.0.rows).iter_mut().for_each(|row| row.when = later(row.when, ns));
        self.announce(News::Stepped(ns, why.to_owned()));
    }

    /// What is shown now.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.0.shown.borrow().clone()
    }

    /// The last samples, the oldest first.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        lock(&self.0.rows).iter().copied().collect()
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
            // Rather a sample than a step: that can be read later, too.
            let sample = waiting.iter().position(|news| matches!(news, News::Sampled(_)));
            waiting.remove(sample.unwrap_or(0));
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
