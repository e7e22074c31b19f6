//! When a failure is logged, on paused time.

use super::{MAX_KEYS, OncePer};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_repeated_failure_is_logged_once_per_interval_with_its_count() {
    let mut log = OncePer::new(HOUR);
    assert_eq!(log.admit("corrupt"), Some(0));
    assert_eq!(log.admit("corrupt"), None);
    assert_eq!(log.admit("corrupt"), None);
    tokio::time::advance(HOUR).await;
    assert_eq!(log.admit("corrupt"), Some(2));
    assert_eq!(log.admit("corrupt"), None);
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_apart() {
    let mut log = OncePer::new(HOUR);
    assert_eq!(log.admit("corrupt"), Some(0));
    assert_eq!(log.admit("oversized"), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_was_over_is_news_again() {
    let mut log = OncePer::new(HOUR);
    assert_eq!(log.admit("no host"), Some(0));
    assert_eq!(log.admit("no host"), None);
    assert_eq!(log.over("no host"), 1);
    assert_eq!(log.over("no host"), 0);
    assert_eq!(log.admit("no host"), Some(0));
}

#[tokio::test(start_paused = true)]
async fn the_table_does_not_grow_without_bound() {
    let mut log = OncePer::new(HOUR);
    for number in 0..2 * MAX_KEYS {
        log.admit(Box::leak(number.to_string().into_boxed_str()));
    }
    assert_eq!(log.entries.len(), MAX_KEYS);
}
