//! A daemon, its host, and a bus on which it is asked how things are.

#[path = "../../../src/systemd/double.rs"]
#[expect(dead_code, reason = "shared with the tests of the watch, which use more of it")]
pub(crate) mod double;
pub(crate) mod guest;
pub(crate) mod host;

use std::time::{Duration, Instant};

pub(crate) use double::Double;
pub(crate) use guest::{Client, Guest};
pub(crate) use host::Host;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}
