//! The guest's side of one IC: what each packet of the host is, and how a reply is built from it.
//!
//! No IO and no knowledge of any service. A host may negotiate anew at any moment (restore, live migration, service
//! restart); whatever was asked before is then forgotten, and a late answer to it must not be sent, because the host
//! would take it for the answer to its next request. Replies are built in the buffer of the request, as Linux and
//! FreeBSD do: same length, everything echoed but status, flags and what the service fills in.

mod reason;

pub use reason::{DropReason, RefuseReason};

use super::ic::MESSAGE_TYPE_NEGOTIATE;
use super::message::{FLAG_RESPONSE, REPLY_FLAGS, RawHeaders};
use super::negotiate::{Lists, REPLY_BODY_BYTES, RawNegotiate, choose};
use super::ring::{FLAG_COMPLETION_REQUESTED, KIND_IN_BAND, PacketHeader};
use super::version::RawVersion;
use super::{Agreed, HEADER_BYTES, Ic, Message, MessageError, Status, Version};
use core::ops::Range;
use zerocopy::FromBytes;

/// Requests that may wait for their answers: hosts send one at a time, and a link may hold one more back.
const MAX_OUTSTANDING: usize = 2;

/// Names one request of one negotiation; without it no reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    number: u64,
    transaction_id: u64,
}

impl Ticket {
    /// VMBus transaction id of the request's packet; the reply's packet carries the same.
    #[must_use]
    pub const fn transaction_id(&self) -> u64 {
        self.transaction_id
    }
}

/// A request of the service itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo {
    /// For [`Session::finish`].
    pub ticket: Ticket,
    /// Message version agreed on.
    pub version: Version,
    /// Where the body lies in the payload.
    pub body: Range<usize>,
}

/// What a packet of the host was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A negotiation that succeeded. The payload is now the reply: send it.
    Negotiated(Agreed),
    /// A negotiation without a common version. The payload is now the reply (counts 0/0, failure): send it.
    NoCommonVersion,
    /// A message that is answered with an error. The payload is now the reply: send it.
    Refused {
        /// What was wrong with it.
        why: RefuseReason,
        /// The status in the reply.
        status: Status,
    },
    /// A request for the service; answer it by [`Session::finish`].
    Request(RequestInfo),
    /// Nothing that can be answered. Send nothing.
    Dropped(DropReason),
}

/// The guest's side of one IC.
#[derive(Debug)]
pub struct Session {
    ic: Ic,
    max: Option<Version>,
    agreed: Option<Agreed>,
    /// Number of the next ticket; never reused, so that a ticket of an earlier negotiation matches nothing.
    next: u64,
    outstanding: [Option<u64>; MAX_OUTSTANDING],
}

impl Session {
    /// A session before any negotiation. `max` withholds newer message versions from the host.
    #[must_use]
    pub const fn new(ic: Ic, max: Option<Version>) -> Self {
        Self { ic, max, agreed: None, next: 0, outstanding: [None; MAX_OUTSTANDING] }
    }

    /// The channel was opened anew: nothing is agreed, and every ticket is stale.
    pub fn reset(&mut self) {
        self.agreed = None;
        self.outstanding = [None; MAX_OUTSTANDING];
    }

    /// What was agreed on, if anything.
    #[must_use]
    pub const fn agreed(&self) -> Option<Agreed> {
        self.agreed
    }

