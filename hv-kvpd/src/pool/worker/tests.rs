//! The queue of one pool, without the thread.

use std::sync::mpsc;

use rustix::fs::{FlockOperation, flock};

use super::*;
use crate::pool::Pool;
use crate::pool::journal::BootId;
use crate::pool::tests::{Place, set};

/// Otherwise the last of a queue would wait many times the limit.
#[test]
fn all_that_waited_long_enough_for_one_lock_end_together() {
    let place = Place::new();
    let mut desk =
        Desk { store: Store::new(Pool::Guest, &place.options, BootId::default()), queue: VecDeque::new() };
    let file = std::fs::File::options().append(true).create(true).open(place.path(Pool::Guest)).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    let (sender, answers) = mpsc::channel();
    let mut submit = |waited: Duration| {
        let sender = sender.clone();
        let answer: Answer = Box::new(move |outcome| sender.send(outcome.result).unwrap());
        let since = Instant::now().checked_sub(waited).unwrap();
        desk.queue.push_back(Job { pool: 1, change: Some(set(Pool::Guest, "k", "v")), answer, since });
    };
    (0..50).for_each(|_| submit(Duration::from_secs(601)));
    submit(Duration::ZERO);
    let limit = Duration::from_secs(600);
    assert!(desk.work(limit));
    let ended: Vec<_> = answers.try_iter().collect();
    assert_eq!(ended.len(), 50);
    assert!(ended.iter().all(|result| matches!(result, Err(PoolError::Busy { .. }))));
    assert_eq!(desk.queue.len(), 1, "the last has time left");
    flock(&file, FlockOperation::Unlock).unwrap();
    assert!(desk.work(limit));
    assert!(answers.try_recv().unwrap().is_ok());
}
