//! Negotiation: the host's lists of versions, our choice, and the reply.
//!
//! Lists and choice only; the moment, and what a new negotiation does to requests under way, is
//! [`super::session`]'s. A host lists its versions in any order (OpenVMM: oldest first), so the choice walks ours.

use super::message::{IcHeader, encode};
use super::{Version, ic::MESSAGE_TYPE_NEGOTIATE, version::RawVersion};
use alloc::vec::Vec;
use core::mem::offset_of;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Most versions in either list (Linux `IC_VERSION_NEGOTIATION_MAX_VER_COUNT`).
pub const MAX_VERSIONS: u16 = 100;

/// Start of a negotiation's body; the framework versions follow, then the message versions.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawNegotiate {
    /// Framework versions that follow.
    pub framework_count: U16,
    /// Message versions that follow those.
    pub message_count: U16,
    /// Reserved, zero.
    pub reserved: U32,
}

const _: () = assert!(size_of::<RawNegotiate>() == 8);
const _: () = assert!(offset_of!(RawNegotiate, message_count) == 2);

/// Body bytes of a reply: the counts and two versions.
pub(super) const REPLY_BODY_BYTES: u16 = 16;

/// The versions agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Framework version.
    pub framework: Version,
    /// Message version.
    pub message: Version,
}

/// Why a negotiation cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The body ends before what its counts promise.
    #[error("negotiation of {actual} bytes, at least {needed} are needed")]
    TooShort {
        /// Bytes needed.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// A list that is empty or absurdly long.
    #[error("negotiation lists {framework} framework and {message} message versions, expected 1 to 100 each")]
    Counts {
        /// Framework versions.
        framework: u16,
        /// Message versions.
        message: u16,
    },
}

/// The versions a host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Framework versions in the host's order.
    pub framework: Vec<Version>,
    /// Message versions in the host's order.
    pub message: Vec<Version>,
}

impl Offer {
    /// Reads the body of a NEGOTIATE.
    ///
    /// # Errors
    /// See [`OfferError`].
    pub fn parse(body: &[u8]) -> Result<Self, OfferError> {
        let lists = Lists::parse(body)?;
        Ok(Self {
            framework: lists.framework.iter().copied().map(Version::from).collect(),
            message: lists.message.iter().copied().map(Version::from).collect(),
        })
    }

    /// `out` becomes the whole message as a host sends it: pipe header, IC header with zero versions, lists.
    /// Nothing is checked: a test host may want to send nonsense.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(8 + 4 * (self.framework.len() + self.message.len()));
        let head = RawNegotiate {
            framework_count: (self.framework.len() as u16).into(),
            message_count: (self.message.len() as u16).into(),
            reserved: 0.into(),
        };
        body.extend_from_slice(head.as_bytes());
        for version in self.framework.iter().chain(&self.message) {
            body.extend_from_slice(RawVersion::from(*version).as_bytes());
        }
        let none = Version::default();
        encode(&IcHeader::request(none, MESSAGE_TYPE_NEGOTIATE, none), &body, out);
    }
}

/// The two lists, borrowed from a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists<'a> {
    pub(super) framework: &'a [RawVersion],
    pub(super) message: &'a [RawVersion],
}

impl<'a> Lists<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, OfferError> {
        let actual = body.len();
        let short = |needed| OfferError::TooShort { needed, actual };
        let (head, rest) =
            RawNegotiate::ref_from_prefix(body).map_err(|_| short(size_of::<RawNegotiate>()))?;
        let (framework, message) = (head.framework_count.get(), head.message_count.get());
        if !(1..=MAX_VERSIONS).contains(&framework) || !(1..=MAX_VERSIONS).contains(&message) {
            return Err(OfferError::Counts { framework, message });
        }
        let (framework, message) = (usize::from(framework), usize::from(message));
        let needed = size_of::<RawNegotiate>() + (framework + message) * size_of::<RawVersion>();
        let (framework, rest) =
            <[RawVersion]>::ref_from_prefix_with_elems(rest, framework).map_err(|_| short(needed))?;
        let (message, _) =
            <[RawVersion]>::ref_from_prefix_with_elems(rest, message).map_err(|_| short(needed))?;
        Ok(Self { framework, message })
    }
}

/// The first of ours, newest first, that is among theirs.
pub fn choose<V>(ours: &[Version], theirs: &[V]) -> Option<Version>
where
    V: Copy + Into<Version>,
{
    ours.iter().copied().find(|our| theirs.iter().any(|their| (*their).into() == *our))
}

/// Why a reply to a negotiation cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// Shorter than the counts and two versions.
    #[error("negotiation reply of {actual} bytes, 16 are needed")]
    TooShort {
        /// Bytes there are.
        actual: usize,
    },
    /// Counts that mean neither agreement (1/1) nor none (0/0).
    #[error("negotiation reply with counts {framework}/{message}, expected 1/1 or 0/0")]
    Counts {
        /// Framework versions.
        framework: u16,
        /// Message versions.
        message: u16,
    },
}

/// Reads a guest's reply as a host does: `None` if the guest found no common version.
///
/// # Errors
/// See [`AgreementError`].
pub fn parse_reply(body: &[u8]) -> Result<Option<Agreed>, AgreementError> {
    let short = || AgreementError::TooShort { actual: body.len() };
    let (head, rest) = RawNegotiate::ref_from_prefix(body).map_err(|_| short())?;
    match (head.framework_count.get(), head.message_count.get()) {
        (0, 0) => Ok(None),
        (1, 1) => {
            let (slots, _) = <[RawVersion; 2]>::ref_from_prefix(rest).map_err(|_| short())?;
            Ok(Some(Agreed { framework: slots[0].into(), message: slots[1].into() }))
        }
        (framework, message) => Err(AgreementError::Counts { framework, message }),
    }
}

#[cfg(test)]
mod tests;
