//! Pools that other programs have touched and that could not be read again, for instance because of their locks.
//!
//! The end of a lock is no event, so somebody has to look again; and as long as it lasts nobody waits for it twice:
//! the host and the bus get what is in memory. The pauses grow, and end with the trouble.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hv_utils_core::wire::kvp::Pool;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Which pools these are at present.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    pools: [AtomicBool; Pool::ALL.len()],
    more: Notify,
}

impl Unread {
    /// Whether reading `pool` has failed and not succeeded since.
    pub(crate) fn has(&self, pool: Pool) -> bool {
        self.pools[usize::from(pool.number())].load(Ordering::Acquire)
    }

    /// Reading `pool` has failed, or succeeded.
    pub(crate) fn set(&self, pool: Pool, failed: bool) {
        self.pools[usize::from(pool.number())].store(failed, Ordering::Release);
        if failed {
            self.more.notify_one();
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Pool> {
        Pool::ALL.into_iter().filter(|pool| self.has(*pool)).collect()
    }
}

/// Says when to try once more.
#[derive(Debug)]
pub(crate) struct Retry {
    unread: Arc<Unread>,
    pause: Duration,
    due: Option<Instant>,
}

impl Retry {
    /// For `unread`; there is no timer while it is empty.
    pub(crate) fn new(unread: Arc<Unread>) -> Retry {
        Retry { unread, pause: FIRST_PAUSE, due: None }
    }

    /// Waits until pools are to be tried again. Cancel safe.
    pub(crate) async fn due(&mut self) -> Vec<Pool> {
        loop {
            if self.unread.all().is_empty() {
                (self.pause, self.due) = (FIRST_PAUSE, None);
                self.unread.more.notified().await;
                continue;
            }
            let pause = self.pause;
            sleep_until(*self.due.get_or_insert_with(|| Instant::now() + pause)).await;
            (self.pause, self.due) = ((pause * 2).min(LONGEST_PAUSE), None);
            let pools = self.unread.all();
            if !pools.is_empty() {
                return pools;
            }
        }
    }
}

#[cfg(test)]
mod tests;
