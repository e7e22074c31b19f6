//! What goes into a [`super::PoolSet`] and what comes out: options, changes, notices, reports.
//!
//! Plain data, no behaviour beyond defaults and display.

use std::path::PathBuf;
use std::time::Duration;

use super::Pool;
use super::error::PoolError;

/// Where the pools are and how they are bounded.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// Directory of the pool files (`/var/lib/hyperv`); other software reads and writes there.
    pub pool_dir: PathBuf,
    /// The daemon's own state directory (`STATE_DIR/hv-kvpd`): identity stamp and copies kept aside.
    pub state_dir: PathBuf,
    /// Root of sysfs (`/sys`), for the SMBIOS UUID.
    pub sysfs_root: PathBuf,
    /// Root of procfs (`/proc`), for boot id and boot time.
    pub proc_root: PathBuf,
    /// Root of the configuration (`/etc`), for machine-id.
    pub etc_root: PathBuf,
    /// Most records in one pool; a longer file is served up to here.
    pub max_items: u32,
    /// How long another program's lock is waited for before [`PoolError::Busy`].
    pub lock_timeout: Duration,
}

impl PoolOptions {
    /// Records per pool if nothing else is configured (a full file has 40 MiB then).
    pub const DEFAULT_MAX_ITEMS: u32 = 16_384;
    /// The upper limit of [`PoolOptions::max_items`]: what the index can address with room to spare.
    pub const HIGHEST_MAX_ITEMS: u32 = 500_000;

    /// The system's own places and the default bounds.
    #[must_use]
    pub fn new(pool_dir: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> PoolOptions {
        PoolOptions {
            pool_dir: pool_dir.into(),
            state_dir: state_dir.into(),
            sysfs_root: "/sys".into(),
            proc_root: "/proc".into(),
            etc_root: "/etc".into(),
            max_items: PoolOptions::DEFAULT_MAX_ITEMS,
            lock_timeout: Duration::from_secs(5),
        }
    }
}

/// What is to be changed. Texts are UTF-8 without NUL; limits are the file's ([`super::MAX_KEY_BYTES`],
/// [`super::MAX_VALUE_BYTES`]), tighter ones are the caller's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Insert, or overwrite the last record with this key.
    Set {
        /// Where.
        pool: Pool,
        /// Exact key.
        key: String,
        /// New value.
        value: String,
    },
    /// Remove every record with this key; [`PoolError::NoSuchKey`] if there is none.
    Delete {
        /// Where.
        pool: Pool,
        /// Exact key.
        key: String,
    },
    /// Remove every record.
    Clear {
        /// Where.
        pool: Pool,
    },
}

impl Change {
    /// The pool concerned.
    #[must_use]
    pub fn pool(&self) -> Pool {
        match self {
            Change::Set { pool, .. } | Change::Delete { pool, .. } | Change::Clear { pool } => *pool,
        }
    }
}

/// What has changed for a reader, after it became durable. A change to the same value is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The key is new or has another value.
    Changed {
        /// Where.
        pool: Pool,
        /// The key.
        key: String,
        /// The value now.
        value: String,
    },
    /// The key is gone.
    Removed {
        /// Where.
        pool: Pool,
        /// The key.
        key: String,
    },
}

/// What kind of thing a [`Report`] tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportKind {
    /// Records that cannot be read as they should; a copy was kept aside.
    Damaged,
    /// An operation that a crash had interrupted was completed.
    Completed,
    /// An interrupted operation was completed around what others had written meanwhile.
    Merged,
    /// An interrupted operation was dropped: it had not begun, or others have overwritten it.
    Dropped,
    /// The pools came from another machine and were cleared.
    Cloned,
    /// The pool came from another machine and cannot be cleared: it is served empty until the next start.
    Hidden,
    /// The file has more records than are served.
    TooLong,
    /// The pool can be read but not written.
    ReadOnly,
    /// The pool cannot be read for now; it is empty, and read as soon as that is possible.
    Unavailable,
    /// The file had been deleted or replaced; the new one is used.
    Reopened,
    /// Changes by other programs are seen only when a request comes (no inotify).
    Unwatched,
    /// State of our own (identity stamp, copy, journal header) could not be written.
    State,
}

/// Something an administrator should know. The pool goes on working.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The pool concerned; none if it concerns all.
    pub pool: Option<Pool>,
    /// For programs.
    pub kind: ReportKind,
    /// For people: what, on what, what to do.
    pub text: String,
}

impl Report {
    pub(crate) fn new(pool: impl Into<Option<Pool>>, kind: ReportKind, text: impl Into<String>) -> Report {
        Report { pool: pool.into(), kind, text: text.into() }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pool {
            Some(pool) => write!(f, "pool {}: {}", pool.name(), self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The answer to one [`super::PoolSet::submit`] or [`super::PoolSet::refresh`].
#[derive(Debug)]
pub struct Outcome {
    /// What the request itself came to; for a refresh the notices are empty.
    pub result: Result<Vec<Notice>, PoolError>,
    /// What other programs had changed before, noticed on the way (origin `file`), also if the request failed.
    pub foreign: Vec<Notice>,
    /// What an administrator should know.
    pub reports: Vec<Report>,
}
