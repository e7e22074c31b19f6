//! One record of a pool file: 512 bytes of key and 2048 bytes of value, zero-filled, no length, no checksum.
//!
//! Conversion only; no file is touched here. The layout is shared with hv_kvp_daemon, cloud-init and azure-init
//! (protocol notes, "Pool files"), so it never changes. Other writers leave stale bytes behind the NUL and may fill
//! a field to its last byte: a text ends at the first NUL or at the end of its field, whatever follows.

use super::error::{Field, PoolError};

/// Width of the key field in bytes, including the NUL (`HV_KVP_EXCHANGE_MAX_KEY_SIZE`).
pub const KEY_FIELD: usize = 512;
/// Width of the value field in bytes, including the NUL (`HV_KVP_EXCHANGE_MAX_VALUE_SIZE`).
pub const VALUE_FIELD: usize = 2048;
/// Bytes of one record.
pub const RECORD_BYTES: usize = KEY_FIELD + VALUE_FIELD;
/// Longest key that we write, in bytes of UTF-8 without the NUL.
pub const MAX_KEY_BYTES: usize = KEY_FIELD - 1;
/// Longest value that we write, in bytes of UTF-8 without the NUL.
pub const MAX_VALUE_BYTES: usize = VALUE_FIELD - 1;

/// [`RECORD_BYTES`] as a file offset.
pub(crate) const RECORD: u64 = RECORD_BYTES as u64;
/// The unit a disk writes atomically; a key field is exactly one.
pub(crate) const SECTOR: usize = 512;

const _: () = assert!(RECORD_BYTES == 2560 && RECORD_BYTES.is_multiple_of(SECTOR) && KEY_FIELD == SECTOR);

/// What is unusual about a stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The key field starts with NUL: no item can be made of it.
    EmptyKey,
    /// A text is not UTF-8.
    NotUtf8,
    /// A field is full to its last byte, without a NUL.
    Unterminated,
}

/// The two texts of a record as the file has them, each up to its first NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Texts<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

/// Reads a record. `record` may be shorter than a record (a torn tail): what is missing is empty.
pub(crate) fn texts(record: &[u8]) -> Texts<'_> {
    let (key, value) = record.split_at(KEY_FIELD.min(record.len()));
    Texts { key: until_nul(key), value: until_nul(&value[..VALUE_FIELD.min(value.len())]) }
}

/// The first flaw of a record, if it has one.
pub(crate) fn flaw(record: &[u8]) -> Option<Flaw> {
    let Texts { key, value } = texts(record);
    if key.is_empty() {
        Some(Flaw::EmptyKey)
    } else if std::str::from_utf8(key).is_err() || std::str::from_utf8(value).is_err() {
        Some(Flaw::NotUtf8)
    } else if key.len() == KEY_FIELD || value.len() == VALUE_FIELD {
        Some(Flaw::Unterminated)
    } else {
        None
    }
}

/// Builds a record, zero-filled and with both NULs.
///
/// # Errors
/// [`PoolError::Invalid`] for an empty key or a NUL in a text, [`PoolError::TooLong`] beyond [`MAX_KEY_BYTES`] or
/// [`MAX_VALUE_BYTES`].
pub(crate) fn encode(key: &str, value: &str) -> Result<Vec<u8>, PoolError> {
    check_key(key)?;
    check(Field::Value, value, MAX_VALUE_BYTES)?;
    let mut record = vec![0; RECORD_BYTES];
    record[..key.len()].copy_from_slice(key.as_bytes());
    record[KEY_FIELD..KEY_FIELD + value.len()].copy_from_slice(value.as_bytes());
    Ok(record)
}

/// Refuses a key that no record could have.
pub(crate) fn check_key(key: &str) -> Result<(), PoolError> {
    if key.is_empty() {
        return Err(PoolError::Invalid { field: Field::Key, why: "it is empty" });
    }
    check(Field::Key, key, MAX_KEY_BYTES)
}

fn check(field: Field, text: &str, max: usize) -> Result<(), PoolError> {
    if text.len() > max {
        return Err(PoolError::TooLong { field, max, actual: text.len() });
    }
    if text.contains('\0') {
        return Err(PoolError::Invalid { field, why: "it contains a NUL" });
    }
    Ok(())
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
