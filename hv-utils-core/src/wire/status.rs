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
