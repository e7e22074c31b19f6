//! One pool: its files, its locks, its watch and its index, kept in step.
//!
//! All of it runs on the pool thread. A request is `enter` (open what is there now, take both locks, once), then
//! `run` or `refresh`, then `leave`. Within, the file is compared with the index before anything is done: an inotify
//! event, another inode, length or time means that others wrote, and the file is read again ([`catch_up`]). What is
//! changed and how is in [`change`]; the order of writes in [`super::engine`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hv_utils_core::sys::LockKind;

use super::Pool;
use super::aside::Aside;
use super::engine::Engine;
use super::error::PoolError;
use super::files::{self, Opened, Paths};
use super::journal::{BootId, Fault, Side};
use super::locks;
use super::medium::{DiskFile, FileId, Medium, Stat, stat_path};
use super::record::RECORD;
use super::scan::Damage;
use super::shared::Shared;
use super::types::{Notice, Outcome, PoolOptions, Report, ReportKind};
use super::watch::Watch;

mod catch_up;
mod change;
mod cloned;

/// Any pool up to this length is rewritten when a record is removed; a longer one if its bound on records allows it.
const LONGEST_REWRITTEN: u64 = 256 * 1024 * 1024;

/// What is open.
#[derive(Debug)]
enum Files {
    Writable(Box<Engine<DiskFile>>),
    Readable {
        pool: DiskFile,
        why: PoolError,
    },
    Missing {
        why: PoolError,
    },
    /// Another machine's data that could not be cleared: served as an empty pool until the next start.
    Hidden {
        why: PoolError,
    },
    Closed,
}

impl Files {
    fn pool(&self) -> Option<&DiskFile> {
        match self {
            Files::Writable(engine) => Some(&engine.pool),
            Files::Readable { pool, .. } => Some(pool),
            Files::Missing { .. } | Files::Hidden { .. } | Files::Closed => None,
        }
    }

    /// What stands in the way of writing.
    fn obstacle(&self) -> Option<PoolError> {
        match self {
            Files::Writable(_) => None,
            Files::Readable { why, .. } | Files::Missing { why } | Files::Hidden { why } => Some(why.clone()),
            Files::Closed => Some(PoolError::Stopped),
        }
    }
}

/// One pool on its thread.
#[derive(Debug)]
pub(crate) struct Store {
    pool: Pool,
    paths: Paths,
    max: u32,
    boot: BootId,
    damaged: Aside,
    files: Files,
    /// Which file that is.
    id: FileId,
    watch: Option<Watch>,
    shared: Arc<Shared>,
    /// Until then nobody knows anything, and differences are no news.
    started: bool,
    damage: Damage,
    too_long: bool,
    foreign: Vec<Notice>,
    reports: Vec<Report>,
}

impl Store {
    /// A pool whose files are not open yet.
    pub(crate) fn new(pool: Pool, options: &PoolOptions, boot: BootId) -> Store {
        let paths = Paths::new(&options.pool_dir, pool);
        // So that there is something to watch; if it cannot be made, opening says why.
        let _ = files::create_dir(&paths.dir, rustix::fs::Mode::from_raw_mode(0o755));
        let mut reports = Vec::new();
        let watch = Watch::new(&paths.pool).map_err(|errno| {
            let why = PoolError::io("watch", &paths.pool, errno);
            reports.push(Report::new(pool, ReportKind::Unwatched, why.to_string()));
        });
        let watch = watch.ok();
        let shared = Shared::new(paths.pool.clone(), watch.as_ref().map(|watch| Arc::clone(watch.fd())));
        Store {
            pool,
            paths,
            max: options.max_items.min(PoolOptions::HIGHEST_MAX_ITEMS),
            boot,
            damaged: Aside::new(&options.state_dir, "damaged"),
            files: Files::Closed,
            id: FileId::default(),
            watch,
            shared: Arc::new(shared),
            started: false,
            damage: Damage::default(),
            too_long: false,
            foreign: Vec::new(),
            reports,
        }
    }

    pub(crate) fn pool(&self) -> Pool {
        self.pool
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn path(&self) -> &Path {
        &self.paths.pool
    }

    /// Takes the locks of the file that is there now: `false` if another program has one of them.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub(crate) fn enter(&mut self, to_write: bool) -> Result<bool, PoolError> {
        const REPLACEMENTS: usize = 8;
        for _ in 0..REPLACEMENTS {
            let retry = matches!(self.files, Files::Closed | Files::Missing { .. })
                || (to_write && matches!(self.files, Files::Readable { .. }));
            if retry {
                self.open()?;
            }
            let Some(file) = self.files.pool() else { return Ok(true) };
            let kind = if self.may_write(to_write) { LockKind::Exclusive } else { LockKind::Shared };
            if !locks::try_lock(file, kind).map_err(|errno| PoolError::io("lock", &self.paths.pool, errno))? {
                return Ok(false);
            }
            if self.is_in_place() {
                return Ok(true);
            }
            self.leave();
            self.files = Files::Closed;
            self.report(ReportKind::Reopened, "the file was deleted or replaced, what is there now is used");
        }
        Ok(false)
    }