    /// Whether a request waits for its answer.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.outstanding.iter().any(Option::is_some)
    }

    /// Whether [`Session::finish`] would still accept this ticket.
    #[must_use]
    pub fn is_current(&self, ticket: Ticket) -> bool {
        self.outstanding.contains(&Some(ticket.number))
    }

    /// Judges one packet. Its payload may be rewritten in place into the reply; its length never changes.
    pub fn receive(&mut self, packet: PacketHeader, payload: &mut [u8]) -> Received {
        if packet.kind != KIND_IN_BAND {
            return Received::Dropped(DropReason::PacketType(packet.kind));
        }
        if packet.flags & !FLAG_COMPLETION_REQUESTED != 0 {
            return Received::Dropped(DropReason::PacketFlags(packet.flags));
        }
        let message = match Message::parse(payload) {
            Ok(message) => message,
            Err(error) => return Received::Dropped(error.into()),
        };
        if message.header.flags & FLAG_RESPONSE != 0 {
            return Received::Dropped(DropReason::Response);
        }
        if message.header.message_type == MESSAGE_TYPE_NEGOTIATE {
            return self.negotiate(payload);
        }
        let (body, message_type) = (message.body_range(), message.header.message_type);
        match self.admit(packet, body, message_type) {
            Ok(info) => Received::Request(info),
            Err(why) => refuse(payload, why),
        }
    }

    /// Turns the request in `payload` into its reply: status, flags, and the body as `fill` leaves it.
    ///
    /// `false`: the ticket is stale (negotiated anew since, or answered already), and nothing may be sent.
    pub fn finish(
        &mut self,
        ticket: Ticket,
        status: Status,
        payload: &mut [u8],
        fill: impl FnOnce(&mut [u8]),
    ) -> bool {
        let Some(slot) = self.outstanding.iter_mut().find(|slot| **slot == Some(ticket.number)) else {
            return false;
        };
        // Only a caller that mixes up its buffers fails here; the request stays open.
        let Ok(message) = Message::parse(payload) else { return false };
        let body = message.body_range();
        *slot = None;
        mark_reply(payload, status);
        if let Some(body) = payload.get_mut(body) {
            fill(body);
        }
        true
    }

    fn admit(
        &mut self,
        packet: PacketHeader,
        body: Range<usize>,
        actual: u16,
    ) -> Result<RequestInfo, RefuseReason> {
        let expected = self.ic.message_type();
        if actual != expected {
            return Err(RefuseReason::MessageType { expected, actual });
        }
        let version = self.agreed.ok_or(RefuseReason::NotNegotiated)?.message;
        let slot = self.outstanding.iter_mut().find(|slot| slot.is_none()).ok_or(RefuseReason::Busy)?;
        let ticket = Ticket { number: self.next, transaction_id: packet.transaction_id };
        self.next += 1;
        *slot = Some(ticket.number);
        Ok(RequestInfo { ticket, version, body })
    }

    /// A negotiation ends whatever was before it, even if it fails.
    fn negotiate(&mut self, payload: &mut [u8]) -> Received {
        self.reset();
        let Ok(message) = Message::parse(payload) else {
            return Received::Dropped(DropReason::Message(MessageError::Truncated { actual: payload.len() }));
        };
        let agreed = match Lists::parse(message.body) {
            Ok(lists) => self.choose(&lists),
            Err(error) => {
                write_agreement(payload, None);
                return refuse(payload, error.into());
            }
        };
        write_agreement(payload, agreed);
        self.agreed = agreed;
        match agreed {
            Some(agreed) => {
                mark_reply(payload, Status::OK);
                Received::Negotiated(agreed)
            }
            None => {
                mark_reply(payload, Status::FAIL);
                Received::NoCommonVersion
            }
        }
    }

    fn choose(&self, offer: &Lists<'_>) -> Option<Agreed> {
        let ours = self.ic.versions();
        let newest = ours.iter().position(|version| self.max.is_none_or(|max| *version <= max))?;
        Some(Agreed {
            framework: choose(self.ic.framework_versions(), offer.framework)?,
            message: choose(&ours[newest..], offer.message)?,
        })
    }
}

fn refuse(payload: &mut [u8], why: RefuseReason) -> Received {
    let status = Status::FAIL;
    mark_reply(payload, status);
    Received::Refused { why, status }
}

/// Gives a finished reply that has not left yet another status.
#[cfg(feature = "channel")]
pub(crate) fn restate(reply: &mut [u8], status: Status) {
    mark_reply(reply, status);
}

/// Sets what distinguishes a reply from its request.
fn mark_reply(payload: &mut [u8], status: Status) {
    if let Ok((headers, _)) = RawHeaders::mut_from_prefix(payload) {
        headers.ic.status = status.0.into();
        headers.ic.flags = REPLY_FLAGS;
    }
}

/// Writes counts and versions over the offer, as far as the message has room; the rest of it is echoed.
fn write_agreement(payload: &mut [u8], agreed: Option<Agreed>) {
    let Ok(message) = Message::parse(payload) else { return };
    let body = message.body_range();
    if body.len() >= usize::from(REPLY_BODY_BYTES)
        && let Ok((headers, _)) = RawHeaders::mut_from_prefix(payload)
    {
        headers.ic.size = REPLY_BODY_BYTES.into();
    }
    debug_assert_eq!(body.start, HEADER_BYTES);
    let Ok((head, rest)) = RawNegotiate::mut_from_prefix(&mut payload[body]) else { return };
    let count = u16::from(agreed.is_some());
    head.framework_count = count.into();
    head.message_count = count.into();
    if let (Some(agreed), Ok((slots, _))) = (agreed, <[RawVersion; 2]>::mut_from_prefix(rest)) {
        *slots = [agreed.framework.into(), agreed.message.into()];
    }
}

#[cfg(test)]
mod tests;
