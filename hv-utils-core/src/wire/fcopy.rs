//! File copy (Guest Service Interface): START, WRITE, COMPLETE and CANCEL, of the raw channel and of the older char device.
//!
//! Where a file may go, and what its bytes become, is the daemon's. An answer adds nothing but its status. From Linux
//! `include/uapi/linux/hyperv.h`, `drivers/hv/hv_fcopy.c` (to 6.9) and `tools/hv/hv_fcopy_uio_daemon.c`. The char device
//! gives the names of START in UTF-8, in the places of the UTF-16 ones, each cut after 259 bytes.

mod names;

use super::Status;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem::offset_of;
use names::{NAME_BYTES, utf8, utf16, write_utf16};
pub use names::{NAME_UNITS, NameProblem};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Most bytes of a file in one WRITE.
pub const MAX_DATA: usize = 6 * 1024;
/// Bytes of the header: operation (4), two GUIDs that nobody uses.
pub const HEADER_BYTES: usize = 36;
/// Bytes of the body of a START.
pub const START_BYTES: usize = 1088;
/// Bytes of the body of a WRITE before its data.
pub const WRITE_HEAD_BYTES: usize = 52;
/// Bytes of the body of a WRITE as hosts send it, whatever its data.
pub const WRITE_BYTES: usize = WRITE_HEAD_BYTES + MAX_DATA;
/// Flag of START: a file that is there may be replaced (`Copy-VMFile -Force`).
pub const OVERWRITE: u32 = 1;
/// Flag of START: directories that are missing are made (`-CreateFullPath`).
pub const CREATE_PATH: u32 = 2;

/// What all messages begin with.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Header {
    operation: U32,
    services: [[u8; 16]; 2],
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawStart {
    header: Header,
    file_name: [u8; NAME_BYTES],
    path_name: [u8; NAME_BYTES],
    flags: U32,
    file_size: U64,
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawWrite {
    header: Header,
    pad: U32,
    offset: U64,
    size: U32,
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES);
const _: () = assert!(offset_of!(RawStart, path_name) == 556 && offset_of!(RawStart, flags) == 1076);
const _: () = assert!(offset_of!(RawStart, file_size) == 1080 && size_of::<RawStart>() == START_BYTES);
const _: () = assert!(offset_of!(RawWrite, offset) == 40 && size_of::<RawWrite>() == WRITE_HEAD_BYTES);

/// An operation; open, because a host may send any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation(pub u32);

impl Operation {
    /// A file is to come.
    pub const START: Self = Self(0);
    /// A piece of it.
    pub const WRITE: Self = Self(1);
    /// It is complete.
    pub const COMPLETE: Self = Self(2);
    /// It is not to come after all.
    pub const CANCEL: Self = Self(3);

    /// What the protocol calls it; `None` for a number that is not known.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::START => "START",
            Self::WRITE => "WRITE",
            Self::COMPLETE => "COMPLETE",
            Self::CANCEL => "CANCEL",
            _ => return None,
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "operation {}", self.0),
        }
    }
}

/// What a START says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Where to: as the host wrote it, any text without NUL.
    pub path: String,
    /// Name of the file, any text without NUL.
    pub name: String,
    /// A file that is there may be replaced.
    pub overwrite: bool,
    /// Directories that are missing are made.
    pub create_path: bool,
    /// Bytes that are to come.
    pub size: u64,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// A file is to come.
    Start(Start),
    /// A piece of it.
    Write {
        /// Where in the file, bytes.
        offset: u64,
        /// At most [`MAX_DATA`].
        data: &'a [u8],
    },
    /// It is complete.
    Complete,
    /// It is not to come after all.
    Cancel,
}

/// Which of the two names of a START.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The file's name.
    Name,
    /// The path.
    Path,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "file name",
            Self::Path => "path",
        })
    }
}

/// Why a message is not a request that can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It ends too soon.
    #[error("{operation} needs {needed} bytes, the message has {actual}")]
    TooShort {
        /// What it wants to be.
        operation: Operation,
        /// Bytes of the body.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// It ends within its header.
    #[error("the message has {0} bytes, and its header 36")]
    NoHeader(usize),
    /// No known operation.
    #[error("{0} is not known")]
    Operation(Operation),
    /// A name that is none.
    #[error("the {field} {problem}")]
    Name {
        /// Which.
        field: Field,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// A WRITE of more bytes than one can have.
    #[error("a WRITE of {0} bytes: at most 6144 fit")]
    TooMuch(u32),
}

impl Problem {
    /// What the host is answered.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Name { problem, .. } => problem.status(),
            Self::TooMuch(_) => Status::INVALID_ARG,
            Self::TooShort { operation: Operation::WRITE, .. } => Status::INVALID_ARG,
            Self::TooShort { .. } | Self::NoHeader(_) | Self::Operation(_) => Status::FAIL,
        }
    }
}

