//! A whole entry of the journal: finding it, checking it, and reading its images.
//!
//! Nothing here trusts the file: lengths are checked against it before use, and nothing is used before its checksum.

use rustix::io::Errno;

use super::header::{Header, NoHeader};
use super::{CHUNK, Fault, Side};
use crate::pool::crc::Crc;
use crate::pool::medium::Medium;
use crate::pool::record::SECTOR;

const RUN_BYTES: u64 = 16;

/// `len` bytes at `offset` of the payload, which are the after-image's bytes from `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Run {
    /// Appends to `runs`, as one with the last where they touch.
    pub(super) fn join(self, runs: &mut Vec<Run>) {
        match runs.last_mut() {
            Some(last) if last.offset + last.len == self.offset => last.len += self.len,
            _ if self.len == 0 => {}
            _ => runs.push(self),
        }
    }
}

/// A whole entry in the journal.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) header: Header,
    /// Offset of the payload in the journal file.
    pub(super) payload: u64,
    /// Offset behind the entry.
    pub(super) end: u64,
    pub(super) runs: Vec<Run>,
}

impl Entry {
    /// Reads the before-image from `from` on; beyond its end there are zeros, as in a hole of the pool.
    pub(crate) fn read_before(&self, journal: &impl Medium, from: u64, out: &mut [u8]) -> Result<(), Fault> {
        let wanted = self.header.before.saturating_sub(from).min(out.len() as u64) as usize;
        out[wanted..].fill(0);
        read_exact(journal, &mut out[..wanted], self.payload + from)
    }

    /// Reads the after-image from `from` on; returns the bytes read, fewer than asked for at its end.
    pub(crate) fn read_after(
        &self,
        journal: &impl Medium,
        from: u64,
        out: &mut [u8],
    ) -> Result<usize, Fault> {
        let mut done = 0;
        while done < out.len() {
            let position = from + done as u64;
            let Some((offset, len)) = self.after_at(position) else { break };
            let len = (len as usize).min(out.len() - done);
            read_exact(journal, &mut out[done..done + len], offset)?;
            done += len;
        }
        Ok(done)
    }

    /// The part of the journal file that holds the after-image from `position` on: offset and contiguous length.
    pub(crate) fn after_at(&self, position: u64) -> Option<(u64, u64)> {
        let next = self.runs.partition_point(|run| run.start <= position);
        let run = self.runs[..next].last()?;
        let into = position - run.start;
        (into < run.len).then(|| (self.payload + run.offset + into, run.len - into))
    }
}

/// Reads and checks the entry at `base`.
pub(super) fn parse(journal: &impl Medium, base: u64) -> Result<Result<Entry, NoHeader>, Fault> {
    let mut sector = [0; SECTOR];
    if journal.read_full(&mut sector, base).map_err(Fault::on(Side::Journal, "read"))? < SECTOR {
        return Ok(Err(if sector == [0; SECTOR] { NoHeader::Clear } else { NoHeader::Torn }));
    }
    let header = match Header::decode(&sector) {
        Ok(header) => header,
        Err(none) => return Ok(Err(none)),
    };
    let len = journal.stat().map_err(Fault::on(Side::Journal, "stat"))?.len;
    let payload = base + SECTOR as u64;
    let Some((runs_at, end)) = extent(&header, payload).filter(|&(_, end)| end <= len) else {
        return Ok(Err(NoHeader::Torn));
    };
    if checksum(journal, payload, end)? != header.payload_crc {
        return Ok(Err(NoHeader::Torn));
    }
    let runs = read_runs(journal, runs_at, &header, runs_at - payload)?;
    Ok(runs.map(|runs| Entry { header, payload, end, runs }).ok_or(NoHeader::Torn))
}

/// Where the runs of an entry begin and where it ends; none if the numbers cannot be.
fn extent(header: &Header, payload: u64) -> Option<(u64, u64)> {
    let runs_at = payload.checked_add(padded(header.before)?)?.checked_add(padded(header.extra)?)?;
    let end = runs_at.checked_add(padded(header.runs.checked_mul(RUN_BYTES)?)?)?;
    Some((runs_at, end))
}

fn padded(bytes: u64) -> Option<u64> {
    bytes.checked_next_multiple_of(SECTOR as u64)
}

fn checksum(journal: &impl Medium, from: u64, to: u64) -> Result<u64, Fault> {
    let mut crc = Crc::new();
    let mut buffer = vec![0; CHUNK];
    let mut position = from;
    while position < to {
        let len = (to - position).min(CHUNK as u64) as usize;
        read_exact(journal, &mut buffer[..len], position)?;
        crc.update(&buffer[..len]);
        position += len as u64;
    }
    Ok(crc.value())
}

/// Loads the runs; none unless they lie within the images and add up to the after-image.
fn read_runs(
    journal: &impl Medium,
    at: u64,
    header: &Header,
    images: u64,
) -> Result<Option<Vec<Run>>, Fault> {
    let mut raw = vec![0; (header.runs * RUN_BYTES) as usize];
    read_exact(journal, &mut raw, at)?;
    let mut runs = Vec::with_capacity(header.runs as usize);
    let mut start = 0;
    for pair in raw.chunks_exact(RUN_BYTES as usize) {
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        let run = Run { start, offset: number(&pair[..8]), len: number(&pair[8..]) };
        if run.offset.checked_add(run.len).is_none_or(|end| end > images) {
            return Ok(None);
        }
        let Some(next) = start.checked_add(run.len) else { return Ok(None) };
        start = next;
        runs.push(run);
    }
    Ok((start == header.after).then_some(runs))
}

fn read_exact(journal: &impl Medium, out: &mut [u8], offset: u64) -> Result<(), Fault> {
    let wanted = out.len();
    match journal.read_full(out, offset) {
        Ok(bytes) if bytes == wanted => Ok(()),
        Ok(_) => Err(Fault::System { side: Side::Journal, operation: "read", errno: Errno::IO }),
        Err(errno) => Err(Fault::System { side: Side::Journal, operation: "read", errno }),
    }
}
