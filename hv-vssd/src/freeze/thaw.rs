//! Thawing what a record says that we have frozen.
//!
//! The same for the daemon and for its guardian, for one thread or several; all may be at it at the same time, since each
//! filesystem is claimed by one exchange of its step, which says whose claim it is. What lies lower is thawed first: thawing
//! writes, and what it writes must not meet a disk that is still frozen. One that does not thaw holds up those above it for a
//! moment only. Nothing is allocated here.

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

/// Who thaws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The daemon, or the next one.
    Daemon,
    /// Its guardian.
    Guardian,
}

impl By {
    /// The step of what it is thawing.
    fn step(self) -> Step {
        match self {
            By::Daemon => Step::Thawing,
            By::Guardian => Step::Guarded,
        }
    }
}

/// Goes through all filesystems once, the lowest first, and thaws those that are ours and that nobody else is at. What the
/// daemon is freezing at this moment is abandoned: whoever comes back from it thaws it. What lies above such a one is left
/// for another pass, unless thawing began, at `since`, too long ago.
pub(crate) fn pass(record: &Record, targets: &[OwnedFd], by: By, since: Duration) {
    // Backwards: what was frozen last lies lowest.
    for (index, target) in targets.iter().enumerate().rev() {
        // The claim comes after the wait: it is kept as short as the kernel lets us.
        if is_to_be_thawed(record, index) && may_be_next(record, index, by, since) && claim(record, index, by)
        {
            thaw(record, index, target, by);
        }
    }
}

/// The daemon is gone: what it was freezing or thawing is the guardian's, and may be frozen.
pub(crate) fn inherit_from_daemon(record: &Record) {
    inherit(record, &[Step::Attempting, Step::Abandoned, Step::Thawing]);
}

/// The daemon is gone, though a thread of it may still hang in a freeze: what it was thawing is the guardian's.
pub(crate) fn inherit_thawing(record: &Record) {
    inherit(record, &[Step::Thawing]);
}

/// Both are gone: all of it is ours, and may be frozen.
pub(crate) fn inherit_all(record: &Record) {
    inherit_from_daemon(record);
    inherit_from_guardian(record);
}

/// The guardian is gone, or does not move: what it was thawing is the daemon's, and may be frozen.
pub(crate) fn inherit_from_guardian(record: &Record) {
    inherit(record, &[Step::Guarded]);
}

fn inherit(record: &Record, steps: &[Step]) {
    for index in 0..record.len() {
        for step in steps {
            if record.advance(index, *step, Step::Frozen) {
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
pub(crate) fn thaw(record: &Record, index: usize, target: &OwnedFd, by: By) {
    let (error, next) = match sys::thaw(target).map_err(|error| Errno::from_io_error(&error)) {
        Ok(()) => (0, Step::Thawed),
        // Not frozen: it never was, if that was not known; or somebody else has thawed it.
        Err(Some(Errno::INVAL)) if record.error(index) == UNKNOWN => (0, Step::Thawed),
        Err(Some(Errno::INVAL)) => (Errno::INVAL.raw_os_error(), Step::Thawed),
        Err(error) => (error.map_or(0, Errno::raw_os_error), Step::Stuck),
    };
    // Whoever has taken it over meanwhile finds out for himself.
    if record.step(index) == by.step() {
        record.set_error(index, error);
        if next == Step::Thawed {
            record.thawed(index);
        }
        let _ = record.advance(index, by.step(), next);
    }
}

fn is_to_be_thawed(record: &Record, index: usize) -> bool {
    match record.step(index) {
        // It may have frozen in this moment.
        Step::Attempting => !record.advance(index, Step::Attempting, Step::Abandoned),
        Step::Frozen | Step::Stuck => true,
        _ => false,
    }
}

fn claim(record: &Record, index: usize, by: By) -> bool {
    record.advance(index, Step::Frozen, by.step()) || record.advance(index, Step::Stuck, by.step())
}

/// Waits until nothing that lies lower is being thawed by us. `false`: something is still frozen there, or being frozen, so not yet.
fn may_be_next(record: &Record, index: usize, by: By, since: Duration) -> bool {
    let level = record.level(index);
    let lower = || {
        let lies_lower = |other: &usize| record.level(*other) < level;
        (index + 1..record.len()).filter(lies_lower).map(|other| record.step(other))
    };
    while level > 0 && monotonic().saturating_sub(since) < PATIENCE {
        if lower().any(|step| step == by.step()) {
            // In our hands. The other's may be dead: who goes through all of it again finds out.
            thread::sleep(LOOK);
        } else {
            return !lower().any(Step::may_be_frozen);
        }
    }
    true
}

#[cfg(test)]
mod tests;
