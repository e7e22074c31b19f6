//! The 64 bytes with which a test host opens a simulated channel.
//!
//! Layout and checks of the bytes alone; the descriptors that come with them are [`super::handshake`]'s.

use crate::channel::ChannelError;
use crate::wire::Guid;
use std::io;

/// Bytes of a hello.
pub const HELLO_BYTES: usize = 64;
/// Its first eight bytes.
pub const MAGIC: [u8; 8] = *b"HVSIMLNK";
/// The only version of the link.
pub const LINK_VERSION: u32 = 1;
/// Rings are whole pages.
const PAGE: u32 = 4096;

/// A hello, right or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`LINK_VERSION`].
    pub link_version: u32,
    /// Bytes of one ring with its control page: a multiple of 4096, at least 8192.
    pub ring_bytes: u32,
    /// The IC's class.
    pub class: Guid,
    /// Zero; a guest does not look at it.
    pub reserved: [u8; 32],
}

impl Hello {
    /// A right one.
    #[must_use]
    pub const fn new(class: Guid, ring_bytes: u32) -> Self {
        Self { magic: MAGIC, link_version: LINK_VERSION, ring_bytes, class, reserved: [0; 32] }
    }

    /// As it is sent; numbers are little-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        bytes[0..8].copy_from_slice(&self.magic);
        bytes[8..12].copy_from_slice(&self.link_version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.ring_bytes.to_le_bytes());
        bytes[16..32].copy_from_slice(self.class.as_bytes());
        bytes[32..].copy_from_slice(&self.reserved);
        bytes
    }

    /// From what was received; nothing is judged yet.
    #[must_use]
    pub fn decode(bytes: &[u8; HELLO_BYTES]) -> Self {
        let (magic, rest) = split(bytes);
        let (link_version, rest) = split(rest);
        let (ring_bytes, rest) = split(rest);
        let (class, rest) = split(rest);
        let (reserved, _) = split(rest);
        Self {
            magic,
            link_version: u32::from_le_bytes(link_version),
            ring_bytes: u32::from_le_bytes(ring_bytes),
            class: Guid::from_bytes(class),
            reserved,
        }
    }

    /// Whether this is a hello for the IC of `class`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, class: Guid) -> Result<(), HelloError> {
        if self.magic != MAGIC {
            return Err(HelloError::Magic);
        }
        if self.link_version != LINK_VERSION {
            return Err(HelloError::LinkVersion { actual: self.link_version });
        }
        if self.class != class {
            return Err(HelloError::Class { expected: class, actual: self.class });
        }
        if !self.ring_bytes.is_multiple_of(PAGE) || self.ring_bytes < 2 * PAGE {
            return Err(HelloError::RingBytes { actual: self.ring_bytes });
        }
        Ok(())
    }
}

/// The next `N` bytes; the fields of a hello add up to its length.
fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    let (head, rest) = bytes.split_at(N);
    let mut field = [0; N];
    field.copy_from_slice(head);
    (field, rest)
}

/// Why there is no channel to a test host.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// Nobody listens, or the socket failed.
    #[error("cannot reach the test host: {0}")]
    Io(#[from] io::Error),
    /// The connection ended before the whole hello was there.
    #[error("the test host closed the connection before its hello was complete")]
    EndedEarly,
    /// Whoever listens is no test host.
    #[error("the peer is no test host: its hello does not start with HVSIMLNK")]
    Magic,
    /// Another version of the link.
    #[error("the test host speaks version {actual} of the link, not {LINK_VERSION}")]
    LinkVersion {
        /// The version found.
        actual: u32,
    },
    /// Another IC's socket.
    #[error("the socket is for class {actual}, not {expected}: is the path another service's?")]
    Class {
        /// The class wanted.
        expected: Guid,
        /// The class found.
        actual: Guid,
    },
    /// A ring size that cannot be.
    #[error("{actual} bytes per ring: it must be a multiple of 4096, and at least 8192")]
    RingBytes {
        /// The size found.
        actual: u32,
    },
    /// Too few or too many descriptors.
    #[error("the hello came with {actual} descriptors, not 3")]
    Descriptors {
        /// How many came.
        actual: usize,
    },
    /// The memory is not the two rings that the hello speaks of.
    #[error("the shared memory has {actual} bytes, two rings have {expected}")]
    MemorySize {
        /// Bytes of two rings.
        expected: u64,
        /// Bytes found.
        actual: u64,
    },
    /// The descriptors or the memory cannot be used.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}
