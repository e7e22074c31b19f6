//! Thawing what a record says that we have frozen.
//!
//! The same for the daemon and for its guardian, for one thread or several; all may be at it at the same time, since each
//! filesystem is claimed by one exchange of its step. What lies lower is thawed first: thawing writes, and what it writes
//! must not meet a disk that is still frozen. One that does not thaw holds up those above it for a moment only. Nothing is
//! allocated here.

use super::record::{Record, Step, monotonic};
use hv_utils_core::sys;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

/// Threads that thaw. Few are fastest: thawing is work of the kernel's, not waiting.
pub(crate) const THREADS: usize = 4;

/// How long what lies higher waits for what lies lower.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what lies lower.
const LOOK: Duration = Duration::from_micros(500);

/// In the place of an error: whether it froze is not known.
const UNKNOWN: i32 = -1;

/// Goes through all filesystems once, the lowest first, and thaws those that are ours. What the daemon is freezing at this
/// moment is abandoned: whoever comes back from it thaws it.
pub(crate) fn pass(record: &Record, targets: &[OwnedFd]) {
    let began = monotonic();
    // Backwards: what was frozen last lies lowest.
    for (index, target) in targets.iter().enumerate().rev() {
        if claim(record, index) {
            wait_for_lower(record, index, began);
            thaw(record, index, target);
        }
    }
}

/// The other one is gone: what it was at is ours, and may be frozen.
pub(crate) fn inherit(record: &Record) {
    for index in 0..record.len() {
        for step in [Step::Attempting, Step::Abandoned, Step::Thawing] {
            if record.advance(index, step, Step::Frozen) {
                record.set_error(index, UNKNOWN);
            }
        }
    }
}

/// Whether nothing of it can be frozen by us any more.
pub(crate) fn is_over(record: &Record) -> bool {
    (0..record.len()).all(|index| !record.step(index).may_be_frozen())
}

/// Thaws one that is claimed.
pub(crate) fn thaw(record: &Record, index: usize, target: &OwnedFd) {
    match sys::thaw(target).map_err(|error| Errno::from_io_error(&error)) {
        Ok(()) => {
            record.set_error(index, 0);
            record.thawed(index);
            let _ = record.advance(index, Step::Thawing, Step::Thawed);
        }
        Err(Some(Errno::INVAL)) => {
            // Not frozen: somebody else has thawed it; or it never was, if that was not known.
            record.set_error(
                index,
                if record.error(index) == UNKNOWN { 0 } else { Errno::INVAL.raw_os_error() },
            );
            record.thawed(index);
            let _ = record.advance(index, Step::Thawing, Step::Thawed);
        }
        Err(error) => {
            record.set_error(index, error.map_or(0, Errno::raw_os_error));
            let _ = record.advance(index, Step::Thawing, Step::Stuck);
        }
    }
}

fn claim(record: &Record, index: usize) -> bool {
    match record.step(index) {
        // It may have frozen in this moment.
        Step::Attempting => {
            !record.advance(index, Step::Attempting, Step::Abandoned)
                && record.advance(index, Step::Frozen, Step::Thawing)
        }
        step @ (Step::Frozen | Step::Stuck) => record.advance(index, step, Step::Thawing),
        _ => false,
    }
}

fn wait_for_lower(record: &Record, index: usize, began: Duration) {
    let level = record.level(index);
    let lies_lower = |other: usize| record.level(other) < level && record.step(other).may_be_frozen();
    while level > 0
        && (index + 1..record.len()).any(lies_lower)
        && monotonic().saturating_sub(began) < PATIENCE
    {
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests;
