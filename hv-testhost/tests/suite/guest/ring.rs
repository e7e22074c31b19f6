//! The guest's ends of two rings, byte by byte: control words and packets through `pread` and `pwrite`.

use std::os::fd::OwnedFd;
use std::sync::atomic::{Ordering, fence};

/// A packet: its descriptor's fields and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) transaction_id: u64,
    pub(crate) payload: Vec<u8>,
}

/// Two rings: guest to host at 0, host to guest behind it.
pub(crate) struct Rings {
    memory: OwnedFd,
    to_host: OwnedFd,
    pub(crate) to_guest: OwnedFd,
    ring: u64,
    data: u32,
    write: u32,
    read: u32,
}

const CONTROL: u64 = 4096;

impl Rings {
    /// `None` if the memory has another size than two rings.
    pub(crate) fn new(descriptors: Vec<OwnedFd>, ring_bytes: u32) -> Option<Rings> {
        let [memory, to_host, to_guest] = <[OwnedFd; 3]>::try_from(descriptors).ok()?;
        let size = rustix::fs::fstat(&memory).ok()?.st_size;
        if size != i64::from(ring_bytes) * 2 {
            return None;
        }
        let ring = u64::from(ring_bytes);
        Some(Rings { memory, to_host, to_guest, ring, data: ring_bytes - 4096, write: 0, read: 0 })
    }

    pub(crate) fn load(&self, offset: u64) -> u32 {
        fence(Ordering::SeqCst);
        let mut word = [0u8; 4];
        assert_eq!(rustix::io::pread(&self.memory, &mut word, offset).unwrap(), 4);
        u32::from_le_bytes(word)
    }

    pub(crate) fn store(&self, offset: u64, value: u32) {
        assert_eq!(rustix::io::pwrite(&self.memory, &value.to_le_bytes(), offset).unwrap(), 4);
        fence(Ordering::SeqCst);
    }

    fn copy_out(&self, base: u64, offset: u32, length: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for position in 0..length {
            // Slow and plain: the data area wraps at its end.
            let at = base + CONTROL + u64::from((offset + position) % self.data);
            let mut byte = [0u8; 1];
            assert_eq!(rustix::io::pread(&self.memory, &mut byte, at).unwrap(), 1);
            bytes.push(byte[0]);
        }
        bytes
    }

    fn copy_in(&self, base: u64, offset: u32, bytes: &[u8]) {
        let first = usize::try_from(self.data - offset).unwrap().min(bytes.len());
        let at = base + CONTROL;
        rustix::io::pwrite(&self.memory, &bytes[..first], at + u64::from(offset)).unwrap();
        rustix::io::pwrite(&self.memory, &bytes[first..], at).unwrap();
    }

    /// The next packet; an error if the ring is corrupt.
    pub(crate) fn take(&mut self) -> Result<Option<Packet>, ()> {
        let incoming = self.ring;
        let write = self.load(incoming);
        if !write.is_multiple_of(8) || write >= self.data {
            return Err(());
        }
        if write == self.read {
            return Ok(None);
        }
        let used = (write + self.data - self.read) % self.data;
        if used < 24 {
            return Err(());
        }
        let descriptor = self.copy_out(incoming, self.read, 16);
        let field = |at: usize| u16::from_le_bytes([descriptor[at], descriptor[at + 1]]);
        let (offset, length) = (u32::from(field(2)) * 8, u32::from(field(4)) * 8);
        if offset < 16 || length < offset || length + 8 > used {
            return Err(());
        }
        let payload = self.copy_out(incoming, (self.read + offset) % self.data, length - offset);
        self.read = (self.read + length + 8) % self.data;
        self.store(incoming + 4, self.read);
        self.signal_if_writer_waits(incoming, length + 8);
        let transaction_id = u64::from_le_bytes(descriptor[8..16].try_into().unwrap());
        Ok(Some(Packet { kind: field(0), flags: field(6), transaction_id, payload }))
    }

    fn signal_if_writer_waits(&self, incoming: u64, given_back: u32) {
        let pending = self.load(incoming + 12);
        let write = self.load(incoming);
        let free = self.data - (write + self.data - self.read) % self.data;
        // The writer may have gone on since: what counts is the space before this packet was given back.
        if pending != 0 && free.saturating_sub(given_back) <= pending && free > pending {
            self.signal();
        }
    }

    /// Clears our interrupt mask; whether the ring is empty still.
    pub(crate) fn may_sleep(&self) -> bool {
        self.store(self.ring + 8, 0);
        self.load(self.ring) == self.read
    }

    /// Puts a packet; `false` if there is no room, an error if the ring is corrupt.
    pub(crate) fn put(&mut self, packet: &Packet) -> Result<bool, ()> {
        let mut bytes = Vec::new();
        let padded = packet.payload.len().next_multiple_of(8);
        let length8 = u16::try_from(2 + padded / 8).unwrap();
        bytes.extend(packet.kind.to_le_bytes());
        bytes.extend(2u16.to_le_bytes());
        bytes.extend(length8.to_le_bytes());
        bytes.extend(packet.flags.to_le_bytes());
        bytes.extend(packet.transaction_id.to_le_bytes());
        bytes.extend(&packet.payload);
        bytes.resize(16 + padded, 0);
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(self.write.to_le_bytes());
        let total = u32::try_from(bytes.len()).unwrap();
        let fits = |read: u32| self.data - (self.write + self.data - read) % self.data > total;
        let mut read = self.load(4);
        if !read.is_multiple_of(8) || read >= self.data {
            return Err(());
        }
        if !fits(read) {
            self.store(12, total);
            read = self.load(4);
            if !fits(read) {
                return Ok(false);
            }
        }
        self.store(12, 0);
        let was = self.write;
        self.copy_in(0, self.write, &bytes);
        self.write = (self.write + total) % self.data;
        self.store(0, self.write);
        if self.load(8) == 0 && self.load(4) == was {
            self.signal();
        }
        Ok(true)
    }

    /// Puts raw bytes where the next packet would be, and moves the index on.
    pub(crate) fn put_raw(&mut self, bytes: &[u8]) {
        self.copy_in(0, self.write, bytes);
        self.write = (self.write + u32::try_from(bytes.len()).unwrap()) % self.data;
        self.store(0, self.write);
        self.signal();
    }

    pub(crate) fn signal(&self) {
        rustix::io::write(&self.to_host, &1u64.to_ne_bytes()).unwrap();
    }

    /// Bytes of the data area of the ring that the host writes.
    pub(crate) fn incoming(&self, offset: u32, length: u32) -> Vec<u8> {
        self.copy_out(self.ring, offset, length)
    }
}
