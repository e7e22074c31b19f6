//! Why a file is not taken: the status for the host, and a sentence for the log.

use hv_utils_core::wire::Status;
use rustix::io::Errno;
use std::fmt;

/// A refusal, or a failure on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the host is answered.
    pub status: Status,
    /// A sentence for a person, without a full stop.
    pub why: String,
}

impl Refusal {
    /// With this status.
    pub fn new(status: Status, why: impl Into<String>) -> Refusal {
        Refusal { status, why: why.into() }
    }

    /// Nobody wants the file any more. Who cancelled it knows why.
    #[must_use]
    pub fn unwanted() -> Refusal {
        Refusal::new(Status::ABORTED, "it was cancelled")
    }

    /// It has taken longer than anybody waits for.
    #[must_use]
    pub fn late() -> Refusal {
        Refusal::new(Status::NOT_READY, "the disk takes longer than the kernel waits")
    }

    /// A system call failed: `what` was tried.
    #[must_use]
    pub fn of(error: Errno, what: &str) -> Refusal {
        Refusal::new(status_of(error), format!("cannot {what}: {error}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Refusal {}

/// What Windows calls it. `EPERM` is an immutable directory or file, or one that only appends.
fn status_of(error: Errno) -> Status {
    match error {
        Errno::NOSPC | Errno::DQUOT => Status::DISK_FULL,
        Errno::IO => Status::IO_DEVICE,
        Errno::ROFS => Status::WRITE_PROTECTED,
        Errno::PERM | Errno::ACCESS | Errno::LOOP | Errno::XDEV | Errno::ISDIR => Status::ACCESS_DENIED,
        Errno::EXIST => Status::ALREADY_EXISTS,
        Errno::NOENT => Status::PATH_NOT_FOUND,
        Errno::NOTDIR => Status::DIRECTORY,
        Errno::NAMETOOLONG => Status::NAME_TOO_LONG,
        Errno::FBIG => Status::FILE_TOO_LARGE,
        _ => Status::FAIL,
    }
}
