//! Why a packet of the host is not served: reasons with their details for the log, and as fixed texts to count by.
//!
//! Nothing is decided here. What is *refused* is answered with an error, what is *dropped* is not answered at all.

use crate::wire::MessageError;
use crate::wire::negotiate::OfferError;

/// Why a message is answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefuseReason {
    /// A negotiation that cannot be read.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// A request before any version was agreed on.
    #[error("request before a successful negotiation")]
    NotNegotiated,
    /// A message of another service.
    #[error("message type {actual} on a channel of type {expected}")]
    MessageType {
        /// Type of this IC's messages.
        expected: u16,
        /// Type found.
        actual: u16,
    },
    /// The host sends requests without waiting for answers.
    #[error("too many requests wait for their answers")]
    Busy,
}

/// Why a packet is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// A packet type that no IC uses.
    #[error("packet type {0:#x} is not in-band data")]
    PacketType(u16),
    /// Packet flags that are not defined.
    #[error("packet flags {0:#x} are not known")]
    PacketFlags(u16),
    /// No whole IC message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A reply; hosts send requests.
    #[error("message is itself a reply")]
    Response,
}

impl RefuseReason {
    /// A fixed text per reason, without what the host sent: to count failures by.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Offer(OfferError::TooShort { .. }) => "short negotiation",
            Self::Offer(OfferError::Counts { .. }) => "negotiation counts",
            Self::NotNegotiated => "not negotiated",
            Self::MessageType { .. } => "message type",
            Self::Busy => "busy",
        }
    }
}

impl DropReason {
    /// As [`RefuseReason::reason`].
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::PacketType(_) => "packet type",
            Self::PacketFlags(_) => "packet flags",
            Self::Message(MessageError::Truncated { .. }) => "truncated message",
            Self::Message(MessageError::PipeType(_)) => "pipe type",
            Self::Message(MessageError::PipeSize { .. }) => "pipe size",
            Self::Message(MessageError::BodySize { .. }) => "body size",
            Self::Response => "unasked reply",
        }
    }
}
