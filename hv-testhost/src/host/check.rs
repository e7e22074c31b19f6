//! Reads a guest's reply the way a real host does: every rule of framing, one after the other.
//!
//! Bytes are read by offset here and not with the parser that the guest's side uses, so that one mistake cannot
//! hide on both sides. The first fatal problem ends the reading; what a real host lets pass is collected.
//! Offsets count from the payload's start, where the pipe header is.

use hv_utils_core::wire::ring::KIND_IN_BAND;
use hv_utils_core::wire::{Agreed, Status, Version};

use super::problem::Problem;
use crate::link::Packet;

/// Pipe header (8) and IC header (20).
pub(crate) const HEADERS: usize = 28;
/// Bytes of the pipe header.
const PIPE: usize = 8;
/// The longest message, from the IC header on, that a host reads.
const MAX_MESSAGE: usize = 13312;
/// Flags of a reply: transaction, response.
const REPLY_FLAGS: u8 = 5;

/// A reply that a host can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Result of the request.
    pub status: Status,
    /// What follows the IC header, as long as the IC header says.
    pub body: Vec<u8>,
    /// The packet as it came.
    pub packet: Packet,
}

/// Little-endian u16 at `at`; 0 beyond the end.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|field| field.try_into().ok()).map_or(0, u16::from_le_bytes)
}

/// Little-endian u32 at `at`; 0 beyond the end.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|field| field.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Little-endian u64 at `at`; 0 beyond the end.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn version_at(bytes: &[u8], at: usize) -> Version {
    Version::new(u16_at(bytes, at), u16_at(bytes, at + 2))
}

/// Length of the message in a payload: what the pipe header says, which must be there.
fn message_length(payload: &[u8]) -> Result<usize, Problem> {
    if payload.len() < HEADERS {
        return Err(Problem::Short(payload.len()));
    }
    let pipe_type = u32_at(payload, 0);
    if pipe_type != 1 {
        return Err(Problem::PipeType(pipe_type));
    }
    let announced = u32_at(payload, 4);
    let present = payload.len() - PIPE;
    let length = usize::try_from(announced).unwrap_or(usize::MAX);
    if length > present {
        return Err(Problem::PipeSize { announced, present });
    }
    if length > MAX_MESSAGE {
        return Err(Problem::TooLong(length));
    }
    if length < HEADERS - PIPE {
        return Err(Problem::Short(length + PIPE));
    }
    Ok(length)
}

/// Whether a packet looks like an answer to a NEGOTIATE, as far as that can be told.
pub(crate) fn is_negotiate(packet: &Packet) -> bool {
    packet.payload.len() >= HEADERS && u16_at(&packet.payload, 12) == 0
}

/// Checks `got` as the reply to `sent`; what a real host lets pass goes to `tolerated`.
///
/// # Errors
/// The first problem over which a real host gives the service up.
pub fn reply(sent: &Packet, got: Packet, tolerated: &mut Vec<Problem>) -> Result<Reply, Problem> {
    if got.header.kind != KIND_IN_BAND {
        return Err(Problem::Kind(got.header.kind));
    }
    if got.header.flags & !1 != 0 {
        return Err(Problem::PacketFlags(got.header.flags));
    }
    let length = message_length(&got.payload)?;
    let id = (sent.payload.get(24).copied().unwrap_or(0), got.payload[24]);
    if id.0 != id.1 {
        return Err(Problem::TransactionId { sent: id.0, got: id.1 });
    }
    let flags = got.payload[25];
    if flags & REPLY_FLAGS != REPLY_FLAGS {
        return Err(Problem::NotAReply(flags));
    }
    let announced = u16_at(&got.payload, 18);
    let body_length = usize::from(announced);
    let present = length + PIPE - HEADERS;
    if body_length > present {
        return Err(Problem::BodySize { announced, present });
    }
    tolerated.extend(let_pass(sent, &got, length));
    let status = Status(u32_at(&got.payload, 20));
    let body = got.payload[HEADERS..HEADERS + body_length].to_vec();
    Ok(Reply { status, body, packet: got })
}

/// The rules of a reply that a real host does not enforce.
fn let_pass(sent: &Packet, got: &Packet, length: usize) -> Vec<Problem> {
    let (request, reply) = (&sent.payload, &got.payload);
    let mut found = Vec::new();
    if reply[25] != REPLY_FLAGS {
        found.push(Problem::ExtraFlags(reply[25]));
    }
    let ids = (sent.header.transaction_id, got.header.transaction_id);
    if ids.0 != ids.1 {
        found.push(Problem::VmbusTransaction { sent: ids.0, got: ids.1 });
    }
    let kinds = (u16_at(request, 12), u16_at(reply, 12));
    if kinds.0 != kinds.1 {
        found.push(Problem::MessageType { sent: kinds.0, got: kinds.1 });
    }
    for (which, at) in [("framework", 8), ("message", 14)] {
        let versions = (version_at(request, at), version_at(reply, at));
        if versions.0 != versions.1 {
            found.push(Problem::HeaderVersion { which, sent: versions.0, got: versions.1 });
        }
    }
    let asked = usize::try_from(u32_at(request, 4)).unwrap_or(usize::MAX);
    if asked != length {
        found.push(Problem::Length { sent: asked, got: length });
    }
    found
}

/// What the guest's answer to a NEGOTIATE says: the agreed versions, or that there are none.
///
/// `offered` are the host's framework and message versions.
///
/// # Errors
/// As [`reply`]; `Counts` with zero and zero means that the guest found no common version.
pub fn negotiation(
    sent: &Packet,
    got: Packet,
    offered: (&[Version], &[Version]),
    tolerated: &mut Vec<Problem>,
) -> Result<Agreed, Problem> {
    let reply = reply(sent, got, tolerated)?;
    let sent_bytes = sent.payload.len().saturating_sub(HEADERS);
    let announced = u16::try_from(reply.body.len()).unwrap_or(u16::MAX);
    let framework = u16_at(&reply.body, 0);
    let message = u16_at(&reply.body, 2);
    if reply.body.len() >= 4 && (framework, message) != (1, 1) {
        return Err(Problem::Counts { framework, message });
    }
    if reply.body.len() < 16 || reply.body.len() > sent_bytes {
        return Err(Problem::NegotiateSize { announced, sent: sent_bytes });
    }
    if !reply.status.is_ok() {
        tolerated.push(Problem::NegotiateStatus(reply.status.0));
    }
    let agreed = Agreed { framework: version_at(&reply.body, 8), message: version_at(&reply.body, 12) };
    let choices = [("framework", agreed.framework, offered.0), ("message", agreed.message, offered.1)];
    for (which, got, offers) in choices {
        if !offers.contains(&got) {
            tolerated.push(Problem::NotOffered { which, got });
        }
    }
    Ok(agreed)
}

#[cfg(test)]
mod tests;
