//! Byte layout of a ring: control page, packet descriptor, footer; and access to one ring's bytes.
//!
//! No rules of who may write when; those are in the producer and the consumer. Offsets from Linux
//! `include/linux/hyperv.h` (`hv_ring_buffer`, `vmpacket_descriptor`) and OpenVMM `vmbus_ring`.

use super::{Corruption, GeometryError, RingMemory};
use core::mem::offset_of;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Packet type of in-band data, the only one ICs use.
pub const KIND_IN_BAND: u16 = 6;
/// Packet flag: the sender wants a completion packet. No IC needs one; accepted and ignored.
pub const FLAG_COMPLETION_REQUESTED: u16 = 1;
/// Feature bit 0: the writer of this ring sets `pending_send_size` when it is blocked.
pub const FEATURE_PENDING_SEND_SIZE: u32 = 1;
/// Bytes of a [`Descriptor`].
pub const DESCRIPTOR_BYTES: usize = size_of::<Descriptor>();
/// Bytes of a [`Footer`].
pub const FOOTER_BYTES: usize = size_of::<Footer>();
/// Smallest control page; larger ones (64 KiB pages) use their first 4096 bytes alike.
pub const MIN_CONTROL_BYTES: usize = 4096;
/// Data areas are whole host pages.
const DATA_UNIT: usize = 4096;
/// Largest data area accepted, far above any host's; it keeps all index arithmetic inside u32.
const MAX_DATA: usize = 1 << 30;

/// The words at the start of a control page; the rest of the page is zero.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ControlPage {
    /// Byte offset in the data area of the next write; written by the ring's writer.
    pub write_index: U32,
    /// Byte offset in the data area of the next read; written by the ring's reader.
    pub read_index: U32,
    /// Not 0: do not interrupt me; written by the ring's reader.
    pub interrupt_mask: U32,
    /// Not 0: interrupt me when more than this many bytes are free; written by the ring's writer when blocked.
    pub pending_send_size: U32,
    /// Reserved, zero.
    pub reserved: [U32; 12],
    /// [`FEATURE_PENDING_SEND_SIZE`]; belongs to the ring's writer.
    pub feature_bits: U32,
}

const _: () = assert!(size_of::<ControlPage>() == 0x44);
const _: () = assert!(offset_of!(ControlPage, read_index) == 0x04);
const _: () = assert!(offset_of!(ControlPage, interrupt_mask) == 0x08);
const _: () = assert!(offset_of!(ControlPage, pending_send_size) == 0x0c);
const _: () = assert!(offset_of!(ControlPage, feature_bits) == 0x40);

/// What a packet starts with.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Descriptor {
    /// Packet type, [`KIND_IN_BAND`] for ICs.
    pub kind: U16,
    /// Offset of the payload from the packet's start, in units of 8 bytes; 2 for plain in-band packets.
    pub offset8: U16,
    /// Descriptor and payload in units of 8 bytes, without the footer.
    pub length8: U16,
    /// [`FLAG_COMPLETION_REQUESTED`]; the other bits are 0.
    pub flags: U16,
    /// Transaction id.
    pub transaction_id: U64,
}

const _: () = assert!(size_of::<Descriptor>() == 16);
const _: () = assert!(offset_of!(Descriptor, length8) == 4);
const _: () = assert!(offset_of!(Descriptor, transaction_id) == 8);

/// What a packet ends with; readers skip it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Footer {
    /// Reserved, zero.
    pub reserved: U32,
    /// Where this packet started: its byte offset in the data area.
    pub packet_start: U32,
}

const _: () = assert!(size_of::<Footer>() == 8);
const _: () = assert!(offset_of!(Footer, packet_start) == 4);

/// A word of the control page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    WriteIndex,
    ReadIndex,
    InterruptMask,
    PendingSendSize,
    FeatureBits,
}

