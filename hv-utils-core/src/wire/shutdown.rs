//! Guest Shutdown: the one request there is, its flags, and the text that comes with it.
//!
//! What becomes of the guest is the daemon's. An answer adds nothing but its status, and goes out before the guest goes
//! down. From Linux `drivers/hv/hv_util.c`, `include/linux/hyperv.h`, FreeBSD `hv_shutdown.c` and OpenVMM
//! `hyperv_ic_protocol/src/shutdown.rs`. How the text is encoded is said nowhere: UTF-16LE, as the other texts of the
//! channels, is what is looked for first.

use super::{Status, Version};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem::offset_of;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of the text.
pub const TEXT_BYTES: usize = 2048;
/// Bytes of the body that hosts send: reason (4), timeout (4), flags (4), text.
pub const BODY_BYTES: usize = 12 + TEXT_BYTES;
/// Flag: without regard to what asks for time, or says no.
pub const FORCE: u32 = 1;
/// Flag: restart; messages 3.1.
pub const RESTART: u32 = 2;
/// Flag: hibernate; messages 3.2.
pub const HIBERNATE: u32 = 4;
/// Reason code: planned (Windows `SHTDN_REASON_FLAG_PLANNED`).
pub const PLANNED: u32 = 0x8000_0000;

/// What a request must have: everything but the text, as FreeBSD has it; hosts send all of it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Head {
    reason: U32,
    timeout: U32,
    flags: U32,
}

const _: () = assert!(size_of::<Head>() == 12 && offset_of!(Head, flags) == 36 - super::HEADER_BYTES);

/// What is to become of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Power off.
    PowerOff,
    /// Restart.
    Restart,
    /// Hibernate: memory to disk, then power off.
    Hibernate,
}

impl Action {
    /// As on D-Bus: `poweroff`, `reboot`, `hibernate`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PowerOff => "poweroff",
            Self::Restart => "reboot",
            Self::Hibernate => "hibernate",
        }
    }

    /// The first message version that has it (Linux' commit messages of 2020).
    #[must_use]
    pub const fn since(self) -> Version {
        match self {
            Self::PowerOff => Version::new(1, 0),
            Self::Restart => Version::new(3, 1),
            Self::Hibernate => Version::new(3, 2),
        }
    }

    const fn flag(self) -> u32 {
        match self {
            Self::PowerOff => 0,
            Self::Restart => RESTART,
            Self::Hibernate => HIBERNATE,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub action: Action,
    /// Whether nothing may stand in its way.
    pub force: bool,
    /// A Windows reason code (`SHTDN_REASON_*`).
    pub reason: u32,
    /// Seconds; hosts are known to send 0.
    pub timeout_secs: u32,
    /// Text for the guest's users, up to its NUL; what cannot be read is U+FFFD, control characters are blanks.
    pub text: String,
}

/// Why a message is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It ends before its flags.
    #[error("a shutdown request needs {needed} bytes, the message has {actual}")]
    TooShort {
        /// Bytes of the body.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// Flags that mean nothing: other bits, or restart and hibernate at once.
    #[error("flags 0x{0:x} mean no known request")]
    Flags(u32),
    /// The version agreed on does not have it.
    #[error("{action} needs messages {needed}, agreed on are {agreed}")]
    Version {
        /// What is asked for.
        action: Action,
        /// First version that has it.
        needed: Version,
        /// Version agreed on.
        agreed: Version,
    },
}

impl Problem {
    /// What the host is answered.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::TooShort { .. } | Self::Flags(_) => Status::FAIL,
            Self::Version { .. } => Status::NOT_SUPPORTED,
        }
    }
}

/// Reads the body of a request of the version agreed on. The text may be cut.
///
/// # Errors
/// See [`Problem`].
pub fn parse(body: &[u8], version: Version) -> Result<Request, Problem> {
    let short = Problem::TooShort { needed: size_of::<Head>(), actual: body.len() };
    let (head, rest) = Head::ref_from_prefix(body).map_err(|_| short)?;
    let flags = head.flags.get();
    let action = match flags & !FORCE {
        0 => Action::PowerOff,
        RESTART => Action::Restart,
        HIBERNATE => Action::Hibernate,
        _ => return Err(Problem::Flags(flags)),
    };
    if version < action.since() {
        return Err(Problem::Version { action, needed: action.since(), agreed: version });
    }
    Ok(Request {
        action,
        force: flags & FORCE != 0,
        reason: head.reason.get(),
        timeout_secs: head.timeout.get(),
        text: text(rest.get(..TEXT_BYTES).unwrap_or(rest)),
    })
}

/// The body of a host's request. A text that does not fit is cut.
#[must_use]
pub fn encode(request: &Request) -> Vec<u8> {
    let flags = request.action.flag() | if request.force { FORCE } else { 0 };
    let head =
        Head { reason: request.reason.into(), timeout: request.timeout_secs.into(), flags: flags.into() };
    let mut body = Vec::with_capacity(BODY_BYTES);
    body.extend_from_slice(head.as_bytes());
    for unit in request.text.encode_utf16().take(TEXT_BYTES / 2 - 1) {
        body.extend_from_slice(&unit.to_le_bytes());
    }
    body.resize(BODY_BYTES, 0);
    body
}

/// The text up to its NUL. UTF-16LE, unless its first two bytes can be no character of a text in it and are two in UTF-8.
fn text(bytes: &[u8]) -> String {
    let eight_bits = matches!(bytes, [1..=0x7f, 1..=0x7f, ..]) && {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes[..end].is_ascii()
    };
    let text = if eight_bits {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    } else {
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        char::decode_utf16(units.take_while(|unit| *unit != 0))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests;
