//! A daemon, its host, and a bus on which it is asked how things are.

pub(crate) mod guest;
pub(crate) mod host;

use std::time::{Duration, Instant};

pub(crate) use guest::Guest;
pub(crate) use host::{Host, Time};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const MS: i64 = 1_000_000;
pub(crate) const SECOND: i64 = 1000 * MS;

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a test on a runtime of its own; the limit only ends one that hangs.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(10 * PATIENCE, test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}
