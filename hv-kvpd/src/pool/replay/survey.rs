//! Compares the pool, record by record, with what an interrupted operation found and what it meant to write.
//!
//! Reading only. The unit of comparison is the sector: a power cut may leave any subset of them written.

use crate::pool::journal::{Entry, Fault, Kind, Side};
use crate::pool::medium::Medium;
use crate::pool::record::{RECORD, RECORD_BYTES, SECTOR, texts};

/// What a record of the changed range holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Both images, which are the same here.
    Same,
    /// The before-image.
    Before,
    /// The after-image.
    Done,
    /// Some sectors of each.
    Mixed,
    /// Something that neither image explains, under the key that the operation has put there.
    Edited,
    /// Something that neither image explains.
    Foreign,
}

impl Slot {
    pub(super) fn is_foreign(self) -> bool {
        matches!(self, Slot::Edited | Slot::Foreign)
    }
}

/// The changed range, as it is.
#[derive(Debug)]
pub(super) struct Survey {
    /// Length of the pool.
    pub(super) len: u64,
    /// One for each record of the range that the file has; the last may be partial.
    pub(super) slots: Vec<Slot>,
    /// Where the range ends and what others appended begins. Not a multiple of the record size if the operation, or a
    /// writer before it, was cut within a record and others appended behind that.
    pub(super) own_end: u64,
}

impl Survey {
    /// Looks at a pool of this length. `same_boot`: no power cut was between.
    pub(super) fn take<M: Medium>(
        pool: &M,
        journal: &M,
        entry: &Entry,
        len: u64,
        same_boot: bool,
    ) -> Result<Survey, Fault> {
        let at = entry.header.at;
        let mut eye = Eye::new(pool, journal, entry, same_boot);
        let own_end = eye.own_end(len)?;
        let mut survey = Survey { len, slots: Vec::new(), own_end };
        let after_end = at + entry.header.after;
        survey.extend(&mut eye, at, own_end.min(after_end.next_multiple_of(RECORD)))?;
        if own_end > after_end && len < entry.header.len_before && (survey.all_done() || !same_boot) {
            // The pool was cut to its new length already: what is behind it now was appended since.
            survey.own_end = after_end;
        } else {
            survey.extend(&mut eye, at, own_end)?;
        }
        Ok(survey)
    }

    /// True if the pool holds the after-image at this place of the range.
    pub(super) fn is_done(&self, slot: u64) -> bool {
        matches!(self.slots.get(slot as usize), Some(Slot::Done | Slot::Same))
    }

    /// True if something in the range can only have been written by the operation.
    pub(super) fn shows_operation(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Done | Slot::Mixed | Slot::Edited))
    }

    fn all_done(&self) -> bool {
        (0..self.slots.len() as u64).all(|slot| self.is_done(slot))
    }

    fn extend<M: Medium>(&mut self, eye: &mut Eye<'_, M>, at: u64, end: u64) -> Result<(), Fault> {
        while at + self.slots.len() as u64 * RECORD < end {
            let slot = self.slots.len() as u64;
            self.slots.push(eye.look(slot, (end - at - slot * RECORD).min(RECORD))?);
        }
        Ok(())
    }
}

/// Buffers for the comparison.
struct Eye<'a, M> {
    pool: &'a M,
    journal: &'a M,
    entry: &'a Entry,
    same_boot: bool,
    found: Vec<u8>,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl<'a, M: Medium> Eye<'a, M> {
    fn new(pool: &'a M, journal: &'a M, entry: &'a Entry, same_boot: bool) -> Eye<'a, M> {
        let record = || vec![0; RECORD_BYTES];
        Eye { pool, journal, entry, same_boot, found: record(), before: record(), after: record() }
    }

    /// Judges the first `len` bytes of one record of the range.
    fn look(&mut self, slot: u64, len: u64) -> Result<Slot, Fault> {
        let len = len as usize;
        let offset = self.entry.header.at + slot * RECORD;
        let got =
            self.pool.read_full(&mut self.found[..len], offset).map_err(Fault::on(Side::Pool, "read"))?;
        if got < len {
            return Err(Fault::Disturbed);
        }
        self.entry.read_before(self.journal, slot * RECORD, &mut self.before)?;
        let after = self.entry.read_after(self.journal, slot * RECORD, &mut self.after)?;
        self.after[after..].fill(0);
        let found = &self.found[..len];
        // A hole where there was no record before is no before-image: the file was extended and not yet filled.
        let was_there = slot * RECORD + len as u64 <= self.entry.header.before;
        let is_before = was_there && *found == self.before[..len];
        let is_after = after == len && *found == self.after[..len];
        Ok(match (is_before, is_after) {
            (true, true) => Slot::Same,
            (true, false) => Slot::Before,
            (false, true) => Slot::Done,
            (false, false) if self.is_mix(found, after) => Slot::Mixed,
            (false, false) if self.has_new_key(found, after) => Slot::Edited,
            (false, false) => Slot::Foreign,
        })
    }

    fn has_new_key(&self, found: &[u8], after: usize) -> bool {
        let key = texts(found).key;
        after > 0 && key == texts(&self.after).key && key != texts(&self.before).key
    }

    fn is_mix(&self, found: &[u8], after: usize) -> bool {
        // Where the file is to be cut, the second image is zeros: a filesystem may write the cleared rest of the last
        // block before the power goes, and the new length not.
        let second = after > 0 || !self.same_boot;
        (0..found.len()).step_by(SECTOR).all(|start| {
            let sector = start..(start + SECTOR).min(found.len());
            let piece = &found[sector.clone()];
            piece == &self.before[sector.clone()] || (second && piece == &self.after[sector])
        })
    }

    /// Where the range ends in a file of this length.
    fn own_end(&mut self, len: u64) -> Result<u64, Fault> {
        let header = self.entry.header;
        let records = header.before.max(header.after).div_ceil(RECORD);
        let aligned = len.min(header.at + records * RECORD);
        let partial = (len - header.at) % RECORD;
        if header.kind == Kind::Replace || partial == 0 {
            return Ok(aligned);
        }
        let Some(end) = self.cut_within_record(len, partial) else { return Ok(aligned) };
        let slot = self.look((end - header.at) / RECORD, partial)?;
        Ok(if slot.is_foreign() { aligned } else { end })
    }

    /// The only place where the operation, or the pool before it, can have ended within a record, if the rest of the
    /// file is whole records.
    fn cut_within_record(&self, len: u64, partial: u64) -> Option<u64> {
        let header = self.entry.header;
        if header.before % RECORD == partial && len >= header.len_before {
            return Some(header.len_before);
        }
        let limit = len.min(header.len_after);
        let end = limit.checked_sub((limit - header.at + RECORD - partial) % RECORD)?;
        (end > header.at && end >= header.len_before).then_some(end)
    }
}
