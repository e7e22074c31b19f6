//! What can be wrong with a guest's packets, as a real host sees it.
//!
//! Only names, sentences and weights; the checks are in [`super::check`] and in the services. The weight follows
//! what Microsoft's open-source host was seen to do: after a fatal problem it gives the service up until
//! the channel is closed and opened again; anything else it lets pass, but the guest broke a rule all the same.

use hv_utils_core::wire::{Ic, Version};

/// One rule that a guest's packet breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another packet type than in-band data.
    #[error("packet type {0}, must be 6 (in-band data)")]
    Kind(u16),
    /// Undefined bits in the packet descriptor's flags.
    #[error("packet flags {0:#06x}, only bit 0 is defined")]
    PacketFlags(u16),
    /// The link could not make a packet of what the guest wrote.
    #[error("{0}")]
    Unusable(String),
    /// The guest's ring cannot be read on.
    #[error("corrupt ring: {0}")]
    Corrupt(String),
    /// Not even a pipe header and an IC header.
    #[error("payload of {0} bytes: a pipe header and an IC header need 28")]
    Short(usize),
    /// The pipe header does not say "data".
    #[error("pipe type {0}, must be 1 (data)")]
    PipeType(u32),
    /// The pipe header promises more than came.
    #[error("pipe header announces {announced} bytes, the packet has {present}")]
    PipeSize {
        /// Bytes in the pipe header.
        announced: u32,
        /// Bytes there.
        present: usize,
    },
    /// Longer than any IC message may be.
    #[error("message of {0} bytes: hosts read at most 13312")]
    TooLong(usize),
    /// The transaction id of the request was not echoed.
    #[error("IC transaction id {got}, the request had {sent}")]
    TransactionId {
        /// Id of the request.
        sent: u8,
        /// Id of the reply.
        got: u8,
    },
    /// Bit 0 (transaction) or bit 2 (response) is not set.
    #[error("IC flags {0:#04x} are not those of a reply, which are 0x05 (transaction, response)")]
    NotAReply(u8),
    /// The IC header promises more body than came.
    #[error("IC header announces a body of {announced} bytes, the message has {present}")]
    BodySize {
        /// Bytes in the IC header.
        announced: u16,
        /// Bytes there.
        present: usize,
    },
    /// A body that is shorter than what is read from it.
    #[error("{what}: body of {present} bytes, at least {needed} are needed")]
    BodyShort {
        /// Whose body.
        what: &'static str,
        /// Bytes needed.
        needed: usize,
        /// Bytes there.
        present: usize,
    },
    /// Counts other than one framework and one message version in the answer to NEGOTIATE.
    #[error("answer to NEGOTIATE with {framework} framework and {message} message versions, must be 1 and 1")]
    Counts {
        /// Framework versions.
        framework: u16,
        /// Message versions.
        message: u16,
    },
    /// The answer to NEGOTIATE announces a body of another length than it may have.
    #[error("answer to NEGOTIATE announces {announced} bytes, must be 16 to {sent}")]
    NegotiateSize {
        /// Bytes in the IC header.
        announced: u16,
        /// Bytes of the host's own offer.
        sent: usize,
    },
    /// A packet while nothing was asked. A real host takes it for the answer of its next request.
    #[error("a packet that nobody asked for: a real host would take it for the next answer")]
    Unasked,
    /// A text or a size in an item or in an adapter's configuration is not as it must be.
    #[error("{what}: {why}")]
    Item {
        /// Which part: key, value, a list.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A heartbeat that does not count on.
    #[error("heartbeat sequence {got}, {sent} was sent and one more is due")]
    Sequence {
        /// Sequence number of the request.
        sent: u64,
        /// Sequence number of the reply.
        got: u64,
    },
    /// An application state that is not defined.
    #[error("application state {0}, defined are 0 to 3")]
    ApplicationState(u32),
    /// Flags beyond those of a reply.
    #[error("IC flags {0:#04x}, a reply has 0x05")]
    ExtraFlags(u8),
    /// The VMBus transaction id of the request was not echoed.
    #[error("VMBus transaction id {got:#x}, the request had {sent:#x}")]
    VmbusTransaction {
        /// Id of the request.
        sent: u64,
        /// Id of the reply.
        got: u64,
    },
    /// Another message type than the request's.
    #[error("message type {got}, the request had {sent}")]
    MessageType {
        /// Type of the request.
        sent: u16,
        /// Type of the reply.
        got: u16,
    },
    /// Other versions in the header than the request's.
    #[error("{which} version {got} in the header, the request had {sent}")]
    HeaderVersion {
        /// Framework or message.
        which: &'static str,
        /// Version of the request.
        sent: Version,
        /// Version of the reply.
        got: Version,
    },
    /// The reply is not as long as the request.
    #[error("message of {got} bytes, the request had {sent}: a reply keeps the length")]
    Length {
        /// Bytes of the request after the pipe header.
        sent: usize,
        /// Bytes of the reply after the pipe header.
        got: usize,
    },
    /// A version that was not on offer.
    #[error("the guest chose {which} version {got}, which was not offered")]
    NotOffered {
        /// Framework or message.
        which: &'static str,
        /// The guest's choice.
        got: Version,
    },
    /// The answer to NEGOTIATE carries an error status, although versions were agreed.
    #[error("an answer to NEGOTIATE with status 0x{0:08x}")]
    NegotiateStatus(u32),
    /// Fields that should come back as they were sent do not.
    #[error("not echoed as it was sent: {0}")]
    NotEchoed(&'static str),
    /// An adapter's configuration that can be read, but is none that a guest should send.
    #[error("{what}: {why}")]
    Adapter {
        /// Which part, by its name in WMI where it has one.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The size of a text counts more than the text and its NUL.
    #[error("{0}: its size counts bytes beyond the first NUL")]
    TextAfterNul(&'static str),
}

impl Problem {
    /// Whether a real host gives the service up over it, until the channel is closed and opened again.
    pub fn is_fatal(&self) -> bool {
        !matches!(
            self,
            Problem::Unasked
                | Problem::Sequence { .. }
                | Problem::ApplicationState(_)
                | Problem::ExtraFlags(_)
                | Problem::VmbusTransaction { .. }
                | Problem::MessageType { .. }
                | Problem::HeaderVersion { .. }
                | Problem::Length { .. }
                | Problem::NotOffered { .. }
                | Problem::NegotiateStatus(_)
                | Problem::NotEchoed(_)
                | Problem::Adapter { .. }
                | Problem::TextAfterNul(_)
        )
    }
}

/// A problem and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The service on whose channel it was.
    pub ic: Ic,
    /// What was being done: `negotiation`, `enumerate`, …
    pub during: String,
    /// The rule that was broken.
    pub problem: Problem,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let weight =
            if self.problem.is_fatal() { "a real host gives the service up" } else { "hosts let it pass" };
        write!(f, "{}: {}: {} ({weight})", self.ic, self.during, self.problem)
    }
}
