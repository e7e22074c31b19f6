//! Text in fixed fields: UTF-16LE on the raw channel, UTF-8 on the char device.
//!
//! Counted text must end in a NUL inside its counted bytes; field text ends at a NUL or at the end of the field.
//! Whatever follows the first NUL is never looked at: it may be left from an older text.

use super::Problem;
use alloc::string::String;
use core::char::decode_utf16;

/// How a peer writes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-16, little-endian.
    Utf16,
    /// UTF-8.
    Utf8,
}

impl Encoding {
    /// Reads text whose `size` in bytes, NUL included, was sent along.
    pub(super) fn counted(self, field: &'static str, bytes: &[u8], size: u32) -> Result<String, Problem> {
        let max = bytes.len() as u32;
        let counted = bytes.get(..size as usize).ok_or(Problem::TooLong { field, size, max })?;
        if self == Self::Utf16 && !size.is_multiple_of(2) {
            return Err(Problem::OddSize { field, size });
        }
        let end = self.find_nul(counted).ok_or(Problem::Unterminated { field })?;
        self.decode(field, &counted[..end])
    }

    /// Reads text that ends at a NUL or at the end of its field.
    pub(super) fn field(self, field: &'static str, bytes: &[u8]) -> Result<String, Problem> {
        let end = self.find_nul(bytes).unwrap_or(bytes.len());
        self.decode(field, &bytes[..end])
    }

    /// Writes text up to its first NUL, zero-fills the rest of the field, and returns the size in bytes, NUL
    /// included.
    pub(super) fn write(self, field: &'static str, text: &str, bytes: &mut [u8]) -> Result<u32, Problem> {
        let size = self.size(field, text, bytes.len())?;
        bytes.fill(0);
        match self {
            Self::Utf16 => {
                for (unit, place) in until_nul(text).encode_utf16().zip(bytes.chunks_exact_mut(2)) {
                    place.copy_from_slice(&unit.to_le_bytes());
                }
            }
            Self::Utf8 => {
                let text = until_nul(text).as_bytes();
                bytes[..text.len()].copy_from_slice(text);
            }
        }
        Ok(size)
    }

    /// Size in bytes of `text` with its NUL, if that fits into `max` bytes.
    pub(super) fn size(self, field: &'static str, text: &str, max: usize) -> Result<u32, Problem> {
        let text = until_nul(text);
        let size = match self {
            Self::Utf16 => (text.encode_utf16().count() + 1) * 2,
            Self::Utf8 => text.len() + 1,
        };
        if size > max {
            return Err(Problem::TooLong { field, size: size as u32, max: max as u32 });
        }
        Ok(size as u32)
    }

    /// Byte offset of the first NUL.
    fn find_nul(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Utf16 => bytes.chunks_exact(2).position(|unit| unit == [0, 0]).map(|unit| unit * 2),
            Self::Utf8 => bytes.iter().position(|byte| *byte == 0),
        }
    }

    fn decode(self, field: &'static str, bytes: &[u8]) -> Result<String, Problem> {
        match self {
            Self::Utf16 => {
                decode_utf16(bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])))
                    .collect::<Result<String, _>>()
                    .map_err(|_| Problem::UnpairedSurrogate { field })
            }
            Self::Utf8 => {
                core::str::from_utf8(bytes).map(String::from).map_err(|_| Problem::NotUtf8 { field })
            }
        }
    }
}

fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
