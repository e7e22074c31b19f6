//! One descriptor under tokio's eye, for this crate's rooms that wait for the kernel.
//!
//! Only owned descriptors: that is what makes the safe, but deprecated, constructor right.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers `descriptor` with the runtime, which must be there.
///
/// # Errors
/// The kernel cannot watch it: a regular file (`PermissionDenied`), or no room for more.
pub fn register(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        deprecated,
        reason = "an OwnedFd is the same and open until it is dropped, which is what tokio asks for"
    )]
    AsyncFd::with_interest(descriptor, interest)
}
