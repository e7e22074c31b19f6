//! A shared mapping of a file descriptor, as the memory of two rings.
//!
//! The peer (a host, a test host) writes the same pages at any time, so every access is a relaxed atomic and no
//! reference to plain bytes is ever made. Order is the ring code's business. Page faults are the opener's: memory
//! whose file a peer may shrink must be sealed or of its own making.

use crate::wire::ring::RingMemory;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::io;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

/// A read-write, shared mapping, unmapped on drop.
#[derive(Debug)]
pub struct SharedMemory {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping belongs to the value and not to a thread; it is accessed through atomics only.
unsafe impl Send for SharedMemory {}
// SAFETY: as for `Send`; all methods take `&self` and use atomics.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Maps `bytes` (not 0, a multiple of 8) of `file` from `offset` (a multiple of the page size).
    ///
    /// # Errors
    /// `InvalidInput` for an impossible length, otherwise what `mmap` reports.
    pub fn map(file: impl AsFd, offset: u64, bytes: usize) -> io::Result<Self> {
        if bytes == 0 || !bytes.is_multiple_of(8) {
            let message = format!("cannot map {bytes} bytes: not a positive multiple of 8");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: the kernel chooses the address, so no existing mapping is replaced.
        let base = unsafe { mmap(std::ptr::null_mut(), bytes, protection, flags, file, offset) }?;
        let base =
            NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mmap returned a null mapping"))?;
        Ok(Self { base, bytes })
    }

    /// Sets bits of the little-endian word at a multiple of 4, in one step and ordered with everything else:
    /// other drivers set bits of the same word (interrupt and monitor pages).
    pub fn set_bits(&self, offset: usize, bits: u32) {
        self.words()[offset / 4].fetch_or(bits.to_le(), SeqCst);
    }

    /// Puts `new` into the little-endian word at a multiple of 4 if it holds `old`, in one step and ordered with everything
    /// else: of two that try, one succeeds. `false`: it holds something else.
    pub fn exchange(&self, offset: usize, old: u32, new: u32) -> bool {
        self.words()[offset / 4].compare_exchange(old.to_le(), new.to_le(), SeqCst, SeqCst).is_ok()
    }

    fn words(&self) -> &[AtomicU32] {
        // SAFETY: the mapping is readable, writable, page-aligned and `bytes` long until `self` is dropped; atomics
        // allow for other writers.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), self.bytes / 4) }
    }

    fn doubles(&self) -> &[AtomicU64] {
        // SAFETY: as for `words`; a page is aligned for u64 as well.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), self.bytes / 8) }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: base and length are those of the mapping; no reference into it outlives `self`.
        let result = unsafe { munmap(self.base.as_ptr().cast(), self.bytes) };
        debug_assert!(result.is_ok(), "unmapping one's own mapping cannot fail");
    }
}

impl RingMemory for SharedMemory {
    fn len(&self) -> usize {
        self.bytes
    }

    fn load(&self, offset: usize) -> u32 {
        u32::from_le(self.words()[offset / 4].load(Relaxed))
    }

    fn store(&self, offset: usize, value: u32) {
        self.words()[offset / 4].store(value.to_le(), Relaxed);
    }

    fn read(&self, offset: usize, out: &mut [u8]) {
        for (chunk, place) in out.chunks_mut(8).zip(&self.doubles()[offset / 8..]) {
            let bytes = place.load(Relaxed).to_ne_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn write(&self, offset: usize, data: &[u8]) {
        for (chunk, place) in data.chunks(8).zip(&self.doubles()[offset / 8..]) {
            let mut bytes = place.load(Relaxed).to_ne_bytes();
            bytes[..chunk.len()].copy_from_slice(chunk);
            place.store(u64::from_ne_bytes(bytes), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
