//! Writes one entry of the journal piece by piece, in bounded memory, with a running checksum.
//!
//! The header goes last, unless everything fits one chunk: then it is one write. Making it durable is the caller's.

use super::header::Header;
use super::{CHUNK, Fault, Piece, Side};
use crate::pool::crc::Crc;
use crate::pool::medium::Medium;
use crate::pool::record::SECTOR;

/// Writes an entry piecemeal. What fits one chunk goes out as one write, header included.
pub(super) struct Sink<'a, M> {
    journal: &'a M,
    base: u64,
    flushed: u64,
    buffer: Vec<u8>,
    crc: Crc,
}

impl<'a, M: Medium> Sink<'a, M> {
    /// Starts an entry at `base` of the journal.
    pub(super) fn new(journal: &'a M, base: u64) -> Sink<'a, M> {
        Sink { journal, base, flushed: 0, buffer: vec![0; SECTOR], crc: Crc::new() }
    }

    /// Checksum of the payload so far.
    pub(super) fn checksum(&self) -> u64 {
        self.crc.value()
    }

    /// Bytes of payload so far.
    pub(super) fn position(&self) -> u64 {
        self.flushed + self.buffer.len() as u64 - SECTOR as u64
    }

    pub(super) fn put(&mut self, data: &[u8]) -> Result<(), Fault> {
        self.crc.update(data);
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    pub(super) fn pad(&mut self) -> Result<(), Fault> {
        let behind = (self.position() % SECTOR as u64) as usize;
        if behind == 0 { Ok(()) } else { self.put(&[0; SECTOR][behind..]) }
    }

    /// Stores a piece unless the before-image has it; returns where it is.
    pub(super) fn take(&mut self, piece: &Piece) -> Result<(u64, u64), Fault> {
        let start = self.position();
        match piece {
            Piece::Kept { from, len } => return Ok((*from, *len)),
            Piece::New(data) => self.put(data)?,
            Piece::Journalled { offset, len } => self.copy(self.journal, Side::Journal, *offset, *len)?,
        }
        Ok((start, self.position() - start))
    }

    pub(super) fn copy(&mut self, from: &M, side: Side, offset: u64, len: u64) -> Result<(), Fault> {
        let mut chunk = vec![0; (len as usize).min(CHUNK)];
        let mut done = 0;
        while done < len {
            let wanted = (len - done).min(CHUNK as u64) as usize;
            let got = from.read_full(&mut chunk[..wanted], offset + done).map_err(Fault::on(side, "read"))?;
            if got < wanted {
                return Err(Fault::Disturbed);
            }
            self.put(&chunk[..wanted])?;
            done += wanted as u64;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let write = self.journal.write_full(&self.buffer, self.base + self.flushed);
        write.map_err(Fault::on(Side::Journal, "write"))?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is left and the header; returns the offset behind the entry.
    pub(super) fn finish(mut self, header: &Header) -> Result<u64, Fault> {
        let end = self.base + self.flushed + self.buffer.len() as u64;
        let sector = header.encode();
        if self.flushed == 0 {
            self.buffer[..SECTOR].copy_from_slice(&sector);
            self.flush()?;
        } else {
            self.flush()?;
            let write = self.journal.write_full(&sector, self.base);
            write.map_err(Fault::on(Side::Journal, "write"))?;
        }
        Ok(end)
    }
}
