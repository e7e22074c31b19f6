//! What can go wrong: a sentence for a person, and what it means to the one who asked.

use std::fmt;
use std::io;
use std::path::Path;

use hv_utils_core::daemon::Failure;
use hv_utils_core::netapply::{Failed, Kind};

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

impl Error {
    /// A failure of that kind; `message` is a sentence without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// It was tried and did not come to be.
    pub fn not_applied(message: impl Into<String>) -> Self {
        Self::new(Kind::NotApplied, message)
    }

    /// It could not be undone whole.
    pub fn not_undone(message: impl Into<String>) -> Self {
        Self::new(Kind::NotUndone, message)
    }

    /// Who has the link cannot do this.
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self::new(Kind::NotSupported, message)
    }

    /// A system call on `path` that failed.
    #[must_use]
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::not_applied(format!("cannot {what} {}: {error}", path.display()))
    }

    /// A call on the bus that failed.
    #[must_use]
    pub fn bus(what: &str, error: &zbus::Error) -> Self {
        Self::not_applied(format!("cannot {what}: {error}"))
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
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
        Self::not_applied(failure.to_string())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { kind: error.kind, message: error.message }
    }
}
