//! What a record says of one filesystem: which it is, how far it is, what went wrong and how long it took.
//!
//! 64 bytes each, and its names behind all of them, as [`super`] describes them.

use super::{HEADER, Record, SLOT, Step, monotonic};
use crate::plan::Device;
use hv_utils_core::wire::ring::RingMemory;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

/// What one filesystem of a record is, to find it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where it was mounted.
    pub mount: PathBuf,
    /// Its type.
    pub kind: String,
    /// Names its superblock.
    pub device: Device,
    /// `mountinfo`'s number of the mount.
    pub mount_id: u64,
}

/// The times of one filesystem, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Writing its dirty data.
    pub sync: u32,
    /// Freezing it.
    pub freeze: u32,
    /// When it began to freeze, since the first one did.
    pub frozen: u32,
    /// When it was thawed, since the same moment; 0 if it was not.
    pub thawed: u32,
}

impl Record {
    /// How far a filesystem is.
    #[must_use]
    pub fn step(&self, index: usize) -> Step {
        Step::of(self.memory.load(slot(index)))
    }

    /// Moves a filesystem from one step to another; `false` if it is at another one.
    #[must_use]
    pub fn advance(&self, index: usize, from: Step, to: Step) -> bool {
        self.memory.exchange(slot(index), from as u32, to as u32)
    }

    /// How high it stands: see [`Entry::level`](crate::plan::Entry::level).
    #[must_use]
    pub fn level(&self, index: usize) -> u32 {
        self.memory.load(slot(index) + 24)
    }

    /// Remembers what the kernel said when it did not freeze, or did not thaw.
    pub fn set_error(&self, index: usize, errno: i32) {
        self.memory.store(slot(index) + 4, errno.cast_unsigned());
    }

    /// What the kernel said; 0 for nothing.
    #[must_use]
    pub fn error(&self, index: usize) -> i32 {
        self.memory.load(slot(index) + 4).cast_signed()
    }

    /// What it is.
    #[must_use]
    pub fn named(&self, index: usize) -> Named {
        let word = |at: usize| self.memory.load(slot(index) + at);
        let (start, at) = (self.memory.load(104) as usize, word(28) as usize);
        let text = |at: usize, bytes: u32| self.bytes(start.saturating_add(at), bytes as usize);
        let kind = text(at.saturating_add(word(32) as usize), word(36));
        Named {
            mount: PathBuf::from(std::ffi::OsString::from_vec(text(at, word(32)))),
            kind: String::from_utf8_lossy(&kind).into_owned(),
            device: Device { major: word(8), minor: word(12) },
            mount_id: self.double(slot(index) + 16),
        }
    }

    /// Its times.
    #[must_use]
    pub fn times(&self, index: usize) -> Times {
        let word = |at: usize| self.memory.load(slot(index) + at);
        Times { sync: word(40), freeze: word(44), frozen: word(48), thawed: word(52) }
    }

    /// Remembers how long writing its dirty data took.
    pub fn synced(&self, index: usize, took: Duration) {
        self.memory.store(slot(index) + 40, short(took));
    }

    /// Remembers how long it took to freeze, or not to, and when that began.
    pub fn froze(&self, index: usize, since: Duration, took: Duration) {
        self.memory.store(slot(index) + 44, short(took));
        self.memory.store(slot(index) + 48, short(since.saturating_sub(self.started().unwrap_or(since))));
    }

    /// Remembers that it was thawed just now.
    pub fn thawed(&self, index: usize) {
        let now = monotonic();
        let since = now.saturating_sub(self.started().unwrap_or(now));
        self.memory.store(slot(index) + 52, short(since).max(1));
    }

    /// Begins anew with one that was frozen and thawed to see whether it can be; `false` if it is not thawed by us.
    #[must_use]
    pub fn renew(&self, index: usize) -> bool {
        if self.error(index) != 0 || !self.advance(index, Step::Thawed, Step::Idle) {
            return false;
        }
        for at in [44, 48, 52] {
            self.memory.store(slot(index) + at, 0);
        }
        true
    }
}

fn slot(index: usize) -> usize {
    HEADER + index * SLOT
}

fn short(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