    /// True if the pool may have to be written: to look at it, sharing the locks with other readers is enough.
    fn may_write(&self, to_write: bool) -> bool {
        match &self.files {
            Files::Writable(engine) => to_write || engine.is_unsettled(),
            _ => false,
        }
    }

    /// True if the file is known to hold something that could not be read yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.shared.seen().behind
    }

    /// From now on somebody listens.
    pub(crate) fn started(&mut self) {
        self.started = true;
    }

    /// Gives the locks back.
    pub(crate) fn leave(&mut self) {
        if let Some(file) = self.files.pool() {
            locks::unlock(file);
        }
    }

    /// True if a look at inotify and at the file's state shows nothing new: no lock is needed to say so.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let noticed = self.watch.as_ref().is_some_and(|watch| watch.drain().any());
        let now = stat_path(&self.paths.pool).unwrap_or_default();
        let mut seen = self.shared.seen();
        seen.behind |= noticed;
        !seen.behind && now == seen.stat && !matches!(self.files, Files::Closed)
    }

    /// Brings the index up to the file; the locks are held.
    pub(crate) fn refresh(&mut self) -> Outcome {
        let result = self.catch_up().map(|()| Vec::new());
        self.outcome(result)
    }

    /// Packs a result with what was noticed on the way.
    pub(crate) fn outcome(&mut self, result: Result<Vec<Notice>, PoolError>) -> Outcome {
        let foreign = std::mem::take(&mut self.foreign);
        Outcome { result, foreign, reports: std::mem::take(&mut self.reports) }
    }

    /// Sets another bound on records; what it hides or uncovers is read with the next request.
    pub(crate) fn limit(&mut self, max: u32) {
        let max = max.min(PoolOptions::HIGHEST_MAX_ITEMS);
        let mut seen = self.shared.seen();
        let records = seen.stat.len / RECORD;
        seen.behind |= max != self.max && records > u64::from(max.min(self.max));
        self.max = max;
    }

    fn report(&mut self, kind: ReportKind, text: impl Into<String>) {
        self.reports.push(Report::new(self.pool, kind, text));
    }

    /// Opens what is there, follows it, and has the index read anew.
    fn open(&mut self) -> Result<(), PoolError> {
        let was_refused = matches!(self.files, Files::Readable { .. } | Files::Missing { .. });
        self.shared.seen().behind = true;
        self.files = match files::open(&self.paths)? {
            Opened::Writable { pool, journal } => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let sequence = since_1970.as_nanos() as u64;
                let mut engine = Engine::new(pool, journal, self.boot, sequence);
                // Nobody else writes the journal, so this needs no lock. What cannot be read now is read with it.
                let _ = engine.look();
                Files::Writable(Box::new(engine))
            }
            Opened::Readable { pool, why } => Files::Readable { pool, why },
            Opened::Missing { why } => Files::Missing { why },
        };
        self.id = self.stat()?.id;
        if let Some(why) = self.files.obstacle().filter(|_| !was_refused) {
            self.report(ReportKind::ReadOnly, format!("cannot be changed: {why}"));
        }
        if let Some(watch) = self.watch.as_mut().filter(|_| !matches!(self.files, Files::Missing { .. })) {
            let followed = watch.follow(&self.paths.pool);
            followed.map_err(|errno| PoolError::io("watch", &self.paths.pool, errno))?;
        }
        Ok(())
    }

    /// True if the name still leads to the open file, and the journal still has its name.
    fn is_in_place(&self) -> bool {
        let journalled = match &self.files {
            Files::Writable(engine) => engine.journal.stat().is_ok_and(|stat| stat.links > 0),
            _ => true,
        };
        let named = || stat_path(&self.paths.pool).is_ok_and(|stat| stat.id == self.id);
        journalled && (self.files.pool().is_none() || named())
    }

    fn stat(&self) -> Result<Stat, PoolError> {
        let failed = |errno| PoolError::io("stat", &self.paths.pool, errno);
        self.files.pool().map_or(Ok(Stat::default()), |pool| pool.stat().map_err(failed))
    }

    /// Keeps a copy of the damaged file, unless the same damage has one.
    fn keep_copy(&self) -> Result<PathBuf, PoolError> {
        let file = self.files.pool().ok_or_else(|| self.files.obstacle().unwrap_or(PoolError::Stopped))?;
        self.damaged.keep(self.pool, file, self.damage.digest())
    }

    /// Refuses to move the records of a file that is far longer than any pool of ours: it may be sparse, its copy in
    /// the journal would not be.
    fn check_length(&self, len: u64) -> Result<(), PoolError> {
        let max = LONGEST_REWRITTEN.max(u64::from(self.max) * 2 * RECORD);
        if len <= max {
            return Ok(());
        }
        Err(PoolError::Oversized { path: self.paths.pool.clone(), len, max })
    }

    fn failed(&self, fault: Fault) -> PoolError {
        match fault {
            Fault::System { side: Side::Pool, operation, errno } => {
                PoolError::io(operation, &self.paths.pool, errno)
            }
            Fault::System { side: Side::Journal, operation, errno } => {
                PoolError::io(operation, &self.paths.journal, errno)
            }
            Fault::Disturbed => PoolError::Disturbed { path: self.paths.pool.clone() },
        }
    }
}

#[cfg(test)]
mod tests;
