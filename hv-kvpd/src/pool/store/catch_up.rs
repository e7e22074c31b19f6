//! Bringing the index up to the file: what a crash interrupted, what other programs wrote, what is damaged.
//!
//! The locks are held. One pass over the file, and only if something shows that others have written.

use super::{Files, Store};
use crate::pool::error::PoolError;
use crate::pool::index::Index;
use crate::pool::medium::Stat;
use crate::pool::replay::Recovery;
use crate::pool::scan::{Damage, scan};
use crate::pool::shared::text;
use crate::pool::types::{Notice, ReportKind};

impl Store {
    /// Completes what was interrupted and reads what others wrote. The locks are held.
    pub(crate) fn catch_up(&mut self) -> Result<(), PoolError> {
        self.recover()?;
        let noticed = self.watch.as_ref().is_some_and(|watch| watch.drain().any());
        let now = self.stat()?;
        let is_new = {
            let mut seen = self.shared.seen();
            seen.behind |= noticed || now != seen.stat;
            seen.behind
        };
        if is_new { self.read_all(now) } else { Ok(()) }
    }

    fn recover(&mut self) -> Result<(), PoolError> {
        let Files::Writable(engine) = &mut self.files else { return Ok(()) };
        if !engine.is_unsettled() {
            return Ok(());
        }
        let recovered = engine.recover().map_err(|fault| self.failed(fault));
        self.shared.seen().behind = true;
        match recovered? {
            Recovery::Nothing => {}
            Recovery::NotBegun => self.report(ReportKind::Dropped, "an interrupted change had not begun"),
            Recovery::Completed => self.report(ReportKind::Completed, "an interrupted change was completed"),
            Recovery::Merged => {
                let text = "an interrupted change was completed, what other programs wrote since was kept";
                self.report(ReportKind::Merged, text);
            }
            Recovery::Dropped(why) => {
                self.report(ReportKind::Dropped, format!("an interrupted change was dropped: {why}"));
            }
        }
        Ok(())
    }

    /// Reads the file into a new index and notes the differences. `now` was taken before, so that a later change shows.
    fn read_all(&mut self, now: Stat) -> Result<(), PoolError> {
        let failed = |errno| PoolError::io("read", &self.paths.pool, errno);
        let scanned = self.files.pool().map(|pool| scan(pool, self.max)).transpose().map_err(failed)?;
        let scanned = scanned.unwrap_or_default();
        let records = scanned.records;
        let old = {
            let mut seen = self.shared.seen();
            seen.behind = false;
            seen.stat = now;
            std::mem::replace(&mut seen.index, scanned.index)
        };
        let before = self.foreign.len();
        // At start there is nobody who knew it otherwise, and a large pool would make a large list.
        if self.started {
            self.compare(&old);
        }
        if self.foreign.len() > before {
            self.shared.changed();
        }
        let too_long = records > u64::from(self.max);
        if too_long && !self.too_long {
            let text = format!(
                "the file has {records} records, {} are served: raise max-items or clear it",
                self.max
            );
            self.report(ReportKind::TooLong, text);
        }
        self.too_long = too_long;
        self.note_damage(scanned.damage);
        Ok(())
    }

    /// What the index has now and `old` had not, or otherwise; and what is gone.
    fn compare(&mut self, old: &Index) {
        let seen = self.shared.seen();
        for item in seen.index.items() {
            if old.value(item.key) != Some(item.value) {
                let (key, value) = (text(item.key), text(item.value));
                self.foreign.push(Notice::Changed { pool: self.pool, key, value });
            }
        }
        for item in old.items().filter(|item| seen.index.find(item.key).is_none()) {
            self.foreign.push(Notice::Removed { pool: self.pool, key: text(item.key) });
        }
    }

    fn note_damage(&mut self, damage: Damage) {
        // A torn tail that appears while we run may be a record on its way in. It is kept if it is about to be lost.
        let is_new = if self.started { damage.has_new_flaws(&self.damage) } else { damage.any() };
        self.damage = damage;
        if !is_new {
            return;
        }
        let text = match self.keep_copy() {
            Ok(path) => format!("{damage}: the rest is served, a copy is in {}", path.display()),
            Err(error) => format!("{damage}: the rest is served, no copy could be kept: {error}"),
        };
        self.report(ReportKind::Damaged, text);
    }
}
