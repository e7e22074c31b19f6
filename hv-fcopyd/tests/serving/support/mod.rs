//! A daemon with a directory, its host, and a bus on which it is asked what it does.

mod client;
mod host;
mod world;

use std::time::{Duration, Instant};

pub(crate) use client::{Active, Client, News};
pub(crate) use host::{Host, raw_start};
pub(crate) use world::{CREATE, NONE, OVERWRITE, WHATEVER, World};

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
