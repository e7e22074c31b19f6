//! What to do at start with an operation that a kill or a power cut interrupted.
//!
//! Both locks are held by the caller. Records that still hold the before-image, the after-image or a mix of both at
//! sector granularity are ours and are rolled forward, unless not one of them shows that the operation had begun. Any
//! other record was written by somebody else since: it stays.
//! If that is a matter of single records, they are written in place from the entry that is there, which can be
//! repeated as often as it takes. If records of others would have to move (an append behind a half-done delete, an
//! edit of a record that was being shifted), the merged list is carried out as an operation of its own, journalled
//! behind the first entry. `docs/adr/0001-pool-journal.md` has the reasoning and the limits.

use super::engine::Engine;
use super::journal::{self, Draft, Entry, Fault, Found, Kind, Piece, Side};
use super::medium::{FileId, Medium};
use super::record::{RECORD, RECORD_BYTES};
use super::types::PoolOptions;

use self::merge::{Part, merged};
use self::survey::Survey;

mod merge;
mod survey;

/// Bytes behind the start of an operation beyond which no pool of ours can reach.
const LONGEST: u64 = PoolOptions::HIGHEST_MAX_ITEMS as u64 * 2 * RECORD;

/// What [`Engine::recover`] found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// No operation was interrupted.
    Nothing,
    /// The operation had not begun; the pool is as before.
    NotBegun,
    /// The operation is complete now.
    Completed,
    /// The operation is complete, around what others had written since.
    Merged,
    /// The operation was dropped, for this reason.
    Dropped(&'static str),
}

impl<M: Medium> Engine<M> {
    /// Deals with whatever the journal holds and clears it. Repeating it, also after a crash within, is harmless.
    ///
    /// # Errors
    /// The journal is kept as it was, or replaced by an entry that leads to the same end.
    pub(crate) fn recover(&mut self) -> Result<Recovery, Fault> {
        self.unsettled = true;
        let recovery = match journal::pending(&self.journal)? {
            Found::Nothing => {
                self.unsettled = false;
                return Ok(Recovery::Nothing);
            }
            Found::Torn => Recovery::NotBegun,
            Found::Unknown => {
                Recovery::Dropped("its journal entry is of a format that this version does not know")
            }
            Found::Entry(entry) => self.replay(&entry)?,
        };
        self.settle()?;
        Ok(recovery)
    }

    fn replay(&mut self, entry: &Entry) -> Result<Recovery, Fault> {
        let pool = self.pool.stat().map_err(Fault::on(Side::Pool, "stat"))?;
        let same_boot = self.boot.same_boot(entry.header.boot);
        if !same_file(entry.header.pool, pool.id, same_boot) {
            return Ok(Recovery::Dropped("the pool file was replaced since"));
        }
        let needed = if entry.header.kind == Kind::Replace { RECORD } else { 0 };
        if pool.len < entry.header.at + needed {
            return Ok(Recovery::Dropped("the pool was truncated since"));
        }
        if pool.len - entry.header.at > LONGEST {
            return Ok(Recovery::Dropped("the pool has become too long to look through"));
        }
        let survey = Survey::take(&self.pool, &self.journal, entry, pool.len, same_boot)?;
        if entry.header.kind != Kind::Rewrite && survey.slots.first().is_some_and(|slot| slot.is_foreign()) {
            return Ok(Recovery::Dropped("its record was overwritten by another program since"));
        }
        if is_untouched(entry, &survey, same_boot) {
            return Ok(Recovery::NotBegun);
        }
        let parts = merged(&self.pool, &self.journal, entry, &survey, same_boot)?;
        if in_place(&parts, entry) {
            self.roll_forward(entry, &survey, &parts)?;
        } else {
            self.rewrite(entry, &parts, pool.len)?;
        }
        let foreign = parts.iter().any(|part| matches!(part, Part::Pool { .. }));
        Ok(if foreign { Recovery::Merged } else { Recovery::Completed })
    }

    /// Writes those records from the entry that the pool does not hold yet; nothing else is touched.
    fn roll_forward(&self, entry: &Entry, survey: &Survey, parts: &[Part]) -> Result<(), Fault> {
        let mut record = vec![0; RECORD_BYTES];
        let mut end = entry.header.at;
        for part in parts {
            if let Part::After { first, count } = *part {
                for slot in (first..first + count).filter(|&slot| !survey.is_done(slot)) {
                    let got = entry.read_after(&self.journal, slot * RECORD, &mut record)?;
                    let write = self.pool.write_full(&record[..got], entry.header.at + slot * RECORD);
                    write.map_err(Fault::on(Side::Pool, "write"))?;
                }
            }
            end += part.len(entry);
        }
        if entry.header.kind != Kind::Replace && end < survey.len {
            self.pool.set_len(end).map_err(Fault::on(Side::Pool, "truncate"))?;
        }
        self.sync_pool()
    }

    /// Carries the merged list out as an operation that takes the interrupted one's place in the journal.
    fn rewrite(&mut self, entry: &Entry, parts: &[Part], len: u64) -> Result<(), Fault> {
        let at = entry.header.at;
        let mut pieces = Vec::new();
        for part in parts {
            match *part {
                Part::Pool { offset, len } => pieces.push(Piece::Kept { from: offset - at, len }),
                Part::After { .. } => push_journalled(entry, part, &mut pieces),
            }
        }
        let draft = Draft { kind: Kind::Rewrite, at, len, before: len - at, pieces };
        let next = self.log(&draft, Some(entry))?;
        self.write_after(&next)?;
        self.sync_pool()
    }
}

/// True if nothing in the pool shows that the operation was ever written. Then it was not acknowledged either, or
/// others have undone it: in both cases the pool is right as it is. The entry of a replay is another matter: its
/// before-image is the half-written state that it has to cure.
fn is_untouched(entry: &Entry, survey: &Survey, same_boot: bool) -> bool {
    let header = &entry.header;
    // After a reboot the new length may have reached the disk before any record.
    let cut = !same_boot && survey.len < header.len_before;
    // Records behind a part of one are worth the trouble of aligning them again.
    let misaligned = !survey.own_end.is_multiple_of(RECORD) && survey.own_end < survey.len;
    header.previous == 0 && !cut && !misaligned && !survey.shows_operation()
}

/// Device numbers may change with a reboot; the inode and its birth do not.
fn same_file(journalled: FileId, found: FileId, same_boot: bool) -> bool {
    let device = if same_boot { journalled.device } else { found.device };
    FileId { device, ..journalled } == found
}

/// True if every part already lies where it belongs, but for records of ours that are still to be written.
fn in_place(parts: &[Part], entry: &Entry) -> bool {
    let mut position = 0;
    parts.iter().all(|part| {
        let here = match *part {
            Part::After { first, .. } => first * RECORD == position,
            Part::Pool { offset, .. } => offset == entry.header.at + position,
        };
        position += part.len(entry);
        here
    })
}

fn push_journalled(entry: &Entry, part: &Part, pieces: &mut Vec<Piece>) {
    let Part::After { first, .. } = *part else { return };
    let (mut position, end) = (first * RECORD, first * RECORD + part.len(entry));
    while let Some((offset, run)) = entry.after_at(position).filter(|_| position < end) {
        let len = run.min(end - position);
        pieces.push(Piece::Journalled { offset, len });
        position += len;
    }
}

#[cfg(test)]
mod tests;
