//! What can go wrong, as a sentence, an exit code and a D-Bus error.
//!
//! Codes are the daemons' (`hv_utils_core::daemon::Exit`), and 1 for what was tried, or asked for, and refused.

use std::fmt;
use std::io;
use std::path::Path;

use hv_utils_core::bus;
use hv_utils_core::daemon::{Exit, Failure, exit_of};

/// Exit code for what was refused or failed.
pub const REFUSED: u8 = 1;

/// A failure with its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tried, and it did not work.
    Refused,
    /// The same, and a write to sysfs still goes on behind our back.
    Stuck,
    /// This machine has no such component, or its kernel cannot do it.
    Unavailable,
    /// A name that is none.
    Invalid,
    /// A daemon's kind of failure.
    Exit(Exit),
}

impl Error {
    /// A failure of that kind; `message` is a sentence without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Something was tried and did not work.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// This machine cannot do it.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// A system call on `path`: not permitted, or failed.
    #[must_use]
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        let kind = match exit_of(error) {
            Exit::NotPermitted => Kind::Exit(Exit::NotPermitted),
            _ => Kind::Refused,
        };
        Self::new(kind, format!("cannot {what} {}: {error}", path.display()))
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self.kind {
            Kind::Refused | Kind::Stuck => REFUSED,
            Kind::Unavailable => Exit::Unavailable.code(),
            Kind::Invalid => Exit::Usage.code(),
            Kind::Exit(exit) => exit.code(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(Kind::Exit(failure.exit()), failure.to_string())
    }
}

impl From<Error> for bus::Error {
    fn from(error: Error) -> Self {
        match error.kind {
            Kind::Unavailable => Self::NotSupported(error.message),
            Kind::Invalid => Self::InvalidArgument(error.message),
            Kind::Exit(Exit::Busy) => Self::Busy(error.message),
            _ => Self::Failed(error.message),
        }
    }
}
