//! How far a freeze is, read from the record that daemon and guardian share: to kill them at a moment of choice.
//!
//! The layout is `src/freeze/record.rs`'s; read with calls and not by a mapping, which is fast enough to see every step.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// How far, in the order in which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// There is no record: nothing was begun.
    Nothing,
    /// The filesystems are opened.
    Prepared,
    /// The dirty data of so many is written.
    Written(usize),
    /// The clock runs.
    Begun,
    /// The first is being frozen.
    Attempting,
    /// So many are frozen.
    Frozen(usize),
    /// So many are thawed.
    Thawed(usize),
    /// The record is gone again.
    Over,
}

/// An opened record.
#[derive(Debug)]
pub(crate) struct Record {
    file: File,
    filesystems: usize,
}

const HEADER: usize = 256;
const SLOT: usize = 64;

/// States of a filesystem.
mod state {
    pub(super) const ATTEMPTING: u32 = 1;
    pub(super) const FROZEN: u32 = 2;
    pub(super) const THAWING: u32 = 3;
    pub(super) const THAWED: u32 = 5;
    pub(super) const REFUSED: u32 = 6;
}

impl Record {
    /// The one at `path`, if there is one.
    pub(crate) fn open(path: &Path) -> Option<Record> {
        let file = File::open(path).ok()?;
        let mut head = [0; HEADER];
        file.read_exact_at(&mut head, 0).unwrap();
        assert_eq!((&head[..8], word(&head, 8)), (b"HVFROZEN".as_slice(), 1));
        Some(Record { filesystems: word(&head, 12) as usize, file })
    }

    /// Whether it says that the filesystem at `mount` is not ours.
    pub(crate) fn refuses(&self, mount: &Path) -> bool {
        let mut bytes = vec![0; usize::try_from(self.file.metadata().unwrap().len()).unwrap()];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        let names = word(&bytes, 104) as usize;
        bytes[HEADER..HEADER + SLOT * self.filesystems].chunks_exact(SLOT).any(|slot| {
            let (at, length) = (names + word(slot, 28) as usize, word(slot, 32) as usize);
            bytes[at..at + length] == *mount.as_os_str().as_bytes() && word(slot, 0) == state::REFUSED
        })
    }

    /// How far it is now.
    pub(crate) fn stage(&self) -> Stage {
        let mut bytes = vec![0; HEADER + SLOT * self.filesystems];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        let slots = || bytes[HEADER..].chunks_exact(SLOT);
        let count = |wanted: u32| slots().filter(|slot| word(slot, 0) == wanted).count();
        let (thawed, frozen) = (count(state::THAWED), count(state::FROZEN));
        if self.file.metadata().unwrap().nlink() == 0 {
            Stage::Over
        } else if thawed + count(state::THAWING) > 0 {
            Stage::Thawed(thawed)
        } else if frozen > 0 {
            Stage::Frozen(frozen)
        } else if count(state::ATTEMPTING) > 0 {
            Stage::Attempting
        } else if word(&bytes, 48) != 0 || word(&bytes, 52) != 0 {
            Stage::Begun
        } else {
            // A time of nothing is none.
            match slots().filter(|slot| word(slot, 40) != 0).count() {
                0 => Stage::Prepared,
                written => Stage::Written(written),
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}