/// Reads the body of a message of the raw channel. The length of a WRITE is what it says it is, if so much is there:
/// hosts fill the message up, or do not.
///
/// # Errors
/// See [`Problem`].
pub fn parse(body: &[u8]) -> Result<Request<'_>, Problem> {
    parse_with(body, utf16)
}

/// Reads a message of `/dev/vmbus/hv_fcopy`.
///
/// # Errors
/// See [`Problem`].
pub fn parse_chardev(message: &[u8]) -> Result<Request<'_>, Problem> {
    parse_with(message, utf8)
}

type ReadName = fn(&[u8; NAME_BYTES]) -> Result<String, NameProblem>;

fn parse_with(body: &[u8], read_name: ReadName) -> Result<Request<'_>, Problem> {
    let (header, _) = Header::ref_from_prefix(body).map_err(|_| Problem::NoHeader(body.len()))?;
    let operation = Operation(header.operation.get());
    let short = |needed| Problem::TooShort { operation, needed, actual: body.len() };
    match operation {
        Operation::START => {
            let (raw, _) = RawStart::ref_from_prefix(body).map_err(|_| short(START_BYTES))?;
            start(raw, read_name).map(Request::Start)
        }
        Operation::WRITE => {
            let (raw, rest) = RawWrite::ref_from_prefix(body).map_err(|_| short(WRITE_HEAD_BYTES))?;
            let size = raw.size.get();
            let bytes = usize::try_from(size).ok().filter(|bytes| *bytes <= MAX_DATA);
            let bytes = bytes.ok_or(Problem::TooMuch(size))?;
            let data = rest.get(..bytes).ok_or_else(|| short(WRITE_HEAD_BYTES + bytes))?;
            Ok(Request::Write { offset: raw.offset.get(), data })
        }
        Operation::COMPLETE => Ok(Request::Complete),
        Operation::CANCEL => Ok(Request::Cancel),
        unknown => Err(Problem::Operation(unknown)),
    }
}

fn start(raw: &RawStart, read_name: ReadName) -> Result<Start, Problem> {
    let wrong = |field| move |problem| Problem::Name { field, problem };
    let flags = raw.flags.get();
    Ok(Start {
        path: read_name(&raw.path_name).map_err(wrong(Field::Path))?,
        name: read_name(&raw.file_name).map_err(wrong(Field::Name))?,
        overwrite: flags & OVERWRITE != 0,
        create_path: flags & CREATE_PATH != 0,
        size: raw.file_size.get(),
    })
}

/// The body of a host's START; `None`: a name has more units than fit.
#[must_use]
pub fn encode_start(start: &Start) -> Option<Vec<u8>> {
    let mut raw = RawStart {
        header: header(Operation::START),
        file_name: [0; NAME_BYTES],
        path_name: [0; NAME_BYTES],
        flags: U32::new(
            if start.overwrite { OVERWRITE } else { 0 } | if start.create_path { CREATE_PATH } else { 0 },
        ),
        file_size: start.size.into(),
    };
    let fit = write_utf16(&mut raw.file_name, &start.name) && write_utf16(&mut raw.path_name, &start.path);
    fit.then(|| raw.as_bytes().to_vec())
}

/// The body of a host's WRITE, of its full length whatever its data; of that, [`MAX_DATA`] at most is used.
#[must_use]
pub fn encode_write(offset: u64, data: &[u8]) -> Vec<u8> {
    let data = data.get(..MAX_DATA).unwrap_or(data);
    // At most MAX_DATA.
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let raw = RawWrite {
        header: header(Operation::WRITE),
        pad: U32::ZERO,
        offset: offset.into(),
        size: size.into(),
    };
    let mut body = Vec::with_capacity(WRITE_BYTES);
    body.extend_from_slice(raw.as_bytes());
    body.extend_from_slice(data);
    body.resize(WRITE_BYTES, 0);
    body
}

/// The body of a host's COMPLETE or CANCEL, or of anything that is a header alone.
#[must_use]
pub fn encode_bare(operation: Operation) -> Vec<u8> {
    header(operation).as_bytes().to_vec()
}

fn header(operation: Operation) -> Header {
    Header { operation: U32::new(operation.0), services: [[0; 16]; 2] }
}

#[cfg(test)]
mod tests;
