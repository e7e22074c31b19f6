//! The two locks that every writer of a pool must hold: one that hv_kvp_daemon sees, one that cloud-init sees.
//!
//! `fcntl` locks (open-file-description kind, which excludes POSIX ones) and `flock` do not know of each other, so
//! both are taken, always in this order and never waiting with one in hand. Retrying is the worker's business.

use std::io;

use hv_utils_core::sys::{LockKind, ofd_unlock, try_ofd_lock};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::medium::DiskFile;

/// Takes both locks if nobody else has one of them: `false` if somebody has.
///
/// # Errors
/// What the system calls report, for instance `ENOLCK` where locks are not supported.
pub(crate) fn try_lock(file: &DiskFile, kind: LockKind) -> Result<bool, Errno> {
    if !try_ofd_lock(file.fd(), kind).map_err(|error| errno(&error))? {
        return Ok(false);
    }
    let operation = match kind {
        LockKind::Exclusive => FlockOperation::NonBlockingLockExclusive,
        LockKind::Shared => FlockOperation::NonBlockingLockShared,
    };
    match flock(file.fd(), operation) {
        Ok(()) => Ok(true),
        Err(refused) => {
            ofd_unlock(file.fd()).map_err(|error| errno(&error))?;
            if refused == Errno::WOULDBLOCK || refused == Errno::INTR { Ok(false) } else { Err(refused) }
        }
    }
}

/// Gives both back. A failure leaves nothing to do: closing the file, at the latest, releases them.
pub(crate) fn unlock(file: &DiskFile) {
    let _ = flock(file.fd(), FlockOperation::Unlock);
    let _ = ofd_unlock(file.fd());
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests;
