//! From nothing to a durable file, or nothing.
//!
//! Where the filesystem can, the file has no name at all until it is complete (`O_TMPFILE`), so that there is nothing to be
//! removed, whatever happens; elsewhere it has a hidden one in the same directory. Its room is taken at the start. It
//! appears by one call, with its mode and owner, after its bytes are on the disk; the host is told when its name is, too.

mod appear;
mod ranges;
mod space;
mod sweep;
mod temporary;

#[cfg(test)]
mod tests;

pub use sweep::sweep;

use crate::target::{Owner, Place, Refusal};
use hv_utils_core::wire::Status;
use ranges::Ranges;
use rustix::fs::{Advice, fadvise};
use rustix::io::Errno;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use temporary::Temporary;

/// Bytes that are gathered before the disk is told to begin with them.
const WINDOW: u64 = 8 << 20;

/// What a file is to be like. One that takes the place of another gets nothing of that.
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
    temporary: Temporary,
    size: u64,
    rules: Rules,
    there: Ranges,
    /// The filesystem has promised the room.
    reserved: bool,
    /// The disk has been told to begin with what is before this.
    begun: u64,
}

impl Incoming {
    /// Makes room for `size` bytes. Nothing has the name yet.
    ///
    /// # Errors
    /// No room, or the directory cannot be written to.
    pub fn create(place: Place, size: u64, rules: &Rules) -> Result<Incoming, Refusal> {
        if i64::try_from(size).is_err() {
            return Err(Refusal::new(Status::FILE_TOO_LARGE, "no file has so many bytes"));
        }
        Incoming::begin(Temporary::create(place)?, size, rules)
    }

    fn begin(temporary: Temporary, size: u64, rules: &Rules) -> Result<Incoming, Refusal> {
        let reserved = space::reserve(temporary.file(), size, rules.min_free)?;
        Ok(Incoming { temporary, size, rules: *rules, there: Ranges::default(), reserved, begun: 0 })
    }

    /// The whole path, to be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.temporary.place().shown()
    }

    /// Bytes that are there; what came twice counts once.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.there.total()
    }

    /// A piece, all of it: in any order, also again.
    ///
    /// # Errors
    /// It is not within the file, or cannot be written. Whether to go on is the caller's decision: what was not written
    /// counts as missing.
    pub fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let length = data.len() as u64;
        let end = offset.checked_add(length).filter(|end| *end <= self.size).ok_or_else(|| {
            Refusal::new(
                Status::INVALID_ARG,
                format!("{length} bytes at {offset} are not within the file's {}", self.size),
            )
        })?;
        if !self.there.accepts(offset, end) {
            return Err(Refusal::new(Status::INVALID_ARG, "the pieces leave too many gaps between them"));
        }
        write_all(self.temporary.file(), offset, data)?;
        self.there.add(offset, end);
        self.begin_with_the_disk()
    }

    /// The file appears under its name, whole and durable, or nothing does.
    ///
    /// # Errors
    /// Something is missing, or cannot be written; nothing of it is left.
    pub fn complete(self) -> Result<(), Refusal> {
        self.complete_if(&|| true)
    }

    /// As [`complete`](Self::complete), if it still is `wanted` when its bytes are on the disk, which may take long, and at the
    /// end, if it did not take the place of another file.
    ///
    /// # Errors
    /// As there, or it is not wanted.
    pub fn complete_if(mut self, wanted: &dyn Fn() -> bool) -> Result<(), Refusal> {
        if self.there.total() != self.size {
            let missing = self.size - self.there.total();
            return Err(Refusal::new(
                Status::INCOMPLETE,
                format!("{missing} bytes of {} have not come", self.size),
            ));
        }
        appear::appear(&mut self.temporary, &self.rules, wanted)
    }

    /// Nothing of it is left.
    pub fn cancel(self) {}

    /// Has the disk begin with what is there from the beginning on, so that little is left to wait for at the end. To drop
    /// pages from memory that are to be written first begins to write them (Linux `mm/fadvise.c`).
    fn begin_with_the_disk(&mut self) -> Result<(), Refusal> {
        let to = self.there.first_gap();
        let Some(length) = to.checked_sub(self.begun).filter(|length| *length >= WINDOW) else {
            return Ok(());
        };
        let from = std::mem::replace(&mut self.begun, to);
        // It is an advice: what it does not do, the end does.
        let _ = fadvise(self.temporary.file(), from, NonZeroU64::new(length), Advice::DontNeed);
        if self.reserved { Ok(()) } else { space::check(self.temporary.file(), 0, self.rules.min_free) }
    }
}

fn write_all(file: &OwnedFd, mut offset: u64, mut data: &[u8]) -> Result<(), Refusal> {
    while !data.is_empty() {
        let written = match rustix::io::pwrite(file, data, offset) {
            Err(Errno::INTR) => continue,
            Ok(0) => Err(Errno::IO),
            other => other,
        };
        let written = written.map_err(|error| Refusal::of(error, "write a piece"))?;
        data = data.get(written..).unwrap_or_default();
        offset += written as u64;
    }
    Ok(())
}
