//! What the administrator asked for, what came of it, and how far it is: three small enums and their texts.
//!
//! No logic of choosing (that is [`super::link`]). The texts are interface: `--channel` takes the first, the
//! properties `Transport` and `ChannelState` on D-Bus show the others.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The value of `--channel`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ChannelChoice {
    /// `uio` if the IC's device is bound to `uio_hv_generic`, else `hv_utils` where the kernel offers it.
    #[default]
    Auto,
    /// Raw VMBus through `/dev/uioN`.
    Uio,
    /// What the kernel's `hv_utils` driver leaves to user space.
    HvUtils,
    /// The simulated link: the path of a test host's socket for this IC.
    Sim(PathBuf),
}

/// A text that is no channel choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a channel: expected auto, uio, hv_utils or sim:PATH")]
pub struct ParseChoiceError;

impl FromStr for ChannelChoice {
    type Err = ParseChoiceError;

    fn from_str(text: &str) -> Result<Self, ParseChoiceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "uio" => Ok(Self::Uio),
            "hv_utils" => Ok(Self::HvUtils),
            _ => match text.strip_prefix("sim:") {
                Some(path) if !path.is_empty() => Ok(Self::Sim(PathBuf::from(path))),
                _ => Err(ParseChoiceError),
            },
        }
    }
}

impl fmt::Display for ChannelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Uio => f.write_str("uio"),
            Self::HvUtils => f.write_str("hv_utils"),
            Self::Sim(path) => write!(f, "sim:{}", path.display()),
        }
    }
}

/// The way to the host that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Raw VMBus through `uio_hv_generic`.
    Uio,
    /// The kernel's `hv_utils` driver.
    HvUtils,
    /// A test host over shared memory.
    Sim,
}

impl Transport {
    /// The text on D-Bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uio => "uio",
            Self::HvUtils => "hv_utils",
            Self::Sim => "sim",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far the channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChannelState {
    /// No channel: the host does not offer it now, or nobody listens. It is waited for.
    #[default]
    Closed,
    /// Open; versions are not agreed yet.
    Negotiating,
    /// Requests can come.
    Ready,
    /// The kernel serves this IC by itself.
    Kernel,
    /// There is something, but it cannot be used: not permitted, a wrong peer, a corrupt ring, no common version.
    Failed,
}

impl ChannelState {
    /// The text on D-Bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Negotiating => "negotiating",
            Self::Ready => "ready",
            Self::Kernel => "kernel",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for ChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
