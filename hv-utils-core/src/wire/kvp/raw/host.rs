//! The host's side of the raw channel: requests as bytes, replies read as strictly as Microsoft's hosts read them.
//!
//! For a test host: it must be able to send what no sane host would, so keys and values carry their claimed sizes
//! and types apart from their bytes. Rules for replies from OpenVMM `hyperv_ic/src/kvp.rs`.

use super::super::ip_lists::Writer;
use super::super::layout::{
    BODY_BYTES, Delete, Enumerate, Exchange, GetSet, Header, IP_BODY_BYTES, IpBinary, IpText, Operation,
    ValueType,
};
use super::super::{IpInfo, IpQuery, Problem, Reply, ip, ip_lists};
use super::{
    BINARY_IP, IP_BINARY_OFFSET, IP_TEXT_OFFSET, TEXT, Version, tail, tail_mut, value, view, view_mut,
};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use zerocopy::IntoBytes;

/// Text as it will lie in a field, with the size that will be claimed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostText {
    /// Bytes for the field; what exceeds it is cut.
    pub bytes: Vec<u8>,
    /// Claimed size in bytes, NUL included.
    pub size: u32,
}

impl From<&str> for HostText {
    /// UTF-16 with its NUL.
    fn from(text: &str) -> Self {
        let units = text.encode_utf16().chain([0]);
        let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
        let size = bytes.len() as u32;
        Self { bytes, size }
    }
}

/// A value as it will lie in its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostValue {
    /// Claimed type.
    pub kind: ValueType,
    /// Bytes and claimed size.
    pub content: HostText,
}

impl HostValue {
    /// Text (`REG_SZ`).
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { kind: ValueType::STRING, content: text.into() }
    }

    /// Text with variables (`REG_EXPAND_SZ`).
    #[must_use]
    pub fn expand(text: &str) -> Self {
        Self { kind: ValueType::EXPAND_STRING, content: text.into() }
    }

    /// A 32-bit integer.
    #[must_use]
    pub fn dword(number: u32) -> Self {
        let bytes = number.to_le_bytes().to_vec();
        Self { kind: ValueType::DWORD, content: HostText { bytes, size: 4 } }
    }

    /// A 64-bit integer, in Microsoft's numbering of types.
    #[must_use]
    pub fn qword(number: u64) -> Self {
        let bytes = number.to_le_bytes().to_vec();
        Self { kind: ValueType::QWORD, content: HostText { bytes, size: 8 } }
    }
}

/// A request as a host sends it; pools are plain numbers, so that there can be wrong ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRequest {
    /// The value of a key.
    Get {
        /// Pool number.
        pool: u8,
        /// Key.
        key: HostText,
    },
    /// Write a value.
    Set {
        /// Pool number.
        pool: u8,
        /// Key.
        key: HostText,
        /// Value.
        value: HostValue,
    },
    /// Remove a key.
    Delete {
        /// Pool number.
        pool: u8,
        /// Key.
        key: HostText,
    },
    /// The item at a position.
    Enumerate {
        /// Pool number.
        pool: u8,
        /// Position from 0.
        index: u32,
    },
    /// The configuration of an adapter.
    GetIpInfo(Box<IpQuery>),
    /// Configure an adapter.
    SetIpInfo(Box<IpInfo>),
    /// Any operation at all, with nothing but zeros behind it.
    Other {
        /// Operation number.
        operation: u8,
        /// Pool number.
        pool: u8,
    },
}

impl HostRequest {
    /// The operation, for [`parse_reply`].
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::Get { .. } => Operation::GET,
            Self::Set { .. } => Operation::SET,
            Self::Delete { .. } => Operation::DELETE,
            Self::Enumerate { .. } => Operation::ENUMERATE,
            Self::GetIpInfo(_) => Operation::GET_IP_INFO,
            Self::SetIpInfo(_) => Operation::SET_IP_INFO,
            Self::Other { operation, .. } => Operation(*operation),
        }
    }

    /// The pool number; IP operations use 1, as Microsoft's hosts do.
    #[must_use]
    pub const fn pool(&self) -> u8 {
        match self {
            Self::Get { pool, .. }
            | Self::Set { pool, .. }
            | Self::Delete { pool, .. }
            | Self::Enumerate { pool, .. }
            | Self::Other { pool, .. } => *pool,
            Self::GetIpInfo(_) | Self::SetIpInfo(_) => 1,
        }
    }
}

