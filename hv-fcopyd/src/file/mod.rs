//! From nothing to a durable file, or nothing.

use crate::target::{Owner, Place, Refusal};
use hv_utils_core::wire::Status;
use std::path::Path;

/// What a file is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Permission bits; of more than 0777 nothing is used.
    pub mode: u32,
    /// Whose it becomes.
    pub owner: Owner,
    /// Bytes of the filesystem that stay free.
    pub min_free: u64,
}

/// A file that is coming. Dropped before [`Incoming::complete`], nothing of it is left.
#[derive(Debug)]
pub struct Incoming {
    place: Place,
}

impl Incoming {
    /// Makes room for `size` bytes. Nothing has the name yet.
    ///
    /// # Errors
    /// No room, or the directory cannot be written to.
    pub fn create(place: Place, size: u64, rules: &Rules) -> Result<Incoming, Refusal> {
        let _ = (size, rules);
        Ok(Incoming { place })
    }

    /// The whole path, to be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.place.shown()
    }

    /// Bytes that are there; what came twice counts once.
    #[must_use]
    pub fn done(&self) -> u64 {
        0
    }

    /// A piece, all of it: in any order, also again.
    ///
    /// # Errors
    /// It is not within the file, or cannot be written. Whether to go on is the caller's decision.
    pub fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let _ = (offset, data);
        Err(Refusal::new(Status::FAIL, "not yet"))
    }

    /// The file appears under its name, whole and durable, or nothing does.
    ///
    /// # Errors
    /// Something is missing, or cannot be written; nothing of it is left.
    pub fn complete(self) -> Result<(), Refusal> {
        Err(Refusal::new(Status::FAIL, "not yet"))
    }

    /// Nothing of it is left.
    pub fn cancel(self) {}
}

/// Removes what a daemon that was killed has left, as `ledger` says; a sentence for the log for each thing. To be called
/// at the start, before anything else.
#[must_use]
pub fn sweep(ledger: &Path) -> Vec<String> {
    let _ = ledger;
    Vec::new()
}
