//! One pool without a thread: what cannot be reached through the set.

use super::*;
use crate::pool::engine::tests::{file, items, sample};
use crate::pool::tests::{Place, set};
use crate::pool::types::Change;

fn store(place: &Place, change: impl FnOnce(&mut Store)) -> Store {
    let mut store = Store::new(Pool::Guest, &place.options, BootId::default());
    change(&mut store);
    store.started();
    store
}

fn refreshed(store: &mut Store) -> Outcome {
    assert!(store.enter(false).unwrap());
    let outcome = store.refresh();
    store.leave();
    outcome
}

fn run(store: &mut Store, change: &Change) -> Outcome {
    assert!(store.enter(true).unwrap());
    let mut answer = None;
    store.run(change, |outcome| answer = Some(outcome));
    store.leave();
    answer.expect("every change is answered")
}

/// As on a system whose inotify instances are used up.
fn unwatch(store: &mut Store) {
    store.watch = None;
    store.shared = Arc::new(Shared::new(store.paths.pool.clone(), None));
}

#[test]
fn without_inotify_the_state_of_the_file_tells_of_changes() {
    let place = Place::new();
    let mut store = store(&place, unwatch);
    refreshed(&mut store);
    assert!(!store.shared.is_stale() && store.is_quiet());
    assert!(run(&mut store, &set(Pool::Guest, "ours", "1")).result.is_ok());
    assert!(!store.shared.is_stale() && store.is_quiet());
    std::fs::write(place.path(Pool::Guest), file(&sample(2))).unwrap();
    assert!(store.shared.is_stale() && !store.is_quiet());
    assert_eq!(refreshed(&mut store).foreign.len(), 3, "two new, one gone");
    assert!(!store.shared.is_stale());
    std::fs::remove_file(place.path(Pool::Guest)).unwrap();
    assert!(store.shared.is_stale());
    assert_eq!(refreshed(&mut store).foreign.len(), 2);
    assert!(!store.shared.is_stale());
}

#[test]
fn a_record_that_is_not_where_the_index_says_is_looked_for_again() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), file(&sample(3))).unwrap();
    let mut store = store(&place, unwatch);
    refreshed(&mut store);
    // A writer that neither inotify nor the time of the file shows, as one through a memory map in the same tick.
    let mut swapped = sample(3);
    swapped.swap(0, 2);
    std::fs::write(place.path(Pool::Guest), file(&swapped)).unwrap();
    store.shared.seen().stat = store.stat().unwrap();
    assert!(run(&mut store, &set(Pool::Guest, "key-0", "ours")).result.is_ok());
    swapped[2].1 = "ours".to_owned();
    assert_eq!(items(&std::fs::read(place.path(Pool::Guest)).unwrap()), swapped);
}

#[test]
fn the_answer_comes_before_the_journal_is_cleared_and_after_the_change_is_in_the_file() {
    let place = Place::new();
    let mut store = store(&place, |_| ());
    refreshed(&mut store);
    assert!(store.enter(true).unwrap());
    let journal = || std::fs::read(place.options.pool_dir.join(".hv-utils-journal_1")).unwrap();
    let mut at_answer = (Vec::new(), Vec::new());
    store.run(&set(Pool::Guest, "k", "v"), |_| {
        at_answer = (std::fs::read(place.path(Pool::Guest)).unwrap(), journal());
    });
    assert_eq!(items(&at_answer.0), [("k".to_owned(), "v".to_owned())]);
    assert!(at_answer.1.starts_with(b"HVUTJRNL"));
    assert!(journal()[..512].iter().all(|&byte| byte == 0), "and cleared before the locks go");
}
