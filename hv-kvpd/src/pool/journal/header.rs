//! The first sector of a journal entry: what operation is under way, on which file, and how to know it is whole.
//!
//! Layout only. All integers are little-endian; `docs/adr/0001-pool-journal.md` has the same table in words.

use zerocopy::little_endian::{I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::pool::crc::crc;
use crate::pool::medium::FileId;
use crate::pool::record::{RECORD, SECTOR};

const MAGIC: [u8; 8] = *b"HVUTJRNL";
const VERSION: u32 = 1;

/// The kernel's id of one boot; all zero if it could not be read, which equals no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BootId(pub(crate) [u8; 16]);

impl BootId {
    /// True if both are known and the same: what one wrote, the other finds in the page cache.
    pub(crate) fn same_boot(self, other: BootId) -> bool {
        self == other && self != BootId::default()
    }
}

/// What an operation does to the file, as far as replay must tell the cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One record is overwritten; the length stays.
    Replace,
    /// One record is added at the end (over a torn tail, if there is one).
    Append,
    /// Everything from a record to the end of the file gets a new content.
    Rewrite,
}

/// The facts of one entry. Offsets and lengths are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// Grows with each entry, so that no two are alike.
    pub(crate) sequence: u64,
    /// Checksum of the header that this entry takes the place of, 0 if none.
    pub(crate) previous: u64,
    pub(crate) pool: FileId,
    pub(crate) boot: BootId,
    /// Where the change starts in the pool: a multiple of the record size.
    pub(crate) at: u64,
    /// Length of the pool before and after.
    pub(crate) len_before: u64,
    pub(crate) len_after: u64,
    /// Length of the before-image and of the after-image, both from `at`.
    pub(crate) before: u64,
    pub(crate) after: u64,
    /// Bytes of records that are in no before-image.
    pub(crate) extra: u64,
    /// Number of runs that make up the after-image.
    pub(crate) runs: u64,
    /// Checksum of everything behind the header.
    pub(crate) payload_crc: u64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Raw {
    magic: [u8; 8],
    version: U32,
    kind: U32,
    sequence: U64,
    previous: U64,
    device: U64,
    inode: U64,
    born_seconds: I64,
    born_nanoseconds: U32,
    reserved: U32,
    boot: [u8; 16],
    at: U64,
    len_before: U64,
    len_after: U64,
    before: U64,
    after: U64,
    extra: U64,
    runs: U64,
    payload_crc: U64,
    header_crc: U64,
    padding: [u8; 360],
}

const _: () = assert!(size_of::<Raw>() == SECTOR);
const CHECKED: usize = std::mem::offset_of!(Raw, header_crc);

/// Why a sector is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHeader {
    /// It says that nothing is under way.
    Clear,
    /// A header that was not written to its end, or something else.
    Torn,
    /// Whole, but of a format that this program does not know.
    Version,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; SECTOR] {
        let mut raw = Raw {
            magic: MAGIC,
            version: VERSION.into(),
            kind: (self.kind as u32 + 1).into(),
            sequence: self.sequence.into(),
            previous: self.previous.into(),
            device: self.pool.device.into(),
            inode: self.pool.inode.into(),
            born_seconds: self.pool.born.0.into(),
            born_nanoseconds: self.pool.born.1.into(),
            reserved: 0.into(),
            boot: self.boot.0,
            at: self.at.into(),
            len_before: self.len_before.into(),
            len_after: self.len_after.into(),
            before: self.before.into(),
            after: self.after.into(),
            extra: self.extra.into(),
            runs: self.runs.into(),
            payload_crc: self.payload_crc.into(),
            header_crc: 0.into(),
            padding: [0; 360],
        };
        raw.header_crc = crc(&raw.as_bytes()[..CHECKED]).into();
        zerocopy::transmute!(raw)
    }

    pub(crate) fn decode(sector: &[u8; SECTOR]) -> Result<Header, NoHeader> {
        if sector.iter().all(|&byte| byte == 0) {
            return Err(NoHeader::Clear);
        }
        let raw: &Raw = zerocopy::transmute_ref!(sector);
        if raw.magic != MAGIC || raw.header_crc.get() != crc(&sector[..CHECKED]) {
            return Err(NoHeader::Torn);
        }
        if raw.version.get() != VERSION {
            return Err(NoHeader::Version);
        }
        let kind = match raw.kind.get() {
            1 => Kind::Replace,
            2 => Kind::Append,
            3 => Kind::Rewrite,
            _ => return Err(NoHeader::Torn),
        };
        raw.header(kind).consistent().ok_or(NoHeader::Torn)
    }

    /// What a later entry puts into `previous`.
    pub(crate) fn checksum(&self) -> u64 {
        crc(&self.encode()[..CHECKED])
    }

    /// The arithmetic between the fields, which replay relies upon.
    fn consistent(self) -> Option<Header> {
        let lengths = match self.kind {
            Kind::Replace => {
                self.before == RECORD && self.after == RECORD && self.len_after == self.len_before
            }
            Kind::Append => self.before < RECORD && self.after == RECORD,
            Kind::Rewrite => true,
        };
        let ends = self.kind == Kind::Replace
            || (self.at.checked_add(self.before)? == self.len_before
                && self.at.checked_add(self.after)? == self.len_after);
        (lengths && ends && self.at.is_multiple_of(RECORD)).then_some(self)
    }
}

impl Raw {
    fn header(&self, kind: Kind) -> Header {
        Header {
            kind,
            sequence: self.sequence.get(),
            previous: self.previous.get(),
            pool: FileId {
                device: self.device.get(),
                inode: self.inode.get(),
                born: (self.born_seconds.get(), self.born_nanoseconds.get()),
            },
            boot: BootId(self.boot),
            at: self.at.get(),
            len_before: self.len_before.get(),
            len_after: self.len_after.get(),
            before: self.before.get(),
            after: self.after.get(),
            extra: self.extra.get(),
            runs: self.runs.get(),
            payload_crc: self.payload_crc.get(),
        }
    }
}

#[cfg(test)]
mod tests;
