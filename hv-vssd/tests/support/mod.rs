//! Filesystems that may be frozen, and a daemon that may freeze them: what the tests of the whole program share.
//!
//! A test gets a [`World`]: a mount namespace of its own with a temporary directory, in which loop files become
//! filesystems. Three fences keep the machine's own filesystems out of reach: `include` names the world's mount points only,
//! the daemon reads a `mountinfo` with nothing but those, and a guard, a process of its own, holds a descriptor of each
//! and thaws them, kills what was started and unmounts, whatever becomes of the test.

pub(crate) mod bus;
pub(crate) mod disks;
pub(crate) mod guard;
pub(crate) mod guest;
pub(crate) mod host;
pub(crate) mod processes;
pub(crate) mod world;
pub(crate) mod writers;

use std::io::Write;
use std::time::{Duration, Instant};

pub(crate) use disks::{Disk, Kind};
pub(crate) use guest::Guest;
pub(crate) use world::{World, world};

/// How long something that must happen may take before the test fails: far longer than it ever takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Says that a test, or a part of it, is skipped. Not by a print macro: what a test that passes prints with those is not shown.
pub(crate) fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Waits busily, for what is over in less than a moment. Told when the wait began.
#[track_caller]
pub(crate) fn spin(mut so: impl FnMut(Instant) -> bool) {
    let began = Instant::now();
    while !so(began) {
        assert!(began.elapsed() < PATIENCE, "never so far");
        std::hint::spin_loop();
    }
}

/// Waits for what announces itself in no other way than by being so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
