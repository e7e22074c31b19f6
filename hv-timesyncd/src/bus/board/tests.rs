//! What is kept for the bus, and for how long.

use super::*;
use crate::bus::tests::row;

#[test]
fn the_last_samples_are_remembered_and_no_more() {
    let board = Board::default();
    assert!(board.rows().is_empty());
    for when in 0..1000 {
        board.sampled(row(when));
    }
    let when: Vec<u64> = board.clone().rows().iter().map(|row| row.when).collect();
    assert_eq!(when, (744..1000).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_burst_that_no_bus_takes_neither_grows_nor_hides_a_step() {
    let board = Board::default();
    board.stepped(-5, "one");
    for when in 0..1000 {
        board.sampled(row(when));
    }
    board.stepped(7, "two");
    assert_eq!(lock(&board.0.news).len(), MOST_NEWS);
    assert_eq!(board.news().await, News::Stepped(-5, "one".to_owned()));
    for when in 938..1000 {
        assert_eq!(board.news().await, News::Sampled(row(when)));
    }
    assert_eq!(board.news().await, News::Stepped(7, "two".to_owned()));
    assert!(lock(&board.0.news).is_empty());
    // Of nothing but steps the oldest go.
    for ns in 0..1000 {
        board.stepped(ns, "");
    }
    assert_eq!(board.news().await, News::Stepped(1000 - MOST_NEWS as i64, String::new()));
}

#[test]
fn the_same_once_more_is_no_news() {
    let board = Board::default();
    let shown = board.subscribe();
    board.publish(Shown::default());
    assert!(!shown.has_changed().unwrap());
    let other = Shown { jitter: 1, ..Shown::default() };
    board.publish(other.clone());
    assert!(shown.has_changed().unwrap());
    assert_eq!(board.shown(), other);
}
