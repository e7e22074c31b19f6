//! What the host's side and the bus' side of the daemon have in common: the pools, the guest's own items and the
//! road to the signals.
//!
//! Reads are answered from memory under short locks; writes go to the pool worker. There is no second copy of the
//! truth: the bus shows exactly what the host is told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hv_utils_core::wire::kvp::Pool;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bus::network1::Row;
use crate::engine::Items;
use crate::intrinsic;
use crate::pool::{Change, Notice, PoolError, PoolSet};
use crate::signals::{News, Signals};
use crate::unread::Unread;

/// Who brought a change about, as signals name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The host, over the channel.
    Host,
    /// A program, over D-Bus.
    Bus,
    /// A program that wrote the pool file itself.
    File,
    /// The guest: one of our own items.
    Guest,
}

impl Origin {
    /// The word on D-Bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Host => "host",
            Origin::Bus => "bus",
            Origin::File => "file",
            Origin::Guest => "guest",
        }
    }
}

/// The state behind the channel and the bus.
#[derive(Debug)]
pub struct Shared {
    pools: PoolSet,
    auto: Mutex<Vec<(String, String)>>,
    limits: Mutex<(usize, usize)>,
    adapters: watch::Sender<Vec<Row>>,
    signals: Arc<Signals>,
}

impl Shared {
    /// State over `pools` with the guest's items `auto`; `limits` are the UTF-16 units allowed to programs in the
    /// guest for a key and a value.
    pub fn new(pools: PoolSet, auto: Vec<(String, String)>, limits: (usize, usize)) -> Shared {
        Shared {
            pools,
            auto: Mutex::new(auto),
            limits: Mutex::new(limits),
            adapters: watch::Sender::default(),
            signals: Arc::default(),
        }
    }

    /// The pools themselves.
    pub fn pools(&self) -> &PoolSet {
        &self.pools
    }

    /// UTF-16 units allowed to programs in the guest for a key and a value.
    pub fn limits(&self) -> (usize, usize) {
        *lock(&self.limits)
    }

    /// Changes [`Shared::limits`].
    pub fn set_limits(&self, limits: (usize, usize)) {
        *lock(&self.limits) = limits;
    }

    /// From now on what changes is told to `news`.
    pub fn tell(&self, news: mpsc::UnboundedSender<News>) {
        self.signals.lead_to(news);
    }

    /// Makes `change` durable; `done` learns the outcome, on the worker's thread.
    pub fn submit(
        &self,
        change: Change,
        origin: Origin,
        done: impl FnOnce(Result<(), PoolError>) + Send + 'static,
    ) {
        let signals = Arc::clone(&self.signals);
        self.pools.submit(change, move |outcome| {
            let result = signals.take(outcome);
            if let Err(error) = &result {
                signals.changes.log(error);
            }
            done(result.map(|notices| signals.announce(notices, origin)));
        });
    }

    /// Reads `pool` again if another program wrote it; `done` is called when it is as fresh as the file, or cannot be.
    pub fn refresh(&self, pool: Pool, done: impl FnOnce() + Send + 'static) {
        let signals = Arc::clone(&self.signals);
        self.pools.refresh(pool, move |outcome| {
            let result = signals.take(outcome);
            if let Err(error) = &result {
                signals.reads.log(error);
            }
            signals.unread.set(pool, result.is_err());
            done();
        });
    }

    /// Whether another program may have written `pool` since it was read, and it is worth waiting for: a pool that
    /// could not be read is tried again in the background, and until then what is in memory stays the answer.
    pub fn stale(&self, pool: Pool) -> bool {
        pool != Pool::Auto && !self.signals.unread.has(pool) && self.pools.stale(pool)
    }

    /// Pools that could not be read.
    pub(crate) fn unread(&self) -> Arc<Unread> {
        Arc::clone(&self.signals.unread)
    }

    /// Waits until `pool` is as fresh as its file.
    pub async fn fresh(&self, pool: Pool) {
        if self.stale(pool) {
            let (done, refreshed) = oneshot::channel();
            self.refresh(pool, move || {
                let _ = done.send(());
            });
            // An error means that the worker has ended with the daemon; what is in memory is still the answer.
            let _ = refreshed.await;
        }
    }

    /// Items of `pool` from number `first` on, at most `count`, and whether there are more.
    pub fn page(&self, pool: Pool, first: u32, count: u32) -> (Vec<(String, String)>, bool) {
        if pool != Pool::Auto {
            return self.pools.page(pool, first, count);
        }
        let auto = lock(&self.auto);
        let (first, count) = (first as usize, count as usize);
        let items: Vec<_> = auto.iter().skip(first).take(count).cloned().collect();
        let more = auto.len() > first.saturating_add(items.len());
        (items, more)
    }

    /// The guest's own items are now `items`, which differ from before by `changes`.
    pub fn set_auto(&self, items: &[(String, String)], changes: Vec<intrinsic::Change>) {
        *lock(&self.auto) = items.to_vec();
        self.signals.announce(changes.into_iter().map(notice).collect(), Origin::Guest);
    }

    /// The network adapters as the host sees them, now and whenever they differ.
    pub fn adapters(&self) -> watch::Receiver<Vec<Row>> {
        self.adapters.subscribe()
    }

    /// The network adapters are `rows` now; nobody is woken if they are as before.
    pub fn set_adapters(&self, rows: Vec<Row>) {
        self.adapters.send_if_modified(|known| {
            let differs = *known != rows;
            *known = rows;
            differs
        });
    }

    /// Waits until everything that was submitted is done.
    pub async fn finish(&self) {
        let mut all = Vec::new();
        for pool in Pool::ALL {
            let (done, finished) = oneshot::channel();
            // Each pool has its own queue: what is asked of it last is done last.
            self.refresh(pool, move || {
                let _ = done.send(());
            });
            all.push(finished);
        }
        for finished in all {
            // An error means that the worker has ended: nothing is left to be done.
            let _ = finished.await;
        }
    }
}

impl Items for Shared {
    fn get(&self, pool: Pool, key: &str) -> Option<String> {
        if pool != Pool::Auto {
            return self.pools.get(pool, key);
        }
        let auto = lock(&self.auto);
        auto.iter().find(|item| item.0 == key).map(|item| item.1.clone())
    }

    fn item(&self, pool: Pool, index: u32) -> Option<(String, String)> {
        if pool != Pool::Auto {
            return self.pools.item(pool, index);
        }
        lock(&self.auto).get(index as usize).cloned()
    }
}

/// A change of the guest's own items, as the bus tells it.
fn notice(change: intrinsic::Change) -> Notice {
    let pool = Pool::Auto;
    match change {
        intrinsic::Change::Changed { key, value } => Notice::Changed { pool, key, value },
        intrinsic::Change::Removed { key } => Notice::Removed { pool, key },
    }
}

/// The state stays usable after a panic elsewhere: every critical section leaves it consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
