//! KVP requests as this host sends them: sane ones, made of text and numbers.
//!
//! The bytes are the wire's ([`raw::encode_request`]); here a value gets its type, and what does not fit a message
//! is refused before it could be cut. Requests that no sane host sends are made by the scenario runner from
//! these, by overwriting their bytes. The requests about network adapters are in [`ip`].

pub mod ip;

use std::net::IpAddr;

use hv_utils_core::wire::Version;
use hv_utils_core::wire::kvp::raw::{self, HostRequest, HostText, HostValue};
use hv_utils_core::wire::kvp::{MAX_KEY_UNITS, MAX_VALUE_UNITS, Operation, Pool, Problem, ValueType as Kind};

use crate::verb::ValueType;

/// A value with its registry type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// REG_SZ.
    Sz(String),
    /// REG_EXPAND_SZ.
    ExpandSz(String),
    /// REG_DWORD.
    Dword(u32),
    /// REG_QWORD by Hyper-V's number, 11.
    Qword(u64),
    /// 64 bits by the number of Linux' header, 8.
    U64(u64),
}

/// Why a request cannot be expressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The key has too many UTF-16 units.
    #[error("the key has {0} UTF-16 units, a message holds {MAX_KEY_UNITS}")]
    LongKey(usize),
    /// The value has too many UTF-16 units.
    #[error("the value has {0} UTF-16 units, a message holds {MAX_VALUE_UNITS}")]
    LongValue(usize),
    /// Not a number of the type's range.
    #[error("{0:?} is not a number of this type: write it in decimal, or in hexadecimal with 0x before it")]
    NotANumber(String),
    /// No number of families that WMI has.
    #[error("{0} says no families: 4096 is IPv4, 4097 IPv6, 4098 both")]
    Family(u8),
    /// An entry of a list is no address.
    #[error("{entry:?} in {list} is not an IP address")]
    Address {
        /// The list's name in WMI.
        list: &'static str,
        /// The entry.
        entry: String,
    },
    /// No subnet of its address.
    #[error("{subnet:?} is no subnet for {ip}: IPv4 has a dotted mask, IPv6 the length of the prefix")]
    Subnet {
        /// The address.
        ip: IpAddr,
        /// What should be its subnet.
        subnet: String,
    },
    /// Not as many subnets as addresses.
    #[error("{addresses} addresses with {subnets} subnets: each address has one")]
    SubnetCount {
        /// Addresses given.
        addresses: usize,
        /// Subnets given.
        subnets: usize,
    },
    /// More entries than a message may have.
    #[error("{count} entries of one family in {list}, at most {max} are possible")]
    TooMany {
        /// The list's name in WMI.
        list: &'static str,
        /// Entries of the family that has more.
        count: usize,
        /// Most entries possible.
        max: usize,
    },
    /// A list that is longer than its field.
    #[error("{list} has {units} UTF-16 units, a message of these versions holds {max}")]
    LongList {
        /// The list's name in WMI.
        list: &'static str,
        /// Units of the list.
        units: usize,
        /// Most units possible.
        max: usize,
    },
    /// The wire has no form for it.
    #[error("{0}")]
    Wire(String),
}

impl Value {
    /// A value of type `kind` from text; numbers in decimal, or in hexadecimal after `0x`.
    ///
    /// # Errors
    /// The text is no number of that size.
    pub fn parse(kind: ValueType, text: &str) -> Result<Value, AskError> {
        let wrong = || AskError::NotANumber(text.to_owned());
        let number = || match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).map_err(|_| wrong()),
            None => text.parse::<u64>().map_err(|_| wrong()),
        };
        Ok(match kind {
            ValueType::Sz => Value::Sz(text.to_owned()),
            ValueType::ExpandSz => Value::ExpandSz(text.to_owned()),
            ValueType::Dword => Value::Dword(u32::try_from(number()?).map_err(|_| wrong())?),
            ValueType::Qword => Value::Qword(number()?),
            ValueType::U64 => Value::U64(number()?),
        })
    }

    /// The value as a guest gives it back: numbers as decimal text.
    pub fn text(&self) -> String {
        match self {
            Value::Sz(text) | Value::ExpandSz(text) => text.clone(),
            Value::Dword(number) => number.to_string(),
            Value::Qword(number) | Value::U64(number) => number.to_string(),
        }
    }

    fn on_the_wire(&self) -> HostValue {
        match self {
            Value::Sz(text) => HostValue::text(text),
            Value::ExpandSz(text) => HostValue::expand(text),
            Value::Dword(number) => HostValue::dword(*number),
            Value::Qword(number) => HostValue::qword(*number),
            Value::U64(number) => HostValue { kind: Kind::QWORD_LINUX, ..HostValue::qword(*number) },
        }
    }
}

/// Whether a key and a value fit a message.
///
/// # Errors
/// Which of the two is too long, and by how much.
pub fn check_lengths(key: &str, value: &Value) -> Result<(), AskError> {
    checked_key(key)?;
    let units = value.text().encode_utf16().count();
    if units > MAX_VALUE_UNITS { Err(AskError::LongValue(units)) } else { Ok(()) }
}

fn checked_key(key: &str) -> Result<HostText, AskError> {
    let units = key.encode_utf16().count();
    if units > MAX_KEY_UNITS { Err(AskError::LongKey(units)) } else { Ok(key.into()) }
}

/// GET.
///
/// # Errors
/// The key is too long.
pub fn get(pool: Pool, key: &str) -> Result<HostRequest, AskError> {
    Ok(HostRequest::Get { pool: pool.number(), key: checked_key(key)? })
}

/// SET.
///
/// # Errors
/// The key or the value is too long.
pub fn set(pool: Pool, key: &str, value: &Value) -> Result<HostRequest, AskError> {
    check_lengths(key, value)?;
    Ok(HostRequest::Set { pool: pool.number(), key: key.into(), value: value.on_the_wire() })
}

/// DELETE.
///
/// # Errors
/// The key is too long.
pub fn delete(pool: Pool, key: &str) -> Result<HostRequest, AskError> {
    Ok(HostRequest::Delete { pool: pool.number(), key: checked_key(key)? })
}

/// ENUMERATE.
pub fn enumerate(pool: Pool, index: u32) -> HostRequest {
    HostRequest::Enumerate { pool: pool.number(), index }
}

/// What a request is called in reports.
pub fn name(request: &HostRequest) -> &'static str {
    match request.operation() {
        Operation::GET => "get",
        Operation::SET => "set",
        Operation::DELETE => "delete",
        Operation::ENUMERATE => "enumerate",
        Operation::GET_IP_INFO => "get-ip-info",
        Operation::SET_IP_INFO => "set-ip-info",
        _ => "unknown operation",
    }
}

/// The IC body of a request in the agreed message version.
///
/// # Errors
/// A text is too long for its field.
pub fn body(request: &HostRequest, version: Version) -> Result<Vec<u8>, AskError> {
    raw::encode_request(request, version).map_err(|problem: Problem| AskError::Wire(problem.to_string()))
}

#[cfg(test)]
mod tests;
