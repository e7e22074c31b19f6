//! One pass over a pool file: the index of its records, and what is wrong with them.
//!
//! Bounded memory: the file is read a chunk at a time, and records beyond the bound are counted, not read.

use rustix::io::Errno;

use super::crc::{Crc, crc};
use super::index::Index;
use super::journal::CHUNK;
use super::medium::Medium;
use super::record::{Flaw, RECORD, RECORD_BYTES, flaw, texts};

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) index: Index,
    pub(crate) damage: Damage,
    /// Whole records in the file, also those beyond the bound.
    pub(crate) records: u64,
}

/// What cannot be read as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Damage {
    /// Bytes behind the last whole record.
    pub(crate) torn: u64,
    pub(crate) without_key: u32,
    pub(crate) not_utf8: u32,
    pub(crate) unterminated: u32,
    /// Checksum of the damaged records.
    flaws_digest: u64,
    /// Checksum of the torn record.
    torn_digest: u64,
}

impl Damage {
    pub(crate) fn any(&self) -> bool {
        self.torn > 0 || self.flaws() > 0
    }

    /// True if there are damaged records, and not the same as in `earlier`.
    pub(crate) fn has_new_flaws(&self, earlier: &Damage) -> bool {
        self.flaws() > 0 && self.flaws_digest != earlier.flaws_digest
    }

    /// The same damage has the same, whatever the rest of the file.
    pub(crate) fn digest(&self) -> u64 {
        self.flaws_digest ^ self.torn_digest.rotate_left(1)
    }

    fn flaws(&self) -> u64 {
        u64::from(self.without_key) + u64::from(self.not_utf8) + u64::from(self.unterminated)
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let findings = [
            (u64::from(self.without_key), "records without a key"),
            (u64::from(self.not_utf8), "records that are not UTF-8"),
            (u64::from(self.unterminated), "records without a NUL"),
            (self.torn, "bytes of a torn record at the end"),
        ];
        let mut between = "";
        for (count, what) in findings.iter().filter(|(count, _)| *count > 0) {
            write!(f, "{between}{count} {what}")?;
            between = ", ";
        }
        Ok(())
    }
}

/// Reads the file; at most `max` records are indexed.
///
/// # Errors
/// What `pread` or `statx` reports.
pub(crate) fn scan(file: &impl Medium, max: u32) -> Result<Scan, Errno> {
    let len = file.stat()?.len;
    let indexed = (len / RECORD).min(u64::from(max));
    let mut scan = Scan { index: Index::with_capacity(indexed as usize), ..Scan::default() };
    let mut digest = Crc::new();
    let mut chunk = vec![0; CHUNK.min(indexed as usize * RECORD_BYTES)];
    let mut position = 0;
    while position < indexed * RECORD {
        let wanted = (indexed * RECORD - position).min(chunk.len() as u64) as usize;
        let got = file.read_full(&mut chunk[..wanted], position)?;
        for record in chunk[..got].chunks_exact(RECORD_BYTES) {
            scan.damage.note(record, &mut digest);
            scan.index.push(texts(record));
        }
        position += got as u64;
        if got < wanted {
            break; // truncated while it was read: the caller will be told so by inotify
        }
    }
    let mut tail = [0; RECORD_BYTES];
    let torn = if position == indexed * RECORD { len % RECORD } else { position % RECORD };
    let got = file.read_full(&mut tail[..torn as usize], len - len % RECORD)?;
    scan.records = if position == indexed * RECORD { len / RECORD } else { position / RECORD };
    scan.damage.torn = torn;
    scan.damage.flaws_digest = digest.value();
    scan.damage.torn_digest = crc(&tail[..got]);
    Ok(scan)
}

impl Damage {
    fn note(&mut self, record: &[u8], digest: &mut Crc) {
        match flaw(record) {
            None => return,
            Some(Flaw::EmptyKey) => self.without_key += 1,
            Some(Flaw::NotUtf8) => self.not_utf8 += 1,
            Some(Flaw::Unterminated) => self.unterminated += 1,
        }
        digest.update(record);
    }
}

#[cfg(test)]
mod tests;
