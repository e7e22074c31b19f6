//! The thread that does all file work: one request at a time, in order per pool.
//!
//! A pool that another program has locked waits with growing pauses, up to its time limit, and does not hold up the
//! others. There is nothing periodic: without requests the thread sleeps in the channel. When the channel closes,
//! what was submitted is finished first.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::error::PoolError;
use super::store::Store;
use super::types::{Change, Outcome};

/// Enough for the deepest call with room to spare; buffers are on the heap.
const STACK: usize = 256 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Called once, on the pool thread, with the answer.
pub(crate) type Answer = Box<dyn FnOnce(Outcome) + Send>;

/// A request for one pool.
pub(crate) struct Job {
    /// Number of the pool.
    pub(crate) pool: usize,
    /// None: only read what others wrote.
    pub(crate) change: Option<Change>,
    pub(crate) answer: Answer,
    /// When it was submitted: jobs that wait for the same lock run out of time together.
    pub(crate) since: Instant,
}

/// What the thread is told.
pub(crate) enum Order {
    Work(Job),
    /// Other bounds from now on.
    Limit {
        max_items: u32,
        lock_timeout: Duration,
    },
}

/// Starts the thread.
///
/// # Errors
/// No thread could be created.
pub(crate) fn start(
    stores: Vec<Store>,
    lock_timeout: Duration,
) -> std::io::Result<(Sender<Order>, JoinHandle<()>)> {
    let (sender, orders) = channel();
    let mut worker = Worker {
        desks: stores.into_iter().map(|store| Desk { store, queue: VecDeque::new() }).collect(),
        lock_timeout,
    };
    let thread = Builder::new().name("kvp-pools".to_owned()).stack_size(STACK);
    Ok((sender, thread.spawn(move || worker.work(&orders))?))
}

/// One pool and what is asked of it.
struct Desk {
    store: Store,
    queue: VecDeque<Job>,
}

struct Worker {
    desks: Vec<Desk>,
    lock_timeout: Duration,
}

impl Worker {
    fn work(&mut self, orders: &Receiver<Order>) {
        let mut pause = FIRST_PAUSE;
        let mut open = true;
        while open || self.is_busy() {
            open = self.receive(orders, pause) && open;
            let worked =
                self.desks.iter_mut().fold(false, |worked, desk| desk.work(self.lock_timeout) | worked);
            pause = if worked { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        }
    }

    fn is_busy(&self) -> bool {
        self.desks.iter().any(|desk| !desk.queue.is_empty())
    }

    /// Waits for an order, or for the time to try a lock again; false once no more can come.
    fn receive(&mut self, orders: &Receiver<Order>, pause: Duration) -> bool {
        let first = if self.is_busy() {
            orders.recv_timeout(pause)
        } else {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match first {
            Ok(order) => self.take(order),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => {
                if self.is_busy() {
                    std::thread::sleep(pause);
                }
                return false;
            }
        }
        orders.try_iter().for_each(|order| self.take(order));
        true
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Work(job) => self.desks[job.pool].queue.push_back(job),
            Order::Limit { max_items, lock_timeout } => {
                self.lock_timeout = lock_timeout;
                self.desks.iter_mut().for_each(|desk| desk.store.limit(max_items));
            }
        }
    }
}

impl Desk {
    /// Does what can be done now; true if a job was done.
    fn work(&mut self, lock_timeout: Duration) -> bool {
        let mut worked = false;
        while let Some(job) = self.queue.pop_front() {
            match self.attempt(job, lock_timeout) {
                None => worked = true,
                Some(job) => {
                    self.queue.push_front(job);
                    break;
                }
            }
        }
        worked
    }

    /// Does a job, or returns it if a lock is in the way.
    fn attempt(&mut self, job: Job, lock_timeout: Duration) -> Option<Job> {
        let Job { pool, change, answer, since } = job;
        if change.is_none() && self.store.is_quiet() {
            answer(self.store.outcome(Ok(Vec::new())));
            return None;
        }
        let refused = match self.store.enter(change.is_some()) {
            Ok(true) => {
                match &change {
                    Some(change) => self.store.run(change, answer),
                    None => answer(self.store.refresh()),
                }
                self.store.leave();
                return None;
            }
            Ok(false) => {
                let waited = since.elapsed();
                if waited < lock_timeout {
                    return Some(Job { pool, change, answer, since });
                }
                PoolError::Busy { path: self.store.path().to_owned(), waited }
            }
            Err(error) => error,
        };
        answer(self.store.outcome(Err(refused)));
        None
    }
}

#[cfg(test)]
mod tests;
