//! The five pools of items.
//!
//! Names and numbers only; which pool may be read or written by whom is the engine's.

use core::fmt;
use core::str::FromStr;

/// A pool of key-value items; the number is the one on the wire and in the file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    /// 0: what the host's administrator gives to the guest.
    External,
    /// 1: what programs in the guest give to the host.
    Guest,
    /// 2: facts about the guest, generated when asked for.
    Auto,
    /// 3: the host's description of itself and of the virtual machine.
    AutoExternal,
    /// 4: never exchanged by any known host.
    AutoInternal,
}

impl Pool {
    /// All five, by number.
    pub const ALL: [Self; 5] =
        [Self::External, Self::Guest, Self::Auto, Self::AutoExternal, Self::AutoInternal];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::External => 0,
            Self::Guest => 1,
            Self::Auto => 2,
            Self::AutoExternal => 3,
            Self::AutoInternal => 4,
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Guest => "guest",
            Self::Auto => "auto",
            Self::AutoExternal => "auto-external",
            Self::AutoInternal => "auto-internal",
        }
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name or number that is no pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such pool: expected external, guest, auto, auto-external, auto-internal or 0 to 4")]
pub struct ParsePoolError;

impl TryFrom<u8> for Pool {
    type Error = ParsePoolError;

    fn try_from(number: u8) -> Result<Self, ParsePoolError> {
        Self::ALL.get(usize::from(number)).copied().ok_or(ParsePoolError)
    }
}

impl FromStr for Pool {
    type Err = ParsePoolError;

    /// A name, or a number as one digit.
    fn from_str(text: &str) -> Result<Self, ParsePoolError> {
        if let [digit @ b'0'..=b'9'] = text.as_bytes() {
            return Self::try_from(digit - b'0');
        }
        Self::ALL.into_iter().find(|pool| pool.name() == text).ok_or(ParsePoolError)
    }
}

#[cfg(test)]
mod tests;
