//! Signals of a process without a runtime: ignored, or read from a descriptor.
//!
//! Handlers are tokio's business; here is only what needs no handler.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

/// Ignores SIGTERM, SIGINT and SIGHUP from now on, for a process whose work ends by itself and soon, and must not be
/// left half done. A killing signal still kills.
pub fn ignore_requests_to_end() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // SAFETY: SIG_IGN installs no code of ours, and these three signals may be ignored.
        let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
        debug_assert!(before != libc::SIG_ERR, "a valid signal and disposition");
    }
}

/// SIGTERM, SIGINT and SIGHUP as something to read (`signalfd(2)`, 128 bytes for each) instead of the end of the process.
/// Blocks them in this thread and in those that it starts from now on, so it comes before any other.
///
/// # Errors
/// There are too many open files.
pub fn requests_to_end() -> io::Result<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` writes the whole set and reads nothing of it.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // SAFETY: the set was made by `sigemptyset`, and these are valid signals.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: the set is whole; where the old one would be put is null, which means nowhere.
    let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed));
    }
    // SAFETY: -1 asks for a new descriptor, and the set is whole.
    let descriptor = unsafe { libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if descriptor == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
