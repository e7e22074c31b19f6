//! The reading end of a ring: packets, the interrupt mask, and telling a blocked writer about space.
//!
//! A packet is copied out of the shared memory once, and the copy is what is checked and used. Order of accesses as
//! in Linux `drivers/hv/ring_buffer.c` (`hv_pkt_iter_first`, `hv_pkt_iter_close`) and `hv_end_read`.

use super::layout::{Ring, Word};
use super::{
    Corruption, DESCRIPTOR_BYTES, Descriptor, FEATURE_PENDING_SEND_SIZE, FOOTER_BYTES, PacketHeader,
    RingMemory, Signal,
};
use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};
use zerocopy::{FromZeros, IntoBytes};

/// A packet taken out of the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Popped {
    /// The packet's header.
    pub header: PacketHeader,
    /// Bytes of its payload in the ring, a multiple of 8.
    pub payload_len: usize,
    /// The payload was longer than the limit: skipped, and the buffer is empty.
    pub oversized: bool,
    /// Whether the writer waits for the space that this packet gave back.
    pub signal: Signal,
}

/// The reading end of one ring.
#[derive(Debug)]
pub struct Consumer<M> {
    ring: Ring<M>,
    /// Our index: the shared copy is for the writer, we never read it back.
    read: u32,
}

impl<M: RingMemory> Consumer<M> {
    pub(super) fn new(ring: Ring<M>) -> Result<Self, Corruption> {
        let read = ring.read_index()?;
        Ok(Self { ring, read })
    }

    /// Takes the next packet, if there is one. `payload` is cleared and reused; it grows to `limit` bytes at most,
    /// and a longer payload is skipped ([`Popped::oversized`]).
    ///
    /// Packet types and flags are not judged here: the stride is known, so the caller may drop such a packet.
    ///
    /// # Errors
    /// The writer's index or the packet's lengths are impossible: the ring cannot be read any further.
    pub fn pop(&mut self, payload: &mut Vec<u8>, limit: usize) -> Result<Option<Popped>, Corruption> {
        payload.clear();
        let write = self.ring.write_index()?;
        fence(Ordering::Acquire);
        let used = self.ring.used(write, self.read);
        if used == 0 {
            return Ok(None);
        }
        if (used as usize) < DESCRIPTOR_BYTES + FOOTER_BYTES {
            return Err(Corruption::Runt { used });
        }
        let mut descriptor = Descriptor::new_zeroed();
        self.ring.copy_out(self.read, descriptor.as_mut_bytes());
        let extent = Extent::check(&descriptor, used)?;
        let oversized = extent.payload_len > limit;
        if !oversized {
            payload.reserve_exact(extent.payload_len);
            payload.resize(extent.payload_len, 0);
            self.ring.copy_out(self.ring.advance(self.read, extent.payload_offset), payload);
        }
        let header = PacketHeader {
            kind: descriptor.kind.get(),
            flags: descriptor.flags.get(),
            transaction_id: descriptor.transaction_id.get(),
        };
        let signal = self.give_back(extent.stride);
        Ok(Some(Popped { header, payload_len: extent.payload_len, oversized, signal }))
    }

    /// Asks the writer not to interrupt us.
    pub fn mask(&mut self) {
        self.ring.store(Word::InterruptMask, 1);
    }

    /// Asks the writer to interrupt us when the ring stops being empty. `true`: something is waiting already, for
    /// which no interrupt will come, so go round again before sleeping.
    ///
    /// # Errors
    /// The writer's index is impossible.
    pub fn unmask(&mut self) -> Result<bool, Corruption> {
        self.ring.store(Word::InterruptMask, 0);
        // The writer stores its index, then looks at the mask; we do the reverse.
        fence(Ordering::SeqCst);
        Ok(self.ring.write_index()? != self.read)
    }

    /// Returns `stride` bytes to the writer, and finds out whether it waits for them.
    fn give_back(&mut self, stride: u32) -> Signal {
        self.read = self.ring.advance(self.read, stride);
        fence(Ordering::SeqCst);
        self.ring.store(Word::ReadIndex, self.read);
        if self.ring.load(Word::FeatureBits) & FEATURE_PENDING_SEND_SIZE == 0 {
            return Signal::NotNeeded;
        }
        fence(Ordering::SeqCst);
        let pending = self.ring.load(Word::PendingSendSize);
        if pending == 0 {
            return Signal::NotNeeded;
        }
        fence(Ordering::Acquire);
        // An impossible index is reported by the next pop; for space there is nobody sane to wake.
        let Ok(write) = self.ring.write_index() else { return Signal::NotNeeded };
        let free_now = self.ring.free(write, self.read);
        // The writer may have gone on since, so `free_now` can be less than what we gave back.
        let free_before = free_now.saturating_sub(stride);
        // "More than pending": a packet never fills the ring. It also serves writers that ask for ring size - 1,
        // meaning "when the ring is empty".
        if free_before <= pending && free_now > pending { Signal::Needed } else { Signal::NotNeeded }
    }
}

/// Where a packet's parts lie, from a private copy of its descriptor.
struct Extent {
    payload_offset: u32,
    payload_len: usize,
    stride: u32,
}

impl Extent {
    fn check(descriptor: &Descriptor, used: u32) -> Result<Self, Corruption> {
        let (offset8, length8) = (descriptor.offset8.get(), descriptor.length8.get());
        if usize::from(offset8) * 8 < DESCRIPTOR_BYTES || length8 < offset8 {
            return Err(Corruption::PayloadOffset { offset8, length8 });
        }
        let stride = u32::from(length8) * 8 + FOOTER_BYTES as u32;
        if stride > used {
            return Err(Corruption::PacketLength { length8, used });
        }
        Ok(Self {
            payload_offset: u32::from(offset8) * 8,
            payload_len: usize::from(length8 - offset8) * 8,
            stride,
        })
    }
}
