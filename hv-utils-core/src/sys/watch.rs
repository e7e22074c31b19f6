//! Waiting for a descriptor with tokio.
//!
//! `AsyncFd` asks its user to promise that the descriptor stays open and the same; here the types promise it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor, to wait until it is readable. Needs a tokio runtime.
///
/// # Errors
/// The descriptor cannot be waited for, as a plain file, or is watched already.
pub fn watch(descriptor: impl Into<Arc<OwnedFd>>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    let descriptor = descriptor.into();
    // SAFETY: an `OwnedFd` is open until it is dropped and never changes its number; the `Arc` inside the `AsyncFd`
    // keeps it from being dropped, and gives nobody else the means to take it out.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}
