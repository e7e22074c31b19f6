//! What can go wrong with a pool file, in terms of what the caller can do about it.
//!
//! Every variant that comes from the system names the file, the operation and the errno, and says what to do.
//! Mapping to host statuses and D-Bus errors is the service's business.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use super::Pool;
use crate::errno::words;

/// Which field of a record a limit concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Field::Key => "key",
            Field::Value => "value",
        })
    }
}

/// Why a pool operation was refused or failed. The pool is in its old state, except after [`PoolError::Stopped`],
/// where the operation may or may not have been carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// No record has this key.
    #[error("pool {} has no key {key:?}", pool.name())]
    NoSuchKey {
        /// The pool asked.
        pool: Pool,
        /// The key asked for.
        key: String,
    },
    /// A new key would go beyond the configured number of records.
    #[error("pool {} holds {max} records, the most that is allowed: delete some, or raise max-items", pool.name())]
    Full {
        /// The full pool.
        pool: Pool,
        /// The bound, in records.
        max: u32,
    },
    /// The text does not fit the field; both numbers are bytes of UTF-8, without the NUL.
    #[error("the {field} has {actual} bytes, the pool file takes {max}: shorten it")]
    TooLong {
        /// Key or value.
        field: Field,
        /// The most that fits.
        max: usize,
        /// What was given.
        actual: usize,
    },
    /// An empty key, or a NUL inside the text: the file format has no way to hold it.
    #[error("the {field} is not possible in a pool file: {why}")]
    Invalid {
        /// Key or value.
        field: Field,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another program held its lock for the whole waiting time.
    #[error("{} is locked by another program for {} s now: see `lslocks` for which, then try again", path.display(),
        waited.as_secs())]
    Busy {
        /// The pool file.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// Another program goes on writing to the file without taking a lock.
    #[error("{} is being written by a program that takes no lock: try again when it has finished", path.display())]
    Disturbed {
        /// The pool file.
        path: PathBuf,
    },
    /// The file is so long that removing a record, which moves all behind it, is out of proportion.
    #[error("{} has {len} bytes, nothing is removed from a file beyond {max}: truncate it by hand", path.display())]
    Oversized {
        /// The pool file.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
        /// The longest that is rewritten.
        max: u64,
    },
    /// The system refused.
    #[error("{operation} {}: {} (errno {}){}", path.display(), words(*errno), errno.raw_os_error(), advice(*errno))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as a verb: "write", "sync", "open for writing"…
        operation: &'static str,
        /// What the system said.
        errno: Errno,
    },
    /// Pool and journal would lie on different filesystems: they could not survive a power cut together.
    #[error("{} and {} are on different filesystems: move both to one (a bind mount over a single file does this)",
        pool.display(), journal.display())]
    OtherFilesystem {
        /// The pool file.
        pool: PathBuf,
        /// Its journal.
        journal: PathBuf,
    },
    /// What lies there is no regular file.
    #[error("{} is not a regular file: move it away, an empty pool is created in its place", path.display())]
    NotAFile {
        /// The offending path.
        path: PathBuf,
    },
    /// The worker has ended, because the set is being closed.
    #[error("the pool files are closed: the daemon is stopping")]
    Stopped,
}

impl PoolError {
    pub(crate) fn io(operation: &'static str, path: &Path, errno: Errno) -> PoolError {
        PoolError::Io { path: path.to_owned(), operation, errno }
    }

    /// The errno behind the failure, if the system caused it.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            PoolError::Io { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    /// True if the disk (or the quota) was full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self.errno(), Some(Errno::NOSPC | Errno::DQUOT))
    }
}

/// What a person can do about an errno; empty if nothing more can be said.
pub(crate) fn advice(errno: Errno) -> &'static str {
    match errno {
        Errno::NOSPC | Errno::DQUOT => ": free space on this filesystem, nothing was changed",
        Errno::ROFS => {
            ": the filesystem is read-only (after a disk error? see the kernel log); remount it writable"
        }
        Errno::ACCESS | Errno::PERM => ": the daemon's user must own the file, see the tmpfiles.d entry",
        Errno::IO => ": the disk failed, see the kernel log",
        Errno::LOOP => ": a symbolic link is not followed here, put the file itself in its place",
        Errno::MFILE | Errno::NFILE => ": too many open files, raise the limit",
        Errno::NOENT => ": it is missing, restart the daemon or create it as tmpfiles.d says",
        _ => "",
    }
}
