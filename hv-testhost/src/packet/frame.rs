//! The frames of the packet link as bytes: made, and read out of a stream that may stop anywhere.
//!
//! No sockets here. Lengths and types are those of the other side, which is not trusted: a length is looked at
//! before anything is kept for it, and nothing is guessed after a frame that cannot be.

use hv_utils_core::wire::PacketHeader;
use hv_utils_core::wire::ring::KIND_IN_BAND;

use crate::link::Packet;

/// Longest payload of a frame, in bytes.
pub const MAX_PAYLOAD: usize = 16384;
/// Guest to host: the channel was opened. Host to guest: what is the present state?
pub(super) const OPENED: u16 = 0xfff0;
/// Guest to host: the channel was closed.
pub(super) const CLOSED: u16 = 0xfff1;
/// Host to guest: the device is taken away.
pub(super) const RESCIND: u16 = 0xfff2;
/// Host to guest: the device is offered again.
pub(super) const OFFER: u16 = 0xfff3;

/// Bytes before a frame's payload: length (4), packet type (2), flags (2), transaction id (8).
const HEADER: usize = 16;
/// Bytes taken from a stream at once; with a frame that is not whole yet, this is all that is ever kept.
const CHUNK: usize = 4096;

/// What the virtual machine's side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// The guest has opened the channel, or it is open when asked.
    Opened,
    /// The guest has closed the channel, or it is closed when asked.
    Closed,
    /// A packet of the guest's.
    Packet(Packet),
}

/// A frame after which a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// Longer than any frame may be.
    #[error("a frame of {0} payload bytes, the limit is {MAX_PAYLOAD}")]
    TooLong(u32),
    /// Not one of the types that a virtual machine sends.
    #[error("a frame of the unknown type {0:#06x}")]
    UnknownType(u16),
    /// A notice with bytes after it.
    #[error("a frame of type {0:#06x} with {1} payload bytes, it has none")]
    Notice(u16, u32),
}

/// A packet's frame.
pub(super) fn packet(packet: &Packet, out: &mut Vec<u8>) {
    let PacketHeader { kind, flags, transaction_id } = packet.header;
    // A link refuses longer ones before.
    let length = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
    header(length, kind, flags, transaction_id, out);
    out.extend_from_slice(&packet.payload);
}

/// A frame without payload.
pub(super) fn notice(kind: u16, out: &mut Vec<u8>) {
    header(0, kind, 0, 0, out);
}

fn header(length: u32, kind: u16, flags: u16, transaction_id: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&transaction_id.to_le_bytes());
}

/// What has come of a stream and was not read yet: one frame's part, and a chunk.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// Where the first frame that was not taken begins.
    start: usize,
}

impl Inbox {
    /// Room for bytes of the stream, for [`Inbox::filled`].
    pub(super) fn chunk() -> Vec<u8> {
        vec![0; CHUNK]
    }

    /// Takes over what came. Call it only after [`Inbox::next`] has given `None`.
    pub(super) fn filled(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until more has come.
    ///
    /// # Errors
    /// A frame that cannot be: nothing after it can be read.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let left = &self.bytes[self.start..];
        let Some((head, rest)) = left.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [l0, l1, l2, l3, t0, t1, f0, f1, id @ ..] = *head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let kind = u16::from_le_bytes([t0, t1]);
        let size = usize::try_from(length).ok().filter(|size| *size <= MAX_PAYLOAD);
        let size = size.ok_or(FrameError::TooLong(length))?;
        let frame = match kind {
            OPENED | CLOSED if size != 0 => return Err(FrameError::Notice(kind, length)),
            OPENED => Frame::Opened,
            CLOSED => Frame::Closed,
            KIND_IN_BAND => {
                let Some(payload) = rest.get(..size) else { return Ok(None) };
                let flags = u16::from_le_bytes([f0, f1]);
                let header = PacketHeader { kind, flags, transaction_id: u64::from_le_bytes(id) };
                Frame::Packet(Packet { header, payload: payload.to_vec() })
            }
            other => return Err(FrameError::UnknownType(other)),
        };
        self.start += HEADER + size;
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests;
