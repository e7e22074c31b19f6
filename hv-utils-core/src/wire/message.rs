//! What a packet's payload holds: the pipe header, the IC header, and a body.
//!
//! Shape only: lengths that fit into each other. Whether a message belongs to this service and this moment is for
//! [`super::session`]. Layouts from Linux `include/linux/hyperv.h` (`vmbuspipe_hdr`, `icmsg_hdr`) and OpenVMM
//! `hyperv_ic_protocol`.

use super::{Status, Version, version::RawVersion};
use alloc::vec::Vec;
use core::mem::offset_of;
use core::ops::Range;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Pipe header and IC header: where the body starts in a payload.
pub const HEADER_BYTES: usize = size_of::<RawHeaders>();
/// Most bytes that a message-mode pipe carries after its 8-byte header.
pub const MAX_PIPE_DATA: usize = 16384;
/// Most bytes of a packet's payload, pipe header included: the limit for taking packets out of a ring.
pub const MAX_PAYLOAD: usize = size_of::<RawPipeHeader>() + MAX_PIPE_DATA;
/// Most bytes of an IC message, IC header included, that Microsoft's hosts read.
pub const MAX_MESSAGE: usize = 13312;
/// Pipe header type of data, the only one in message mode.
pub const PIPE_DATA: u32 = 1;

/// IC header flag: the message expects a reply, or is one.
pub const FLAG_TRANSACTION: u8 = 1;
/// IC header flag: a request.
pub const FLAG_REQUEST: u8 = 2;
/// IC header flag: a reply.
pub const FLAG_RESPONSE: u8 = 4;
/// The flags of every request of a host.
pub const REQUEST_FLAGS: u8 = FLAG_TRANSACTION | FLAG_REQUEST;
/// The flags of every reply.
pub const REPLY_FLAGS: u8 = FLAG_TRANSACTION | FLAG_RESPONSE;

/// Header of a VMBus pipe in message mode.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawPipeHeader {
    /// [`PIPE_DATA`].
    pub kind: U32,
    /// Bytes after this header, exact: the packet around it is padded to 8.
    pub size: U32,
}

const _: () = assert!(size_of::<RawPipeHeader>() == 8);

/// The IC header on the wire.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawIcHeader {
    /// Framework version; zero in a negotiation.
    pub framework: RawVersion,
    /// Message type: 0 for a negotiation, else that of the IC.
    pub message_type: U16,
    /// Message version; zero in a negotiation.
    pub message_version: RawVersion,
    /// Bytes of the body.
    pub size: U16,
    /// Status of a reply; 0 in a request.
    pub status: U32,
    /// Transaction id, echoed.
    pub transaction_id: u8,
    /// [`REQUEST_FLAGS`] or [`REPLY_FLAGS`].
    pub flags: u8,
    /// Reserved, zero.
    pub reserved: [u8; 2],
}

const _: () = assert!(size_of::<RawIcHeader>() == 20);
const _: () = assert!(offset_of!(RawIcHeader, message_type) == 4);
const _: () = assert!(offset_of!(RawIcHeader, message_version) == 6);
const _: () = assert!(offset_of!(RawIcHeader, size) == 10);
const _: () = assert!(offset_of!(RawIcHeader, status) == 12);
const _: () = assert!(offset_of!(RawIcHeader, transaction_id) == 16);
const _: () = assert!(offset_of!(RawIcHeader, flags) == 17);

/// What every payload starts with.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawHeaders {
    /// Pipe header.
    pub pipe: RawPipeHeader,
    /// IC header.
    pub ic: RawIcHeader,
}

const _: () = assert!(size_of::<RawHeaders>() == 28);

/// The IC header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcHeader {
    /// Framework version; 0.0 in a negotiation.
    pub framework: Version,
    /// Message type: 0 for a negotiation, else [`super::Ic::message_type`].
    pub message_type: u16,
    /// Message version; 0.0 in a negotiation.
    pub message_version: Version,
    /// Bytes of the body, as the sender claims. [`encode`] fills it in from the body.
    pub size: u16,
    /// Result, in replies.
    pub status: Status,
    /// Transaction id, echoed in the reply.
    pub transaction_id: u8,
    /// [`FLAG_TRANSACTION`], [`FLAG_REQUEST`], [`FLAG_RESPONSE`].
    pub flags: u8,
}

