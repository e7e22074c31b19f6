//! The errors that the daemons' D-Bus methods return: `org.hvutils.Error.*`.
//!
//! Each carries a sentence for a person: what was refused and what to do. Names are part of the interface (hvctl
//! turns them into exit codes), so a new situation takes an old name where one fits.

use std::fmt;
use zbus::DBusError;

/// An error reply.
#[derive(Debug, Clone, PartialEq, Eq, DBusError)]
#[zbus(prefix = "org.hvutils.Error", impl_display = false)]
pub enum Error {
    /// There is no such key in the pool.
    NoSuchKey(String),
    /// There is no pool of that name.
    NoSuchPool(String),
    /// A key, value or text is longer than the host could take.
    TooLong(String),
    /// The pool is not written from this side.
    ReadOnlyPool(String),
    /// The caller may not do this.
    NotAuthorized(String),
    /// This cannot be done here: the kernel serves the channel, or the host is too old.
    NotSupported(String),
    /// Something else has to end first.
    Busy(String),
    /// Nothing is frozen.
    NotFrozen(String),
    /// Nothing that the host has configured is in force.
    NothingToRevert(String),
    /// A configured bound is reached.
    Full(String),
    /// An argument makes no sense.
    InvalidArgument(String),
    /// It was tried and failed.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DBusError::description(self).unwrap_or("failed"))
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