/// The IC body of a request: 2580 bytes, or 7428 for the IP operations.
///
/// # Errors
/// An adapter id or a list is too long for its field.
pub fn encode_request(request: &HostRequest, version: Version) -> Result<Vec<u8>, Problem> {
    let ip = matches!(request.operation(), Operation::GET_IP_INFO | Operation::SET_IP_INFO);
    let mut body = vec![0; if ip { IP_BODY_BYTES } else { BODY_BYTES }];
    let header = Header { operation: request.operation().0, pool: request.pool(), reserved: [0; 2] };
    body[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    match request {
        HostRequest::Get { key, .. } => {
            let raw: &mut GetSet = view_mut(&mut body)?;
            put_key(key, &mut raw.item);
        }
        HostRequest::Set { key, value, .. } => {
            let raw: &mut GetSet = view_mut(&mut body)?;
            put_key(key, &mut raw.item);
            raw.item.value_type = value.kind.0.into();
            raw.item.value_size = value.content.size.into();
            put(&value.content, &mut raw.item.value);
        }
        HostRequest::Delete { key, .. } => {
            let raw: &mut Delete = view_mut(&mut body)?;
            raw.key_size = key.size.into();
            put(key, &mut raw.key);
        }
        HostRequest::Enumerate { index, .. } => {
            let raw: &mut Enumerate = view_mut(&mut body)?;
            raw.index = (*index).into();
        }
        HostRequest::GetIpInfo(query) => put_query(query, version, &mut body)?,
        HostRequest::SetIpInfo(info) => put_info(info, version, &mut body)?,
        HostRequest::Other { .. } => {}
    }
    Ok(body)
}

fn put_key(key: &HostText, item: &mut Exchange) {
    item.key_size = key.size.into();
    put(key, &mut item.key);
}

fn put(text: &HostText, field: &mut [u8]) {
    let count = text.bytes.len().min(field.len());
    field[..count].copy_from_slice(&text.bytes[..count]);
}

fn put_query(query: &IpQuery, version: Version, body: &mut [u8]) -> Result<(), Problem> {
    if version >= BINARY_IP {
        let raw: &mut IpBinary = view_mut(tail_mut(body, IP_BINARY_OFFSET))?;
        raw.family = query.family.number();
        TEXT.write("adapter id", &query.adapter_id, &mut raw.adapter_id)?;
    } else {
        let raw: &mut IpText = view_mut(tail_mut(body, IP_TEXT_OFFSET))?;
        raw.family = query.family.number();
        TEXT.write("adapter id", &query.adapter_id, &mut raw.adapter_id)?;
    }
    Ok(())
}

fn put_info(info: &IpInfo, version: Version, body: &mut [u8]) -> Result<(), Problem> {
    if version >= BINARY_IP {
        let raw: &mut IpBinary = view_mut(tail_mut(body, IP_BINARY_OFFSET))?;
        ip::to_binary(info, raw);
        TEXT.write("adapter id", &info.adapter_id, &mut raw.adapter_id)?;
    } else {
        let raw: &mut IpText = view_mut(tail_mut(body, IP_TEXT_OFFSET))?;
        ip_lists::write(info, Writer::Host, TEXT, raw)?;
        TEXT.write("adapter id", &info.adapter_id, &mut raw.adapter_id)?;
    }
    Ok(())
}

/// Reads the body of a reply whose status is success.
///
/// # Errors
/// Anything at which Microsoft's host would give the service up.
pub fn parse_reply(operation: Operation, version: Version, body: &[u8]) -> Result<Reply, Problem> {
    match operation {
        Operation::SET | Operation::DELETE | Operation::SET_IP_INFO => Ok(Reply::Done),
        Operation::GET => {
            let raw: &GetSet = view(body)?;
            Ok(Reply::Value(reply_value(&raw.item)?))
        }
        Operation::ENUMERATE => {
            let raw: &Enumerate = view(body)?;
            let key = reply_text("key", &raw.item.key, raw.item.key_size.get())?;
            Ok(Reply::Item { key, value: reply_value(&raw.item)? })
        }
        Operation::GET_IP_INFO if version >= BINARY_IP => {
            let raw: &IpBinary = view(tail(body, IP_BINARY_OFFSET))?;
            let mut info = ip::from_binary(raw)?;
            info.adapter_id = TEXT.field("adapter id", &raw.adapter_id)?;
            Ok(Reply::IpInfo(Box::new(info)))
        }
        Operation::GET_IP_INFO => {
            let raw: &IpText = view(tail(body, IP_TEXT_OFFSET))?;
            Ok(Reply::IpInfo(Box::new(ip_lists::read(raw, TEXT)?)))
        }
        unknown => Err(Problem::Operation(unknown)),
    }
}

fn reply_value(item: &Exchange) -> Result<String, Problem> {
    match ValueType(item.value_type.get()) {
        ValueType::STRING | ValueType::EXPAND_STRING => {
            reply_text("value", &item.value, item.value_size.get())
        }
        // Microsoft's host does not know Linux's number for it.
        unknown @ ValueType::QWORD_LINUX => Err(Problem::ValueType(unknown)),
        _ => value(item),
    }
}

/// Text whose last counted unit is NUL, with no other before it.
fn reply_text(field: &'static str, bytes: &[u8], size: u32) -> Result<String, Problem> {
    let text = TEXT.counted(field, bytes, size)?;
    if TEXT.size(field, &text, bytes.len())? != size {
        return Err(Problem::Unterminated { field });
    }
    Ok(text)
}
