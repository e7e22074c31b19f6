//! What can be wrong with the memory of a ring: its geometry, its indices, its lengths.
//!
//! A [`Corruption`] cannot be repaired, because where the next packet starts is no longer known; the channel has to
//! be closed and opened anew. A packet that is merely unexpected is not corruption.

/// A ring that cannot be resynchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Corruption {
    /// A write index out of range or not a multiple of 8.
    #[error("write index {value:#x} is impossible in a ring of {ring_bytes:#x} bytes")]
    WriteIndex {
        /// The index found.
        value: u32,
        /// Bytes of the data area.
        ring_bytes: u32,
    },
    /// A read index out of range or not a multiple of 8.
    #[error("read index {value:#x} is impossible in a ring of {ring_bytes:#x} bytes")]
    ReadIndex {
        /// The index found.
        value: u32,
        /// Bytes of the data area.
        ring_bytes: u32,
    },
    /// Fewer bytes are waiting than a descriptor and a footer take.
    #[error("{used} bytes are waiting, too few for a packet")]
    Runt {
        /// Bytes between the read and the write index.
        used: u32,
    },
    /// The payload would start inside the descriptor or behind the packet's end.
    #[error("payload offset of {offset8} units is impossible in a packet of {length8} units of 8 bytes")]
    PayloadOffset {
        /// Offset of the payload in units of 8 bytes.
        offset8: u16,
        /// Length of descriptor and payload in units of 8 bytes.
        length8: u16,
    },
    /// The packet would be longer than what is waiting.
    #[error("a packet of {length8} units of 8 bytes is longer than the {used} bytes waiting")]
    PacketLength {
        /// Length of descriptor and payload in units of 8 bytes.
        length8: u16,
        /// Bytes between the read and the write index.
        used: u32,
    },
}

/// Why some memory cannot serve as the two rings of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// Not two rings of a control page and whole 4096-byte data pages each, or too large.
    #[error("{total} bytes cannot be two rings with control pages of {control} bytes and whole data pages")]
    Size {
        /// Bytes of the whole mapping.
        total: usize,
        /// Bytes of one control page.
        control: usize,
    },
    /// An index of ours, left in the memory, is impossible.
    #[error(transparent)]
    Index(#[from] Corruption),
}
