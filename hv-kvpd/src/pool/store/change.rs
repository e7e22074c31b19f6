//! Changing a pool: which records an operation touches, and the index after it.
//!
//! Whatever is refused is refused before the first write. The index follows the file only when the change is durable;
//! then the answer goes out, and the journal is cleared after it, still under the locks.

use std::ops::Range;

use super::{Files, Store};
use crate::pool::error::PoolError;
use crate::pool::index::Index;
use crate::pool::journal::{Draft, Fault, Kind, Piece};
use crate::pool::medium::Medium;
use crate::pool::record::{KEY_FIELD, RECORD, RECORD_BYTES, Texts, encode, texts};
use crate::pool::scan::Damage;
use crate::pool::shared::text;
use crate::pool::types::{Change, Notice, Outcome, ReportKind};

/// Why an attempt changed nothing.
enum Stop {
    Error(PoolError),
    /// The file is not as the index says: it must be read again.
    Stale,
}

impl From<PoolError> for Stop {
    fn from(error: PoolError) -> Stop {
        Stop::Error(error)
    }
}

/// What is to be written (nothing, if the file has it already), and what that means to readers.
struct Step {
    draft: Option<Draft>,
    notices: Vec<Notice>,
}

impl Store {
    /// Carries a change out and answers as soon as it is durable. Both locks are held, before and after.
    pub(crate) fn run(&mut self, change: &Change, answer: impl FnOnce(Outcome)) {
        let result = match change {
            Change::Set { key, value, .. } => self.attempt(
                |store| store.plan_set(key, value),
                |index| put(index, key.as_bytes(), value.as_bytes()),
            ),
            Change::Delete { key, .. } => self.attempt(
                |store| store.plan_delete(key),
                |index| index.remove(key.as_bytes(), &index.duplicates(key.as_bytes())),
            ),
            Change::Clear { .. } => self.clear(|_| false),
        };
        let done = result.is_ok();
        answer(self.outcome(result));
        if done {
            self.settle();
        }
    }

    /// Removes all records but those with a key to be kept. The locks are held; nobody is told.
    pub(crate) fn clear_except(&mut self, keep: impl Fn(&[u8]) -> bool) -> Result<Vec<Notice>, PoolError> {
        let removed = self.clear(keep);
        if removed.is_ok() {
            self.settle();
        }
        removed
    }

    fn clear(&mut self, keep: impl Fn(&[u8]) -> bool) -> Result<Vec<Notice>, PoolError> {
        self.attempt(|store| store.plan_clear(&keep), |index| *index = kept(index, &keep))
    }

    fn settle(&mut self) {
        let Files::Writable(engine) = &mut self.files else { return };
        if !engine.is_unsettled() {
            return;
        }
        if let Err(fault) = engine.settle() {
            let why = self.failed(fault);
            self.report(
                ReportKind::State,
                format!("the journal could not be cleared, this will be retried: {why}"),
            );
        }
    }

