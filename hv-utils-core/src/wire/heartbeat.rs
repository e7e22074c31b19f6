//! Heartbeat: a number that the guest answers with the next one, and a word about its applications.
//!
//! A host may send the number alone; then there is no room for the word, and none is said. Versions 1.0 and 3.0 have the
//! same message, so room is all that decides. From Linux `drivers/hv/hv_util.c`, `include/linux/hyperv.h` and OpenVMM
//! `hyperv_ic_protocol/src/heartbeat.rs`.

use super::Status;
use core::fmt;
use core::str::FromStr;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of the body that hosts send: number (8), state (4), reserved (4).
pub const BODY_BYTES: usize = 16;

/// The part that every heartbeat has.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Number {
    sequence: U64,
}

/// With the word.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Whole {
    number: Number,
    state: U32,
}

const _: () = assert!(size_of::<Number>() == 8 && size_of::<Whole>() == 12);

/// How the guest's applications are. In the order in which one outweighs another: the worst is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ApplicationState {
    /// All are well: "OK (Applications Healthy)".
    Healthy,
    /// Nobody says: "OK (Applications Unknown)".
    #[default]
    Unknown,
    /// They do not run, and are not meant to.
    Stopped,
    /// At least one is not well: "OK (Applications Critical)".
    Critical,
}

impl ApplicationState {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Healthy, Self::Critical, Self::Stopped];

    /// Its number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Healthy => 1,
            Self::Critical => 2,
            Self::Stopped => 3,
        }
    }

    /// The state of that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    /// As on D-Bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Critical => "critical",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for ApplicationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ApplicationState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or(())
    }
}

/// Why a message is no heartbeat. Answered by [`Status::FAIL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It ends within its number.
    #[error("a heartbeat needs 8 bytes, the message has {actual}")]
    TooShort {
        /// Bytes there are.
        actual: usize,
    },
}

impl Problem {
    /// What the host is answered.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::FAIL
    }
}

/// Reads the number of a heartbeat.
///
/// # Errors
/// See [`Problem`].
pub fn parse(body: &[u8]) -> Result<u64, Problem> {
    let short = Problem::TooShort { actual: body.len() };
    Number::ref_from_prefix(body).map(|(number, _)| number.sequence.get()).map_err(|_| short)
}

/// Makes a heartbeat its answer: the next number; and the word, if there is one to say and room for it. What the host has
/// put there stays otherwise, as with the in-kernel driver. Returns the number that was written.
pub fn fill(body: &mut [u8], state: Option<ApplicationState>) -> Option<u64> {
    let (number, _) = Number::mut_from_prefix(body).ok()?;
    let next = number.sequence.get().wrapping_add(1);
    number.sequence = next.into();
    if let (Some(state), Ok((whole, _))) = (state, Whole::mut_from_prefix(body)) {
        whole.state = state.number().into();
    }
    Some(next)
}

#[cfg(test)]
mod tests;