impl IcHeader {
    /// A host's request.
    #[must_use]
    pub const fn request(framework: Version, message_type: u16, message_version: Version) -> Self {
        Self {
            framework,
            message_type,
            message_version,
            size: 0,
            status: Status::OK,
            transaction_id: 0,
            flags: REQUEST_FLAGS,
        }
    }
}

impl From<&RawIcHeader> for IcHeader {
    fn from(raw: &RawIcHeader) -> Self {
        Self {
            framework: raw.framework.into(),
            message_type: raw.message_type.get(),
            message_version: raw.message_version.into(),
            size: raw.size.get(),
            status: Status(raw.status.get()),
            transaction_id: raw.transaction_id,
            flags: raw.flags,
        }
    }
}

/// A payload that holds no whole IC message. There is nothing to answer it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not even room for the two headers.
    #[error("a payload of {actual} bytes is too short for an IC message")]
    Truncated {
        /// Bytes of the payload.
        actual: usize,
    },
    /// Not a data message of the pipe.
    #[error("pipe type {0} is not data")]
    PipeType(u32),
    /// The pipe header counts less than an IC header, more than the packet has, or more than a pipe carries.
    #[error("pipe header claims {claimed} bytes, the packet has {available}")]
    PipeSize {
        /// Bytes after the pipe header, as claimed.
        claimed: u32,
        /// Bytes after the pipe header, in the packet.
        available: usize,
    },
    /// The IC header counts more body than there is.
    #[error("IC header claims a body of {claimed} bytes, the message has {available}")]
    BodySize {
        /// Bytes of body, as claimed.
        claimed: u16,
        /// Bytes of body in the message.
        available: usize,
    },
}

/// An IC message inside a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The IC header.
    pub header: IcHeader,
    /// What follows the IC header, as the pipe header counts it; a smaller [`IcHeader::size`] does not cut it,
    /// because no known guest ever looked at that field of a request.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Checks the shape of a payload (pipe header first, padding last) and finds the parts.
    ///
    /// # Errors
    /// A length or the pipe type is impossible.
    pub fn parse(payload: &'a [u8]) -> Result<Self, MessageError> {
        let (header, body) = split(payload)?;
        // `split` checked the range against the same slice.
        let body = payload.get(body).ok_or(MessageError::Truncated { actual: payload.len() })?;
        Ok(Self { header, body })
    }

    /// Where [`Message::body`] lies in the payload it was parsed from.
    #[must_use]
    pub fn body_range(&self) -> Range<usize> {
        HEADER_BYTES..HEADER_BYTES + self.body.len()
    }
}

fn split(payload: &[u8]) -> Result<(IcHeader, Range<usize>), MessageError> {
    let actual = payload.len();
    let (raw, rest) = RawHeaders::ref_from_prefix(payload).map_err(|_| MessageError::Truncated { actual })?;
    if raw.pipe.kind.get() != PIPE_DATA {
        return Err(MessageError::PipeType(raw.pipe.kind.get()));
    }
    let claimed = raw.pipe.size.get();
    let size = claimed as usize;
    let available = size_of::<RawIcHeader>() + rest.len();
    if size < size_of::<RawIcHeader>() || size > available || size > MAX_PIPE_DATA {
        return Err(MessageError::PipeSize { claimed, available });
    }
    let body = size - size_of::<RawIcHeader>();
    if usize::from(raw.ic.size.get()) > body {
        return Err(MessageError::BodySize { claimed: raw.ic.size.get(), available: body });
    }
    Ok(((&raw.ic).into(), HEADER_BYTES..HEADER_BYTES + body))
}

/// Appends nothing, replaces everything: `out` becomes pipe header, IC header and body, without padding.
///
/// [`IcHeader::size`] is taken from the body, which is cut at what a pipe carries.
pub fn encode(header: &IcHeader, body: &[u8], out: &mut Vec<u8>) {
    let body = &body[..body.len().min(MAX_PIPE_DATA - size_of::<RawIcHeader>())];
    let raw = RawHeaders {
        pipe: RawPipeHeader {
            kind: PIPE_DATA.into(),
            size: ((size_of::<RawIcHeader>() + body.len()) as u32).into(),
        },
        ic: RawIcHeader {
            framework: header.framework.into(),
            message_type: header.message_type.into(),
            message_version: header.message_version.into(),
            size: (body.len() as u16).into(),
            status: header.status.0.into(),
            transaction_id: header.transaction_id,
            flags: header.flags,
            reserved: [0; 2],
        },
    };
    out.clear();
    out.extend_from_slice(raw.as_bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests;
