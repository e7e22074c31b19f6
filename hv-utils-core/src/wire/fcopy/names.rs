//! The two names of a START: fixed fields, from UTF-16LE or, behind the older char device, UTF-8. Shape only; what a name
//! may be is the daemon's.

use super::Status;
use alloc::string::{String, ToString};

/// UTF-16 units of a name, with its NUL.
pub const NAME_UNITS: usize = 260;
/// Bytes of its field.
pub(super) const NAME_BYTES: usize = NAME_UNITS * 2;
/// Bytes after which the kernel cuts what it has made UTF-8 (`utf16s_to_utf8s` with one less than 260).
const KERNEL_CUTS: usize = NAME_UNITS - 1;

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Units that are no text.
    #[error("is no text: a half of a surrogate pair, or bytes that are not UTF-8")]
    NotText,
    /// No NUL in its field.
    #[error("has no end")]
    NoEnd,
    /// Something follows its NUL.
    #[error("has a NUL within")]
    Nul,
    /// The kernel may have cut it.
    #[error("is so long that the kernel may have cut it")]
    Cut,
}

impl NameProblem {
    /// What the host is answered.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::NotText | Self::Nul => Status::INVALID_NAME,
            Self::NoEnd | Self::Cut => Status::NAME_TOO_LONG,
        }
    }
}

/// A name of the raw channel.
pub(super) fn utf16(field: &[u8; NAME_BYTES]) -> Result<String, NameProblem> {
    let units = || field.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let end = units().position(|unit| unit == 0).ok_or(NameProblem::NoEnd)?;
    if units().skip(end).any(|unit| unit != 0) {
        return Err(NameProblem::Nul);
    }
    char::decode_utf16(units().take(end)).collect::<Result<_, _>>().map_err(|_| NameProblem::NotText)
}

/// A name of the char device. What follows its NUL is the kernel's zeroed memory.
pub(super) fn utf8(field: &[u8; NAME_BYTES]) -> Result<String, NameProblem> {
    let end = field.iter().position(|byte| *byte == 0).ok_or(NameProblem::NoEnd)?;
    // A character that no longer fits is left out as a whole, so that a cut may come some bytes before.
    if end > KERNEL_CUTS - 4 {
        return Err(NameProblem::Cut);
    }
    core::str::from_utf8(&field[..end]).map(ToString::to_string).map_err(|_| NameProblem::NotText)
}

/// Writes a name; `false`: it does not fit.
pub(super) fn write_utf16(field: &mut [u8; NAME_BYTES], name: &str) -> bool {
    let (pairs, _) = field.as_chunks_mut::<2>();
    let mut units = name.encode_utf16();
    let Some((last, pairs)) = pairs.split_last_mut() else { return false };
    for (pair, unit) in pairs.iter_mut().zip(&mut units) {
        *pair = unit.to_le_bytes();
    }
    *last = [0; 2];
    units.next().is_none()
}
