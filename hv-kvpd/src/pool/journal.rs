//! The journal of one pool: entries that hold the before-image and the after-image of an operation.
//!
//! Writing, finding and clearing entries; what an entry means for the pool is decided in [`super::replay`].
//! An entry is a header sector, the before-image, records that are in no before-image, and the runs of those images
//! that make up the after-image, so that a long shifted tail is stored once. A normal operation writes its entry at
//! offset 0. A replay that must do more than roll forward writes a second entry behind the first and names it in
//! `previous`: the first stays whole until the pool is. Memory is bounded by [`CHUNK`] but for the runs.

use rustix::io::Errno;

pub(crate) use self::entry::Entry;
use self::entry::{Run, parse};
use self::header::NoHeader;
pub(crate) use self::header::{BootId, Header, Kind};
use self::sink::Sink;
use super::medium::{FileId, Medium};
use super::record::{RECORD_BYTES, SECTOR};

mod entry;
mod header;
mod sink;

/// Bytes moved at a time.
pub(crate) const CHUNK: usize = 16 * RECORD_BYTES;
/// A new journal gets this many bytes at once, so that a set or a delete of the last record needs no disk space.
pub(crate) const PREALLOCATED: u64 = 8192;
/// A journal that grew beyond this is cut back when it is cleared.
const KEPT: u64 = 64 * 1024;

/// Which of the two files a system call failed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Pool,
    Journal,
}

/// Why an operation could not be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A system call failed.
    System { side: Side, operation: &'static str, errno: Errno },
    /// Somebody writes to the pool without a lock, while we hold both.
    Disturbed,
}

impl Fault {
    pub(crate) fn on(side: Side, operation: &'static str) -> impl Fn(Errno) -> Fault {
        move |errno| Fault::System { side, operation, errno }
    }
}

/// A part of the after-image to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes of the before-image, from its start.
    Kept { from: u64, len: u64 },
    /// New bytes.
    New(Vec<u8>),
    /// Bytes that an older entry holds, by their offset in the journal file.
    Journalled { offset: u64, len: u64 },
}

/// An operation that is to be journalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    pub(crate) at: u64,
    /// Length of the pool now.
    pub(crate) len: u64,
    /// Bytes from `at` that the operation replaces.
    pub(crate) before: u64,
    pub(crate) pieces: Vec<Piece>,
}

impl Draft {
    /// Length of the pool afterwards.
    pub(crate) fn len_after(&self) -> u64 {
        let len = |piece: &Piece| match piece {
            Piece::Kept { len, .. } | Piece::Journalled { len, .. } => *len,
            Piece::New(data) => data.len() as u64,
        };
        if self.kind == Kind::Replace { self.len } else { self.at + self.pieces.iter().map(len).sum::<u64>() }
    }
}

/// What goes into an entry beside the operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) pool: FileId,
    pub(crate) boot: BootId,
    pub(crate) sequence: u64,
}

/// What the journal says at start.
#[derive(Debug)]
pub(crate) enum Found {
    /// No operation was under way.
    Nothing,
    /// An operation was being prepared; the pool was not touched.
    Torn,
    /// An entry of an unknown format version.
    Unknown,
    /// An operation that may have been carried out in part.
    Entry(Entry),
}

/// Writes an entry and makes it durable. With `replaced` it goes behind that entry and takes its place, else to the
/// start of the journal.
pub(crate) fn write<M: Medium>(
    journal: &M,
    pool: &M,
    draft: &Draft,
    stamp: Stamp,
    replaced: Option<&Entry>,
) -> Result<Entry, Fault> {
    let base = replaced.map_or(0, |entry| entry.end);
    let mut sink = Sink::new(journal, base);
    sink.copy(pool, Side::Pool, draft.at, draft.before)?;
    sink.pad()?;
    let (runs, extra) = write_pieces(&mut sink, &draft.pieces)?;
    let header = Header {
        kind: draft.kind,
        sequence: stamp.sequence,
        previous: replaced.map_or(0, |entry| entry.header.checksum()),
        pool: stamp.pool,
        boot: stamp.boot,
        at: draft.at,
        len_before: draft.len,
        len_after: draft.len_after(),
        before: draft.before,
        after: runs.iter().map(|run| run.len).sum(),
        extra,
        runs: runs.len() as u64,
        payload_crc: sink.checksum(),
    };
    let end = sink.finish(&header)?;
    journal.sync().map_err(Fault::on(Side::Journal, "sync"))?;
    Ok(Entry { header, payload: base + SECTOR as u64, end, runs })
}

/// Writes the records that are in no before-image, then the runs; returns the runs and the bytes of those records.
fn write_pieces(sink: &mut Sink<'_, impl Medium>, pieces: &[Piece]) -> Result<(Vec<Run>, u64), Fault> {
    let extra_start = sink.position();
    let mut runs: Vec<Run> = Vec::new();
    let mut start = 0;
    for piece in pieces {
        let (offset, len) = sink.take(piece)?;
        Run { start, offset, len }.join(&mut runs);
        start += len;
    }
    let extra = sink.position() - extra_start;
    sink.pad()?;
    for run in &runs {
        sink.put(&run.offset.to_le_bytes())?;
        sink.put(&run.len.to_le_bytes())?;
    }
    sink.pad()?;
    Ok((runs, extra))
}

/// Finds the entry that counts: the last of a chain.
pub(crate) fn pending(journal: &impl Medium) -> Result<Found, Fault> {
    let mut entry = match parse(journal, 0)? {
        Ok(entry) => entry,
        Err(NoHeader::Clear) => return Ok(Found::Nothing),
        Err(NoHeader::Torn) => return Ok(Found::Torn),
        Err(NoHeader::Version) => return Ok(Found::Unknown),
    };
    while let Ok(next) = parse(journal, entry.end)? {
        if next.header.previous != entry.header.checksum() {
            break;
        }
        entry = next;
    }
    Ok(Found::Entry(entry))
}

/// Says durably that nothing is under way, then gives back the space of a large entry.
pub(crate) fn clear(journal: &impl Medium) -> Result<(), Fault> {
    journal.write_full(&[0; SECTOR], 0).map_err(Fault::on(Side::Journal, "clear"))?;
    journal.sync().map_err(Fault::on(Side::Journal, "sync"))?;
    // Not before the header is gone: half a chain would look like its first entry alone.
    if journal.stat().map_err(Fault::on(Side::Journal, "stat"))?.len > KEPT {
        journal.set_len(PREALLOCATED).map_err(Fault::on(Side::Journal, "truncate"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
