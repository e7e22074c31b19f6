//! What can go wrong on an open channel.
//!
//! A channel that goes away is [`ChannelError::Closed`] and a normal event; only [`ChannelError::Packet`] leaves the
//! channel usable. Everything else ends it: close and open anew.

use crate::wire::ring::{Corruption, GeometryError};
use std::io;

/// Why nothing came, or nothing could be sent.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other end closed the channel, or the host rescinded it.
    #[error("the channel was closed by the other end")]
    Closed,
    /// The ring cannot be read or written any further.
    #[error("the ring is corrupt: {0}")]
    Corrupt(#[from] Corruption),
    /// What was mapped cannot be two rings.
    #[error("the ring memory is unusable: {0}")]
    Geometry(#[from] GeometryError),
    /// One packet was skipped, the channel goes on.
    #[error(transparent)]
    Packet(#[from] PacketFault),
    /// The kernel did not take the last reply: it came too late, or the driver was reset. Open and register again.
    #[error("the kernel refused the reply: the transaction is over")]
    Late,
    /// The kernel answered the registration with something else than its version.
    #[error("the kernel's answer to the registration makes no sense")]
    Registration,
    /// The kernel has not closed the channel that was open on this device before (Linux 6.12, and mainline's source of 2025: unbinding
    /// `uio_hv_generic` while its node is open frees the rings and leaves the channel open).
    #[error(
        "the kernel still has this channel open: its driver was changed while a program used the device. It works \
         again when the host offers it anew (switch the service off and on in the settings of the virtual machine), \
         or after a restart of this machine"
    )]
    StillOpen,
    /// A system call failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, on what.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// A packet that was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketFault {
    /// A received packet was longer than any message can be; skipped.
    #[error("a packet of {bytes} bytes is longer than any message")]
    Oversized {
        /// Bytes of its payload.
        bytes: usize,
    },
    /// A packet to send is longer than the ring could ever hold.
    #[error("a packet of {bytes} bytes does not fit into the ring")]
    TooLarge {
        /// Bytes of its payload.
        bytes: usize,
    },
}

impl ChannelError {
    /// For `map_err` after a system call.
    pub(super) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// Whether the channel can still be used.
    #[must_use]
    pub const fn is_recoverable(&self) -> bool {
        matches!(self, Self::Packet(_))
    }
}
