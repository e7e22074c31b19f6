//! The VMBus ring buffers of one channel: memory, layout, and the two ends of each ring.
//!
//! Two rings of equal size follow each other in one mapping: ring 0 from the guest to the host, ring 1 back. Each
//! is a control page and a data area. [`Producer`] writes one ring, [`Consumer`] reads one; both serve either side,
//! so the guest and a test host run the same code. Nothing here waits or interrupts: a [`Signal`] says when the
//! peer must be interrupted, and [`Consumer::unmask`] whether one may sleep. The peer's words are never trusted,
//! and our own index is kept privately.

mod consumer;
mod corruption;
mod layout;
mod memory;
mod producer;

pub use consumer::{Consumer, Popped};
pub use corruption::{Corruption, GeometryError};
pub use layout::{
    ControlPage, DESCRIPTOR_BYTES, Descriptor, FEATURE_PENDING_SEND_SIZE, FLAG_COMPLETION_REQUESTED,
    FOOTER_BYTES, Footer, KIND_IN_BAND, MIN_CONTROL_BYTES,
};
pub use memory::{HeapMemory, RingMemory};
pub use producer::{Producer, PushError};

use layout::{Ring, Word};

/// What precedes a packet's payload, as far as the two ends of a channel care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// Packet type; ICs use [`KIND_IN_BAND`] only. An open set: anything else is for the reader to drop.
    pub kind: u16,
    /// [`FLAG_COMPLETION_REQUESTED`] or nothing.
    pub flags: u16,
    /// VMBus transaction id; a reply carries that of its request.
    pub transaction_id: u64,
}

impl PacketHeader {
    /// An in-band packet without flags.
    #[must_use]
    pub const fn in_band(transaction_id: u64) -> Self {
        Self { kind: KIND_IN_BAND, flags: 0, transaction_id }
    }
}

/// Whether the peer must be interrupted now. Needless interrupts are not free: a host may suspend a guest that
/// sends too many of them.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Interrupt the peer.
    Needed,
    /// Do not.
    NotNeeded,
}

/// The guest's ends: writes ring 0, reads ring 1.
///
/// `control_bytes` is the size of one control page: the kernel's page size on `uio`, 4096 on the simulated link.
///
/// # Errors
/// The memory cannot be two rings, or an own index left in it is impossible.
pub fn guest_ends<M: RingMemory + Clone>(
    memory: M,
    control_bytes: usize,
) -> Result<(Producer<M>, Consumer<M>), GeometryError> {
    let outgoing = Ring::new(memory.clone(), control_bytes, 0)?;
    let incoming = Ring::new(memory, control_bytes, 1)?;
    Ok((Producer::new(outgoing)?, Consumer::new(incoming)?))
}

/// The host's ends: writes ring 1, reads ring 0. See [`guest_ends`].
///
/// # Errors
/// As [`guest_ends`].
pub fn host_ends<M: RingMemory + Clone>(
    memory: M,
    control_bytes: usize,
) -> Result<(Producer<M>, Consumer<M>), GeometryError> {
    let outgoing = Ring::new(memory.clone(), control_bytes, 1)?;
    let incoming = Ring::new(memory, control_bytes, 0)?;
    Ok((Producer::new(outgoing)?, Consumer::new(incoming)?))
}

/// Zeroes both rings and declares support for pending-send-size in both.
///
/// On VMBus the guest's kernel does this when it opens a channel; on the simulated link it is the host's duty,
/// before the peer sees the memory. Memory that cannot be two rings is only zeroed.
pub fn initialise<M: RingMemory>(memory: &M, control_bytes: usize) {
    const ZERO: [u8; 4096] = [0; 4096];
    let mut offset = 0;
    while offset < memory.len() {
        let count = ZERO.len().min(memory.len() - offset);
        memory.write(offset, &ZERO[..count]);
        offset += count;
    }
    for number in 0..2 {
        if let Ok(ring) = Ring::new(memory, control_bytes, number) {
            ring.store(Word::FeatureBits, FEATURE_PENDING_SEND_SIZE);
        }
    }
}

#[cfg(test)]
mod tests;