    /// Plans, writes, and lets the index follow; anew if others turn out to have written meanwhile.
    fn attempt(
        &mut self,
        plan: impl Fn(&mut Store) -> Result<Step, Stop>,
        follow: impl Fn(&mut Index),
    ) -> Result<Vec<Notice>, PoolError> {
        const ATTEMPTS: usize = 4;
        for _ in 0..ATTEMPTS {
            self.catch_up()?;
            if let Some(why) = self.files.obstacle() {
                return Err(why);
            }
            match plan(self).and_then(|step| self.write(step, &follow)) {
                Ok(notices) => return Ok(notices),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Stale) => self.shared.seen().behind = true,
            }
        }
        Err(PoolError::Disturbed { path: self.paths.pool.clone() })
    }

    fn write(&mut self, step: Step, follow: impl Fn(&mut Index)) -> Result<Vec<Notice>, Stop> {
        let Files::Writable(engine) = &mut self.files else { return Err(Stop::Stale) };
        let Some(draft) = step.draft else {
            // Who wrote it may not have synced it.
            engine.sync_pool().map_err(|fault| self.stop(fault))?;
            return Ok(step.notices);
        };
        let watch = self.watch.as_ref();
        let mut replaced = false;
        let undisturbed = || !watch.is_some_and(|watch| watch.drain().any());
        let written = || replaced = watch.is_some_and(|watch| watch.drain().replaced);
        engine.commit(&draft, undisturbed, written).map_err(|fault| self.stop(fault))?;
        let now = self.stat();
        let mut seen = self.shared.seen();
        follow(&mut seen.index);
        seen.behind = replaced || !now.as_ref().is_ok_and(|now| now.len == draft.len_after());
        seen.stat = now.unwrap_or_default();
        // Records beyond the bound may have moved into view.
        let records = seen.index.records();
        seen.behind |= records < self.max && seen.stat.len / RECORD > u64::from(records);
        drop(seen);
        if draft.at + draft.before == draft.len && self.damage.torn > 0 {
            // The torn tail is gone; the next one is another.
            self.damage = Damage::default();
        }
        if !step.notices.is_empty() {
            self.shared.changed();
        }
        Ok(step.notices)
    }

    fn stop(&self, fault: Fault) -> Stop {
        match fault {
            Fault::Disturbed => Stop::Stale,
            fault => Stop::Error(self.failed(fault)),
        }
    }

    fn plan_set(&mut self, key: &str, value: &str) -> Result<Step, Stop> {
        let record = encode(key, value)?;
        let (found, records, len) = {
            let seen = self.shared.seen();
            (seen.index.find(key.as_bytes()), seen.index.records(), seen.stat.len)
        };
        let changed = Notice::Changed { pool: self.pool, key: key.to_owned(), value: value.to_owned() };
        let Some(found) = found else {
            if len / RECORD >= u64::from(self.max) {
                return Err(PoolError::Full { pool: self.pool, max: self.max }.into());
            }
            if len / RECORD != u64::from(records) {
                return Err(Stop::Stale);
            }
            self.keep_torn(len)?;
            let (at, before) = (len / RECORD * RECORD, len % RECORD);
            let draft = Draft { kind: Kind::Append, at, len, before, pieces: vec![Piece::New(record)] };
            return Ok(Step { draft: Some(draft), notices: vec![changed] });
        };
        let at = u64::from(found) * RECORD;
        let current = self.expect_key(at, key)?;
        let notices = if texts(&current).value == value.as_bytes() { Vec::new() } else { vec![changed] };
        let same = current == record;
        let draft = Draft { kind: Kind::Replace, at, len, before: RECORD, pieces: vec![Piece::New(record)] };
        Ok(Step { draft: (!same).then_some(draft), notices })
    }

    fn plan_delete(&mut self, key: &str) -> Result<Step, Stop> {
        let (mut records, indexed, len) = {
            let seen = self.shared.seen();
            let records = seen.index.duplicates(key.as_bytes()).into_iter().map(u64::from);
            (records.collect::<Vec<_>>(), u64::from(seen.index.records()), seen.stat.len)
        };
        let Some(&first) = records.first() else {
            return Err(PoolError::NoSuchKey { pool: self.pool, key: key.to_owned() }.into());
        };
        let at = first * RECORD;
        self.expect_key(at, key)?;
        self.check_length(len)?;
        self.keep_torn(len)?;
        self.find_beyond(key, indexed..len / RECORD, &mut records)?;
        let ends = records.iter().skip(1).copied().chain([len / RECORD]);
        let pieces = records.iter().zip(ends).map(|(&gone, next)| {
            let from = gone + 1;
            Piece::Kept { from: from * RECORD - at, len: (next - from) * RECORD }
        });
        let draft = Draft { kind: Kind::Rewrite, at, len, before: len - at, pieces: pieces.collect() };
        Ok(Step {
            draft: Some(draft),
            notices: vec![Notice::Removed { pool: self.pool, key: key.to_owned() }],
        })
    }

    /// Looks for a key among the records that the bound keeps out of the index: they may come into view.
    fn find_beyond(&self, key: &str, records: Range<u64>, found: &mut Vec<u64>) -> Result<(), Stop> {
        let Files::Writable(engine) = &self.files else { return Err(Stop::Stale) };
        let mut field = [0; KEY_FIELD];
        for record in records {
            let got = engine.pool.read_full(&mut field, record * RECORD);
            let got = got.map_err(|errno| PoolError::io("read", &self.paths.pool, errno))?;
            if texts(&field[..got]).key == key.as_bytes() {
                found.push(record);
            }
        }
        Ok(())
    }

    fn plan_clear(&mut self, keep: &impl Fn(&[u8]) -> bool) -> Result<Step, Stop> {
        let (len, pieces, notices) = {
            let seen = self.shared.seen();
            let stays = |record: &u32| keep(seen.index.record(*record).key);
            let kept = (0..seen.index.records()).filter(stays);
            let pieces: Vec<_> =
                kept.map(|record| Piece::Kept { from: u64::from(record) * RECORD, len: RECORD }).collect();
            let gone = seen.index.items().filter(|item| !keep(item.key));
            let notices: Vec<_> =
                gone.map(|item| Notice::Removed { pool: self.pool, key: text(item.key) }).collect();
            (seen.stat.len, pieces, notices)
        };
        let nothing = pieces.len() as u64 * RECORD == len;
        if !nothing {
            self.check_length(len)?;
            self.keep_torn(len)?;
        }
        let draft = Draft { kind: Kind::Rewrite, at: 0, len, before: len, pieces };
        Ok(Step { draft: (!nothing).then_some(draft), notices })
    }

    /// Reads the record at `at`, which the index says has this key.
    fn expect_key(&self, at: u64, key: &str) -> Result<Vec<u8>, Stop> {
        let Files::Writable(engine) = &self.files else { return Err(Stop::Stale) };
        let mut record = vec![0; RECORD_BYTES];
        let got = engine.pool.read_full(&mut record, at);
        let got = got.map_err(|errno| PoolError::io("read", &self.paths.pool, errno))?;
        if got == RECORD_BYTES && texts(&record).key == key.as_bytes() {
            Ok(record)
        } else {
            Err(Stop::Stale)
        }
    }

    /// A torn tail may go only if there is a copy of it.
    fn keep_torn(&self, len: u64) -> Result<(), Stop> {
        if len.is_multiple_of(RECORD) {
            return Ok(());
        }
        self.keep_copy().map(drop).map_err(Stop::Error)
    }
}

fn put(index: &mut Index, key: &[u8], value: &[u8]) {
    match index.find(key) {
        Some(record) => index.replace(record, value),
        None => index.push(Texts { key, value }),
    }
}

fn kept(index: &Index, keep: impl Fn(&[u8]) -> bool) -> Index {
    let mut rest = Index::default();
    for record in (0..index.records()).map(|record| index.record(record)).filter(|record| keep(record.key)) {
        rest.push(record);
    }
    rest
}
