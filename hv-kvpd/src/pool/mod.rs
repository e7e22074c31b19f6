//! The five pool files: compatible record for record with hv_kvp_daemon, cloud-init and azure-init, shared with them
//! under both kinds of lock, and safe against a kill or a power cut at any write.
//!
//! ```text
//!  readers (any thread) ── get, item, page ──▶ index (memory)
//!                                                ▲ follows, once durable
//!  submit, refresh ──▶ pool thread ── journal, fdatasync, pool, fdatasync ──▶ answer ──▶ journal cleared
//!                          ▲ inotify: other programs' writes ──▶ read again, notices
//! ```
//!
//! No rule of the KVP service is here (who may write which pool, limits in UTF-16 units), nothing of the wire, no
//! async runtime. `docs/adr/0001-pool-journal.md` tells why it is built so.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use hv_utils_core::wire::kvp::Pool;

pub use self::error::{Field, PoolError};
pub use self::record::{KEY_FIELD, MAX_KEY_BYTES, MAX_VALUE_BYTES, RECORD_BYTES, VALUE_FIELD};
pub use self::types::{Change, Notice, Outcome, PoolOptions, Report, ReportKind};

use self::shared::Shared;
use self::worker::{Answer, Job, Order};

mod aside;
mod crc;
mod engine;
mod error;
mod files;
mod identity;
mod index;
mod journal;
mod locks;
mod medium;
mod record;
mod replay;
mod scan;
mod shared;
mod startup;
mod store;
mod types;
mod watch;
mod worker;

/// All five pools of a directory. Reads never wait for a file; changes are queued for the pool thread.
///
/// Dropping it finishes what was submitted, then ends the thread.
#[derive(Debug)]
pub struct PoolSet {
    pools: Vec<Arc<Shared>>,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl PoolSet {
    /// Opens the pools: creates what is missing, completes what a crash interrupted, clears what came from another
    /// machine, reads every file once. Blocks for that long; locks of others are waited for up to the lock timeout,
    /// for all pools together. A pool that cannot be read now is empty and stale, with a report, until it can.
    ///
    /// # Errors
    /// The pool thread could not be started.
    pub fn open(options: &PoolOptions) -> Result<(PoolSet, Vec<Report>), PoolError> {
        let (stores, reports) = startup::open(options);
        let pools = stores.iter().map(|store| Arc::clone(store.shared())).collect();
        let (orders, thread) = worker::start(stores, options.lock_timeout).map_err(|error| {
            let errno = rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::AGAIN);
            PoolError::io("start a thread for", &options.pool_dir, errno)
        })?;
        Ok((PoolSet { pools, orders: Some(orders), thread: Some(thread) }, reports))
    }

    /// The value of a key; the last record counts if there are several.
    #[must_use]
    pub fn get(&self, pool: Pool, key: &str) -> Option<String> {
        self.shared(pool).get(key)
    }

    /// The item at a position in file order: each key once, at the place of its last record.
    #[must_use]
    pub fn item(&self, pool: Pool, index: u32) -> Option<(String, String)> {
        self.shared(pool).item(index)
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self, pool: Pool) -> u32 {
        self.shared(pool).len()
    }

    /// True if the pool has no items.
    #[must_use]
    pub fn is_empty(&self, pool: Pool) -> bool {
        self.len(pool) == 0
    }

    /// Up to `count` items from position `first` on, and whether there are more. One page is consistent in itself, and
    /// ends at 8 MiB of text whatever `count` is.
    #[must_use]
    pub fn page(&self, pool: Pool, first: u32, count: u32) -> (Vec<(String, String)>, bool) {
        self.shared(pool).page(first, count)
    }

    /// Grows with every change of the pool's items, ours or foreign.
    #[must_use]
    pub fn revision(&self, pool: Pool) -> u64 {
        self.shared(pool).revision()
    }

    /// Queues a change and returns at once. `done` is called once, on the pool thread, when the change is durable or
    /// refused; it must not block.
    pub fn submit(&self, change: Change, done: impl FnOnce(Outcome) + Send + 'static) {
        self.send(change.pool(), Some(change), Box::new(done));
    }

    /// Queues a look at what other programs wrote and returns at once; `done` as for [`PoolSet::submit`]. If nothing
    /// was written it costs two system calls. If it fails ([`PoolError::Busy`] for instance) the pool stays stale:
    /// ask again, the descriptor may not become readable a second time for the same write.
    pub fn refresh(&self, pool: Pool, done: impl FnOnce(Outcome) + Send + 'static) {
        self.send(pool, None, Box::new(done));
    }

    /// Sets other bounds, for what is submitted from now on. What a lower bound hides, or a higher one uncovers, is
    /// told by the next refresh.
    pub fn limit(&self, max_items: u32, lock_timeout: Duration) {
        if let Some(orders) = &self.orders {
            // Without a thread there is nothing left to bound.
            let _ = orders.send(Order::Limit { max_items, lock_timeout });
        }
    }

    /// True if another program may have written since the index was made: [`PoolSet::refresh`] before answering. One
    /// system call. It may be true for a moment while a change of our own is being written.
    #[must_use]
    pub fn stale(&self, pool: Pool) -> bool {
        self.shared(pool).is_stale()
    }

    /// The descriptors to wait on, edge-triggered: readable means [`PoolSet::refresh`]. They must not be read. A pool
    /// without one (inotify exhausted, see the reports) is seen by [`PoolSet::stale`] only.
    #[must_use]
    pub fn watch_fds(&self) -> Vec<(Pool, Arc<OwnedFd>)> {
        let watched = |pool: &Pool| self.shared(*pool).watch().map(|fd| (*pool, Arc::clone(fd)));
        Pool::ALL.iter().filter_map(watched).collect()
    }

    fn shared(&self, pool: Pool) -> &Shared {
        &self.pools[usize::from(pool.number())]
    }

    fn send(&self, pool: Pool, change: Option<Change>, answer: Answer) {
        let job = Job { pool: pool.number().into(), change, answer, since: Instant::now() };
        let unsent = match &self.orders {
            Some(orders) => orders.send(Order::Work(job)).err().map(|error| error.0),
            None => Some(Order::Work(job)),
        };
        if let Some(Order::Work(Job { answer, .. })) = unsent {
            answer(Outcome { result: Err(PoolError::Stopped), foreign: Vec::new(), reports: Vec::new() });
        }
    }
}

impl Drop for PoolSet {
    fn drop(&mut self) {
        self.orders = None;
        let Some(thread) = self.thread.take() else { return };
        // An answer that was the last to own the set drops it on the thread itself, which then ends by itself.
        if thread.thread().id() != std::thread::current().id() {
            // A panic of the thread was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
