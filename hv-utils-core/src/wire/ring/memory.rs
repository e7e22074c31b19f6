//! The memory that rings live in, as a trait, and a heap version of it for tests.
//!
//! The mapping of a real channel is `sys::SharedMemory`. All access is by relaxed atomics, because a peer writes at
//! the same time; the ring code itself issues the fences that give the accesses their order.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Memory shared with a peer: the whole mapping of two rings.
///
/// Offsets are in bytes from the start of the mapping. Words ([`load`](Self::load), [`store`](Self::store)) are
/// little-endian and 4-aligned; copies start at multiples of 8 and have any length. Accesses inside
/// [`len`](Self::len) never panic; the rings make no other.
pub trait RingMemory {
    /// Bytes of the mapping.
    fn len(&self) -> usize;

    /// Whether there is no memory at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads a word, relaxed.
    fn load(&self, offset: usize) -> u32;

    /// Writes a word, relaxed; the words beside it are left alone.
    fn store(&self, offset: usize, value: u32);

    /// Copies bytes out.
    fn read(&self, offset: usize, out: &mut [u8]);

    /// Copies bytes in.
    fn write(&self, offset: usize, data: &[u8]);
}

impl<T: RingMemory + ?Sized> RingMemory for Arc<T> {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn load(&self, offset: usize) -> u32 {
        (**self).load(offset)
    }
    fn store(&self, offset: usize, value: u32) {
        (**self).store(offset, value);
    }
    fn read(&self, offset: usize, out: &mut [u8]) {
        (**self).read(offset, out);
    }
    fn write(&self, offset: usize, data: &[u8]) {
        (**self).write(offset, data);
    }
}

impl<T: RingMemory + ?Sized> RingMemory for &T {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn load(&self, offset: usize) -> u32 {
        (**self).load(offset)
    }
    fn store(&self, offset: usize, value: u32) {
        (**self).store(offset, value);
    }
    fn read(&self, offset: usize, out: &mut [u8]) {
        (**self).read(offset, out);
    }
    fn write(&self, offset: usize, data: &[u8]) {
        (**self).write(offset, data);
    }
}

/// Rings on the heap, for tests and fuzzing: share it as `Arc<HeapMemory>`.
///
/// 32-bit words, so that a store to one index never touches the peer's index beside it.
pub struct HeapMemory {
    words: Box<[AtomicU32]>,
}

impl HeapMemory {
    /// Zeroed memory of `bytes`, rounded up to a multiple of 8.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { words: (0..bytes.div_ceil(8) * 2).map(|_| AtomicU32::new(0)).collect() }
    }
}

impl fmt::Debug for HeapMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapMemory").field("bytes", &self.len()).finish()
    }
}

impl RingMemory for HeapMemory {
    fn len(&self) -> usize {
        self.words.len() * 4
    }

    fn load(&self, offset: usize) -> u32 {
        self.words[offset / 4].load(Relaxed)
    }

    fn store(&self, offset: usize, value: u32) {
        self.words[offset / 4].store(value, Relaxed);
    }

    fn read(&self, offset: usize, out: &mut [u8]) {
        for (chunk, word) in out.chunks_mut(4).zip(&self.words[offset / 4..]) {
            let bytes = word.load(Relaxed).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn write(&self, offset: usize, data: &[u8]) {
        for (chunk, word) in data.chunks(4).zip(&self.words[offset / 4..]) {
            let mut bytes = word.load(Relaxed).to_le_bytes();
            bytes[..chunk.len()].copy_from_slice(chunk);
            word.store(u32::from_le_bytes(bytes), Relaxed);
        }
    }
}
