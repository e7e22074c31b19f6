//! Version numbers of the IC framework and of each service's messages.
//!
//! Only the number and its wire form; who speaks which is in [`super::ic`], how one is chosen in
//! [`super::negotiate`].

use core::fmt;
use core::str::FromStr;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A protocol version, ordered by major, then minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// Major number.
    pub major: u16,
    /// Minor number.
    pub minor: u16,
}

impl Version {
    /// `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A text that is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version: expected MAJOR.MINOR, for example 4.0")]
pub struct ParseVersionError;

impl FromStr for Version {
    type Err = ParseVersionError;

    /// Exactly two decimal numbers with a dot between them; no sign, no spaces.
    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let (major, minor) = text.split_once('.').ok_or(ParseVersionError)?;
        Ok(Self::new(number(major)?, number(minor)?))
    }
}

fn number(digits: &str) -> Result<u16, ParseVersionError> {
    // `u16::from_str` alone would accept "+3".
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseVersionError);
    }
    digits.parse().map_err(|_| ParseVersionError)
}

/// A version as it lies in a message: two little-endian u16.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawVersion {
    /// Major number.
    pub major: U16,
    /// Minor number.
    pub minor: U16,
}

const _: () = assert!(size_of::<RawVersion>() == 4);

impl From<RawVersion> for Version {
    fn from(raw: RawVersion) -> Self {
        Self::new(raw.major.get(), raw.minor.get())
    }
}

impl From<Version> for RawVersion {
    fn from(version: Version) -> Self {
        Self { major: version.major.into(), minor: version.minor.into() }
    }
}

#[cfg(test)]
mod tests;
