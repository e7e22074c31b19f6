//! Open-file-description locks: `fcntl(F_OFD_SETLK)` on a whole file.
//!
//! They exclude, and are excluded by, the POSIX locks of other programs (`hv_kvp_daemon`), but belong to the open
//! file and not to the process: closing another descriptor of the same file does not drop them. They do not see
//! `flock`, which other programs (cloud-init) use.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Who else may hold the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// Other readers may; the descriptor must be readable.
    Shared,
    /// Nobody; the descriptor must be writable.
    Exclusive,
}

/// Locks the whole file, whatever its length becomes; waits for as long as it takes.
///
/// # Errors
/// What `fcntl` reports; interruptions by signals are not errors.
pub fn ofd_lock(file: impl AsFd, kind: LockKind) -> io::Result<()> {
    loop {
        match set(&file, libc::F_OFD_SETLKW, lock_type(kind)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Locks the whole file if nobody else has it: `false` if somebody has.
///
/// # Errors
/// What `fcntl` reports.
pub fn try_ofd_lock(file: impl AsFd, kind: LockKind) -> io::Result<bool> {
    match set(&file, libc::F_OFD_SETLK, lock_type(kind)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives the lock back. Closing the last descriptor of the open file does so too.
///
/// # Errors
/// What `fcntl` reports.
pub fn ofd_unlock(file: impl AsFd) -> io::Result<()> {
    set(&file, libc::F_OFD_SETLK, libc::F_UNLCK)
}

fn lock_type(kind: LockKind) -> libc::c_int {
    match kind {
        LockKind::Shared => libc::F_RDLCK,
        LockKind::Exclusive => libc::F_WRLCK,
    }
}

fn set(file: &impl AsFd, command: libc::c_int, lock_type: libc::c_int) -> io::Result<()> {
    // SAFETY: all-zero bytes are a valid `flock`: it has integers only.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = lock_type as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // Start 0 and length 0 mean the whole file; l_pid must be 0 for these commands.
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and `lock` is a valid, writable `flock`,
    // which is what these commands take and all that they touch.
    let result = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), command, &raw mut lock) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
