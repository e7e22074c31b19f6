//! GUIDs as VMBus carries them: the first three fields little-endian, the rest as written.
//!
//! Only the conversions; which GUID belongs to which service is in [`super::ic`].
//! sysfs prints them `{lower-case}` with braces, directory names have none, hence the lenient [`FromStr`].

use core::fmt;
use core::str::FromStr;

/// A GUID in the byte order of VMBus (and of Windows): fields 1–3 little-endian, fields 4–5 as written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; 16]);

impl Guid {
    /// From the number one reads in the text form: `0x57164f39_9115_4e78_ab55_382f3bd5422d`.
    #[must_use]
    pub const fn from_u128(value: u128) -> Self {
        Self(swap_fields(value.to_be_bytes()))
    }

    /// From sixteen bytes as they lie in a VMBus message.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes as they lie in a VMBus message.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Reverses the bytes of the first three fields (4, 2 and 2 bytes); its own inverse.
const fn swap_fields(b: [u8; 16]) -> [u8; 16] {
    [b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]
}

impl fmt::Display for Guid {
    /// Lower case, hyphens, no braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in swap_fields(self.0).iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID: expected 8-4-4-4-12 hexadecimal digits, with or without braces")]
pub struct ParseGuidError;

impl FromStr for Guid {
    type Err = ParseGuidError;

    /// Any case; braces optional, but both or none; the hyphens in their places.
    fn from_str(text: &str) -> Result<Self, ParseGuidError> {
        let inner = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}').ok_or(ParseGuidError)?,
            None => text,
        };
        if inner.len() != 36 {
            return Err(ParseGuidError);
        }
        let mut value: u128 = 0;
        for (position, byte) in inner.bytes().enumerate() {
            if matches!(position, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return Err(ParseGuidError);
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or(ParseGuidError)?;
            value = value << 4 | u128::from(digit);
        }
        Ok(Self::from_u128(value))
    }
}

#[cfg(test)]
mod tests;
