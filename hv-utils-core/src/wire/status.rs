//! Status values of IC replies: HRESULTs, of which a handful are in use.
//!
//! An open newtype: a host, or a kernel, may send any number. Meaningful in replies only; a request carries 0.
//! Values from Linux `include/uapi/linux/hyperv.h` and OpenVMM `hyperv_ic_protocol`.

use core::fmt;

/// The status of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// Success.
    pub const OK: Self = Self(0);
    /// Generic failure.
    pub const FAIL: Self = Self(0x8000_4005);
    /// End of an enumeration; no such key.
    pub const NO_MORE_ITEMS: Self = Self(0x8007_0103);
    /// The request is understood but not supported.
    pub const NOT_SUPPORTED: Self = Self(0x8007_0032);
    /// A field of the request is wrong.
    pub const INVALID_ARG: Self = Self(0x8007_0057);
    /// No such object, for example no such network adapter.
    pub const NOT_FOUND: Self = Self(0x8004_1002);
    /// The file exists already.
    pub const ALREADY_EXISTS: Self = Self(0x8007_0050);
    /// The disk is full.
    pub const DISK_FULL: Self = Self(0x8007_0070);
    /// The machine is locked.
    pub const MACHINE_LOCKED: Self = Self(0x8007_04f7);
    /// The device is not connected.
    pub const DEVICE_NOT_CONNECTED: Self = Self(0x8007_048f);

    // What follows is Windows' own: HRESULTs of the Win32 errors that are named.

    /// A directory of the path is not there (`ERROR_PATH_NOT_FOUND`).
    pub const PATH_NOT_FOUND: Self = Self(0x8007_0003);
    /// That is not allowed (`ERROR_ACCESS_DENIED`).
    pub const ACCESS_DENIED: Self = Self(0x8007_0005);
    /// The filesystem is read-only (`ERROR_WRITE_PROTECT`).
    pub const WRITE_PROTECTED: Self = Self(0x8007_0013);
    /// Not ready for that now (`ERROR_NOT_READY`).
    pub const NOT_READY: Self = Self(0x8007_0015);
    /// The end of the file was not reached (`ERROR_HANDLE_EOF`).
    pub const INCOMPLETE: Self = Self(0x8007_0026);
    /// That is no name of a file (`ERROR_INVALID_NAME`).
    pub const INVALID_NAME: Self = Self(0x8007_007b);
    /// It is in use (`ERROR_BUSY`).
    pub const BUSY: Self = Self(0x8007_00aa);
    /// A name is too long (`ERROR_FILENAME_EXCED_RANGE`).
    pub const NAME_TOO_LONG: Self = Self(0x8007_00ce);
    /// The file is larger than allowed (`ERROR_FILE_TOO_LARGE`).
    pub const FILE_TOO_LARGE: Self = Self(0x8007_00df);
    /// A part of the path is no directory (`ERROR_DIRECTORY`).
    pub const DIRECTORY: Self = Self(0x8007_010b);
    /// It was ended before its end (`ERROR_OPERATION_ABORTED`).
    pub const ABORTED: Self = Self(0x8007_03e3);
    /// Another shutdown is under way (`ERROR_SHUTDOWN_IN_PROGRESS`).
    pub const SHUTDOWN_IN_PROGRESS: Self = Self(0x8007_045b);
    /// A device has failed (`ERROR_IO_DEVICE`).
    pub const IO_DEVICE: Self = Self(0x8007_045d);

    /// Whether this is success.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// What the value means, if it is one of ours.
    #[must_use]
    pub const fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::OK => "success",
            Self::FAIL => "failure",
            Self::NO_MORE_ITEMS => "no more items",
            Self::NOT_SUPPORTED => "not supported",
            Self::INVALID_ARG => "invalid argument",
            Self::NOT_FOUND => "not found",
            Self::ALREADY_EXISTS => "already exists",
            Self::DISK_FULL => "disk full",
            Self::MACHINE_LOCKED => "machine locked",
            Self::DEVICE_NOT_CONNECTED => "device not connected",
            Self::PATH_NOT_FOUND => "path not found",
            Self::ACCESS_DENIED => "access denied",
            Self::WRITE_PROTECTED => "write protected",
            Self::NOT_READY => "not ready",
            Self::INCOMPLETE => "incomplete",
            Self::INVALID_NAME => "invalid name",
            Self::BUSY => "busy",
            Self::NAME_TOO_LONG => "name too long",
            Self::FILE_TOO_LARGE => "file too large",
            Self::DIRECTORY => "not a directory",
            Self::ABORTED => "aborted",
            Self::SHUTDOWN_IN_PROGRESS => "shutdown in progress",
            Self::IO_DEVICE => "input/output error",
            _ => return None,
        })
    }
}

impl fmt::Display for Status {
    /// `0x80070103 (no more items)`, or the number alone if it is not one of ours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)?;
        match self.meaning() {
            Some(meaning) => write!(f, " ({meaning})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
