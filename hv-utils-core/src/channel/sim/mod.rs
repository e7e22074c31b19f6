//! The simulated link: the rings of a channel in a memfd, handed over a Unix socket by a test host.
//!
//! Everything after the hello is the same code as for a real device: only where the memory and the interrupts come
//! from differs. [`connect`] and [`Handshake`] are the guest's side, [`Listener`] and [`Rings`] the host's.
//! The host is trusted no more than a real one: what it hands over is checked before it is mapped.

mod handshake;
mod hello;
mod host;

pub use handshake::Handshake;
pub use hello::{HELLO_BYTES, Hello, HelloError, LINK_VERSION, MAGIC};
pub use host::{Listener, Rings, send_hello};

use super::RingChannel;
use crate::wire::Guid;
use std::path::Path;

/// Bytes of one ring's control page on this link, whatever the machine's page size.
pub const CONTROL_BYTES: usize = 4096;

/// Connects to a test host and waits for its hello.
///
/// # Errors
/// Nobody listens, or the hello is not one for `class`.
pub async fn connect(path: &Path, class: Guid) -> Result<RingChannel, HelloError> {
    let mut handshake = Handshake::start(path, class)?;
    handshake.receive().await?;
    handshake.finish()
}

#[cfg(test)]
mod tests;
