//! The writing end of a ring: space, packets, when to interrupt the reader, and waiting for space.
//!
//! It does not wait itself: [`PushError::Full`] has left `pending_send_size` set, so that the reader interrupts us
//! once the packet fits. Order of accesses as in Linux `drivers/hv/ring_buffer.c` (`hv_ringbuffer_write`,
//! `hv_signal_on_write`).

use super::layout::{Ring, Word};
use super::{
    Corruption, DESCRIPTOR_BYTES, Descriptor, FOOTER_BYTES, Footer, PacketHeader, RingMemory, Signal,
};
use core::sync::atomic::{Ordering, fence};
use zerocopy::IntoBytes;

/// Offset of a plain in-band payload in units of 8 bytes.
const PAYLOAD_OFFSET8: u16 = 2;

/// Why a packet was not written. The ring is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// No room now; the reader has been asked to interrupt us when there is.
    #[error("the ring is full")]
    Full,
    /// The packet fits in no ring of this size, or its length cannot be expressed.
    #[error("the packet is larger than the ring")]
    TooLarge,
    /// The reader's index is impossible.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
}

/// The writing end of one ring.
#[derive(Debug)]
pub struct Producer<M> {
    ring: Ring<M>,
    /// Our index: the shared copy is for the reader, we never read it back.
    write: u32,
    /// Whether `pending_send_size` is set.
    waiting: bool,
}

impl<M: RingMemory> Producer<M> {
    pub(super) fn new(ring: Ring<M>) -> Result<Self, Corruption> {
        let write = ring.write_index()?;
        let waiting = ring.load(Word::PendingSendSize) != 0;
        Ok(Self { ring, write, waiting })
    }

    /// Writes one packet; the payload is zero-padded to a multiple of 8 bytes.
    ///
    /// # Errors
    /// See [`PushError`]; nothing was written.
    pub fn push(&mut self, header: PacketHeader, payload: &[u8]) -> Result<Signal, PushError> {
        let padded = payload.len().checked_next_multiple_of(8).ok_or(PushError::TooLarge)?;
        let length8 = u16::try_from((DESCRIPTOR_BYTES + padded) / 8).map_err(|_| PushError::TooLarge)?;
        let total = u32::from(length8) * 8 + FOOTER_BYTES as u32;
        if total >= self.ring.size() {
            return Err(PushError::TooLarge);
        }
        self.reserve(total)?;
        let start = self.write;
        self.copy_packet(header, length8, payload);
        self.write = self.ring.advance(start, total);
        Ok(self.publish(start))
    }

    /// Free bytes of the ring. A packet of `n` payload bytes takes `n` rounded up to 8, plus 24, and must leave at
    /// least 8 free.
    ///
    /// # Errors
    /// The reader's index is impossible.
    pub fn free_bytes(&self) -> Result<usize, Corruption> {
        Ok(self.ring.free(self.write, self.ring.read_index()?) as usize)
    }

    /// Whether the reader has taken everything that was written.
    ///
    /// # Errors
    /// The reader's index is impossible.
    pub fn is_drained(&self) -> Result<bool, Corruption> {
        Ok(self.ring.read_index()? == self.write)
    }

    /// Makes sure that more than `total` bytes are free, or asks the reader to tell us when they are.
    fn reserve(&mut self, total: u32) -> Result<(), PushError> {
        if !self.fits(total)? {
            self.ring.store(Word::PendingSendSize, total);
            self.waiting = true;
            // The reader stores its index, then looks at pending_send_size; we do the reverse. With a full barrier
            // on both sides one of us sees the other.
            fence(Ordering::SeqCst);
            if !self.fits(total)? {
                return Err(PushError::Full);
            }
        }
        if self.waiting {
            self.ring.store(Word::PendingSendSize, 0);
            self.waiting = false;
        }
        Ok(())
    }

    fn fits(&self, total: u32) -> Result<bool, Corruption> {
        let read = self.ring.read_index()?;
        // What the reader gave back may be overwritten only after it has been read.
        fence(Ordering::Acquire);
        Ok(self.ring.free(self.write, read) > total)
    }

    fn copy_packet(&self, header: PacketHeader, length8: u16, payload: &[u8]) {
        let descriptor = Descriptor {
            kind: header.kind.into(),
            offset8: PAYLOAD_OFFSET8.into(),
            length8: length8.into(),
            flags: header.flags.into(),
            transaction_id: header.transaction_id.into(),
        };
        let mut at = self.write;
        self.ring.copy_in(at, descriptor.as_bytes());
        at = self.ring.advance(at, DESCRIPTOR_BYTES as u32);
        let (whole, rest) = payload.split_at(payload.len() & !7);
        self.ring.copy_in(at, whole);
        at = self.ring.advance(at, whole.len() as u32);
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.ring.copy_in(at, &last);
            at = self.ring.advance(at, 8);
        }
        let footer = Footer { reserved: 0.into(), packet_start: self.write.into() };
        self.ring.copy_in(at, footer.as_bytes());
    }

    /// Shows the packet that started at `start` to the reader, and decides about the interrupt: only if the reader
    /// had emptied the ring, and has not masked interrupts.
    fn publish(&self, start: u32) -> Signal {
        fence(Ordering::SeqCst);
        self.ring.store(Word::WriteIndex, self.write);
        fence(Ordering::SeqCst);
        if self.ring.load(Word::InterruptMask) != 0 {
            return Signal::NotNeeded;
        }
        fence(Ordering::Acquire);
        if self.ring.load(Word::ReadIndex) == start { Signal::Needed } else { Signal::NotNeeded }
    }
}
