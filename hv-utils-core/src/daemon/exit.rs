//! Why a daemon ends: exit codes and the failures that carry them.
//!
//! The codes are the few of `sysexits.h` that a service manager can act upon; units list 64, 69 and 78 in
//! `RestartPreventExitStatus=`. What makes a daemon merely wait (no channel, no bus) is no failure.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// How a daemon ends when it does not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// The command line cannot be understood (`EX_USAGE`).
    Usage = 64,
    /// Nothing to serve here: this machine or its kernel has not what `--channel` demands (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// An error of ours, or of the machine, that no one asked for (`EX_SOFTWARE`).
    Internal = 70,
    /// Another instance holds the lock or the bus name (`EX_TEMPFAIL`).
    Busy = 75,
    /// The system does not permit it (`EX_NOPERM`).
    NotPermitted = 77,
    /// The configuration is wrong (`EX_CONFIG`).
    Config = 78,
}

impl Exit {
    /// The exit status as the shell sees it.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Why a daemon cannot start or go on: an exit code and a sentence that says what failed, on what, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A failure nobody asked for: exit code 70.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, message)
    }

    /// A system call on `path` that failed: 77 if it was not permitted, else 70.
    #[must_use]
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(exit_of(error), format!("cannot {what} {}: {error}", path.display()))
    }

    /// The exit code it leads to.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// 77 for what the system forbids (permissions, a read-only file system), 70 for the rest.
#[must_use]
pub fn exit_of(error: &io::Error) -> Exit {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Exit::NotPermitted,
        _ => Exit::Internal,
    }
}

#[cfg(test)]
mod tests;