impl Word {
    const fn offset(self) -> usize {
        match self {
            Self::WriteIndex => offset_of!(ControlPage, write_index),
            Self::ReadIndex => offset_of!(ControlPage, read_index),
            Self::InterruptMask => offset_of!(ControlPage, interrupt_mask),
            Self::PendingSendSize => offset_of!(ControlPage, pending_send_size),
            Self::FeatureBits => offset_of!(ControlPage, feature_bits),
        }
    }
}

/// One ring inside the mapping: its words and its data area, where copies wrap around.
#[derive(Debug)]
pub(super) struct Ring<M> {
    memory: M,
    control: usize,
    data: usize,
    size: u32,
}

impl<M: RingMemory> Ring<M> {
    /// Ring `number` (0 or 1) of a mapping of two.
    pub(super) fn new(memory: M, control_bytes: usize, number: usize) -> Result<Self, GeometryError> {
        let total = memory.len();
        let wrong = GeometryError::Size { total, control: control_bytes };
        let ring = total / 2;
        let data = ring.checked_sub(control_bytes).ok_or(wrong)?;
        let whole = total.is_multiple_of(2)
            && control_bytes >= MIN_CONTROL_BYTES
            && control_bytes.is_multiple_of(MIN_CONTROL_BYTES)
            && data.is_multiple_of(DATA_UNIT);
        if !whole || data == 0 || data > MAX_DATA {
            return Err(wrong);
        }
        let size = u32::try_from(data).map_err(|_| wrong)?;
        let control = number * ring;
        Ok(Self { memory, control, data: control + control_bytes, size })
    }

    /// Bytes of the data area.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    pub(super) fn load(&self, word: Word) -> u32 {
        self.memory.load(self.control + word.offset())
    }

    pub(super) fn store(&self, word: Word, value: u32) {
        self.memory.store(self.control + word.offset(), value);
    }

    /// The ring's write index, checked.
    pub(super) fn write_index(&self) -> Result<u32, Corruption> {
        let value = self.load(Word::WriteIndex);
        if self.possible(value) {
            return Ok(value);
        }
        Err(Corruption::WriteIndex { value, ring_bytes: self.size })
    }

    /// The ring's read index, checked.
    pub(super) fn read_index(&self) -> Result<u32, Corruption> {
        let value = self.load(Word::ReadIndex);
        if self.possible(value) {
            return Ok(value);
        }
        Err(Corruption::ReadIndex { value, ring_bytes: self.size })
    }

    fn possible(&self, index: u32) -> bool {
        index < self.size && index.is_multiple_of(8)
    }

    /// Bytes waiting between two checked indices.
    pub(super) fn used(&self, write: u32, read: u32) -> u32 {
        if write >= read { write - read } else { self.size - read + write }
    }

    /// Bytes free between two checked indices; a packet fits if it is *smaller* than that.
    pub(super) fn free(&self, write: u32, read: u32) -> u32 {
        self.size - self.used(write, read)
    }

    /// The index `by` bytes on; `by` is at most the size of the ring.
    pub(super) fn advance(&self, index: u32, by: u32) -> u32 {
        (index + by) % self.size
    }

    /// Copies out of the data area; `index` is a checked index or comes from [`Ring::advance`].
    pub(super) fn copy_out(&self, index: u32, out: &mut [u8]) {
        let first = out.len().min((self.size - index) as usize);
        let (head, tail) = out.split_at_mut(first);
        self.memory.read(self.data + index as usize, head);
        if !tail.is_empty() {
            self.memory.read(self.data, tail);
        }
    }

    /// Copies into the data area; `index` as for [`Ring::copy_out`].
    pub(super) fn copy_in(&self, index: u32, bytes: &[u8]) {
        let first = bytes.len().min((self.size - index) as usize);
        let (head, tail) = bytes.split_at(first);
        self.memory.write(self.data + index as usize, head);
        if !tail.is_empty() {
            self.memory.write(self.data, tail);
        }
    }
}
