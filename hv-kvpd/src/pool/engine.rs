//! The order of writes that makes one change of a pool survive a kill or a power cut at any instruction.
//!
//! Both locks are held by the caller throughout. Journal, sync, pool, sync: now the change may be acknowledged;
//! then the journal is cleared durably, still under the locks, so that no entry outlives what others write later.
//! What happens at start, or after a failed roll-back, is in [`super::replay`].

use super::journal::{self, BootId, CHUNK, Draft, Entry, Fault, Found, Kind, Side, Stamp};
use super::medium::Medium;

/// A pool file and its journal.
#[derive(Debug)]
pub(crate) struct Engine<M> {
    pub(crate) pool: M,
    pub(crate) journal: M,
    pub(super) boot: BootId,
    sequence: u64,
    /// The journal may hold an entry that must be looked at before anything else is written.
    pub(super) unsettled: bool,
}

impl<M: Medium> Engine<M> {
    /// Takes the files over; `sequence` must be higher than in earlier lives (a time in nanoseconds is).
    pub(crate) fn new(pool: M, journal: M, boot: BootId, sequence: u64) -> Engine<M> {
        Engine { pool, journal, boot, sequence, unsettled: true }
    }

    /// True if [`Engine::recover`] is due before the next change.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Finds out whether [`Engine::recover`] has anything to do.
    ///
    /// # Errors
    /// The journal could not be read; it is taken for unsettled.
    pub(crate) fn look(&mut self) -> Result<(), Fault> {
        self.unsettled = !matches!(journal::pending(&self.journal)?, Found::Nothing);
        Ok(())
    }

    /// Carries a change out. On success it is durable; [`Engine::settle`] must follow under the same locks. On failure
    /// the old state was restored. `undisturbed` is asked right before the first write to the pool, `written` is
    /// called right after the last.
    ///
    /// # Errors
    /// The first fault. If not even the old state could be restored, [`Engine::is_unsettled`] is true.
    pub(crate) fn commit(
        &mut self,
        draft: &Draft,
        undisturbed: impl FnOnce() -> bool,
        written: impl FnOnce(),
    ) -> Result<(), Fault> {
        let logged = self.log(draft, None);
        let entry =
            match logged.and_then(|entry| if undisturbed() { Ok(entry) } else { Err(Fault::Disturbed) }) {
                Ok(entry) => entry,
                Err(fault) => {
                    // The pool is untouched. An entry that cannot be cleared either is dealt with before the next change.
                    self.unsettled = journal::clear(&self.journal).is_err();
                    return Err(fault);
                }
            };
        self.unsettled = true;
        let done = self.write_after(&entry);
        written();
        done.and_then(|()| self.sync_pool()).inspect_err(|_| self.unsettled = self.roll_back(&entry).is_err())
    }

    /// Clears the journal after an acknowledged change.
    ///
    /// # Errors
    /// The change stands; the entry is looked at again before the next change.
    pub(crate) fn settle(&mut self) -> Result<(), Fault> {
        let cleared = journal::clear(&self.journal);
        self.unsettled = cleared.is_err();
        cleared
    }

    /// Makes what is in the pool durable, whoever wrote it.
    pub(crate) fn sync_pool(&self) -> Result<(), Fault> {
        self.pool.sync().map_err(Fault::on(Side::Pool, "sync"))
    }

    /// Writes the journal entry of a change.
    pub(super) fn log(&mut self, draft: &Draft, replaced: Option<&Entry>) -> Result<Entry, Fault> {
        let pool = self.pool.stat().map_err(Fault::on(Side::Pool, "stat"))?;
        if pool.len != draft.len {
            return Err(Fault::Disturbed);
        }
        self.sequence += 1;
        let stamp = Stamp { pool: pool.id, boot: self.boot, sequence: self.sequence };
        journal::write(&self.journal, &self.pool, draft, stamp, replaced)
    }

    /// Writes the whole after-image into the pool and cuts the pool to its new length.
    pub(super) fn write_after(&self, entry: &Entry) -> Result<(), Fault> {
        let header = &entry.header;
        let mut chunk = vec![0; (header.after as usize).min(CHUNK)];
        let mut done = 0;
        while done < header.after {
            let got = entry.read_after(&self.journal, done, &mut chunk)?;
            let write = self.pool.write_full(&chunk[..got], header.at + done);
            write.map_err(Fault::on(Side::Pool, "write"))?;
            done += got as u64;
        }
        self.cut(header.kind, header.len_before, header.len_after)
    }

    fn roll_back(&self, entry: &Entry) -> Result<(), Fault> {
        let header = &entry.header;
        let mut chunk = vec![0; (header.before as usize).min(CHUNK)];
        let mut done = 0;
        while done < header.before {
            let wanted = (header.before - done).min(chunk.len() as u64) as usize;
            entry.read_before(&self.journal, done, &mut chunk[..wanted])?;
            let write = self.pool.write_full(&chunk[..wanted], header.at + done);
            write.map_err(Fault::on(Side::Pool, "write"))?;
            done += wanted as u64;
        }
        self.cut(header.kind, header.len_after, header.len_before)?;
        self.sync_pool()?;
        journal::clear(&self.journal)
    }

    fn cut(&self, kind: Kind, from: u64, to: u64) -> Result<(), Fault> {
        if kind == Kind::Replace || to >= from {
            return Ok(());
        }
        self.pool.set_len(to).map_err(Fault::on(Side::Pool, "truncate"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
