//! KVP messages on the raw channel: the IC body of each operation, in every version.
//!
//! Text is UTF-16LE. Message versions differ only in the IP operations: text before 5.0 (at body offset 2), binary
//! from 5.0 on (at body offset 4). The host's side, for a test host, is in the second half of this folder: [`host`].

use super::super::Version;
use super::ip_lists::Writer;
use super::layout::{Delete, Enumerate, Exchange, GetSet, IpBinary, IpText, Operation, ValueType};
use super::text::Encoding;
use super::{Family, IpQuery, Pool, Problem, Refusal, Reply, Request, ip, ip_lists};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use zerocopy::{FromBytes, Immutable, KnownLayout};

pub mod host;

pub use host::{HostRequest, HostText, HostValue, encode_request, parse_reply};

/// From this message version on, IP configuration is binary.
pub const BINARY_IP: Version = Version::new(5, 0);

/// Where the text form of IP configuration starts in the body.
const IP_TEXT_OFFSET: usize = 2;
/// Where the binary form starts.
const IP_BINARY_OFFSET: usize = 4;
/// How the raw channel writes text.
const TEXT: Encoding = Encoding::Utf16;

/// Reads a request.
///
/// # Errors
/// Unknown operations and pools are to be answered with failure, everything malformed with "invalid argument".
pub fn parse(body: &[u8], version: Version) -> Result<Request, Refusal> {
    let [operation, pool, ..] = *body else {
        return Err(Problem::TooShort { needed: 2, actual: body.len() }.into());
    };
    let pool = || Pool::try_from(pool).map_err(|_| Problem::Pool(pool));
    Ok(match Operation(operation) {
        Operation::GET => {
            let raw: &GetSet = view(body)?;
            Request::Get { pool: pool()?, key: key(&raw.item)? }
        }
        Operation::SET => {
            let raw: &GetSet = view(body)?;
            Request::Set { pool: pool()?, key: key(&raw.item)?, value: value(&raw.item)? }
        }
        Operation::DELETE => {
            let raw: &Delete = view(body)?;
            Request::Delete { pool: pool()?, key: TEXT.counted("key", &raw.key, raw.key_size.get())? }
        }
        Operation::ENUMERATE => {
            let raw: &Enumerate = view(body)?;
            Request::Enumerate { pool: pool()?, index: raw.index.get() }
        }
        Operation::GET_IP_INFO => Request::GetIpInfo(Box::new(parse_ip_query(body, version)?)),
        Operation::SET_IP_INFO => Request::SetIpInfo(Box::new(parse_ip_info(body, version)?)),
        unknown => return Err(Problem::Operation(unknown).into()),
    })
}

/// Whether [`fill`] would succeed, without writing anything: the status has to be known before the body is filled.
///
/// # Errors
/// The answer is not one to this request, a text is too long for its field, or the body is too short: the caller
/// sends the refusal's status instead.
pub fn check(request: &Request, reply: &Reply, version: Version, body: &[u8]) -> Result<(), Refusal> {
    match (request, reply) {
        (Request::Get { .. }, Reply::Value(text)) => {
            let raw: &GetSet = view(body)?;
            TEXT.size("value", text, raw.item.value.len())?;
        }
        (Request::Enumerate { .. }, Reply::Item { key, value }) => {
            let raw: &Enumerate = view(body)?;
            TEXT.size("key", key, raw.item.key.len())?;
            TEXT.size("value", value, raw.item.value.len())?;
        }
        (Request::GetIpInfo(_), Reply::IpInfo(_)) if version >= BINARY_IP => {
            view::<IpBinary>(tail(body, IP_BINARY_OFFSET))?;
        }
        (Request::GetIpInfo(_), Reply::IpInfo(_)) => {
            view::<IpText>(tail(body, IP_TEXT_OFFSET))?;
        }
        (Request::Set { .. } | Request::Delete { .. } | Request::SetIpInfo(_), Reply::Done) => {}
        _ => return Err(Problem::ReplyKind.into()),
    }
    Ok(())
}

/// Puts a successful answer into the request's body, which becomes the reply's.
///
/// # Errors
/// As [`check`]; the body is unchanged then.
pub fn fill(request: &Request, reply: &Reply, version: Version, body: &mut [u8]) -> Result<(), Refusal> {
    check(request, reply, version, body)?;
    match reply {
        Reply::Done => {}
        Reply::Value(text) => fill_value(text, &mut view_mut::<GetSet>(body)?.item)?,
        Reply::Item { key, value } => {
            let raw: &mut Enumerate = view_mut(body)?;
            raw.item.key_size = TEXT.write("key", key, &mut raw.item.key)?.into();
            fill_value(value, &mut raw.item)?;
        }
        Reply::IpInfo(info) if version >= BINARY_IP => {
            ip::to_binary(info, view_mut(tail_mut(body, IP_BINARY_OFFSET))?);
        }
        Reply::IpInfo(info) => {
            ip_lists::write(info, Writer::Guest, TEXT, view_mut(tail_mut(body, IP_TEXT_OFFSET))?)?;
        }
    }
    Ok(())
}

/// Whether [`fill`] leaves out a part of `info`, for want of room.
#[must_use]
pub fn is_cut(info: &ip::IpInfo, version: Version) -> bool {
    if version >= BINARY_IP { info.exceeds_binary() } else { ip_lists::is_cut(info) }
}

fn fill_value(text: &str, item: &mut Exchange) -> Result<(), Problem> {
    item.value_size = TEXT.write("value", text, &mut item.value)?.into();
    item.value_type = ValueType::STRING.0.into();
    Ok(())
}

fn key(item: &Exchange) -> Result<String, Problem> {
    TEXT.counted("key", &item.key, item.key_size.get())
}

fn value(item: &Exchange) -> Result<String, Problem> {
    let (kind, size) = (ValueType(item.value_type.get()), item.value_size.get());
    let integer = |expected: u32| match size == expected {
        true => Ok(u64::read_from_prefix(&item.value).map_or(0, |(number, _)| u64::from_le(number))),
        false => Err(Problem::IntegerSize { kind, size }),
    };
    match kind {
        ValueType::STRING | ValueType::EXPAND_STRING => TEXT.counted("value", &item.value, size),
        ValueType::DWORD => Ok((integer(4)? & u64::from(u32::MAX)).to_string()),
        ValueType::QWORD | ValueType::QWORD_LINUX => Ok(integer(8)?.to_string()),
        unknown => Err(Problem::ValueType(unknown)),
    }
}

fn parse_ip_query(body: &[u8], version: Version) -> Result<IpQuery, Problem> {
    if version < BINARY_IP {
        return ip_lists::query(view(tail(body, IP_TEXT_OFFSET))?, TEXT);
    }
    let raw: &IpBinary = view(tail(body, IP_BINARY_OFFSET))?;
    Ok(IpQuery { adapter_id: TEXT.field("adapter id", &raw.adapter_id)?, family: Family::asked(raw.family) })
}

fn parse_ip_info(body: &[u8], version: Version) -> Result<ip::IpInfo, Problem> {
    if version < BINARY_IP {
        return ip_lists::read(view(tail(body, IP_TEXT_OFFSET))?, TEXT);
    }
    let raw: &IpBinary = view(tail(body, IP_BINARY_OFFSET))?;
    let mut info = ip::from_binary(raw)?;
    info.adapter_id = TEXT.field("adapter id", &raw.adapter_id)?;
    Ok(info)
}

fn tail(body: &[u8], offset: usize) -> &[u8] {
    body.get(offset..).unwrap_or_default()
}

fn tail_mut(body: &mut [u8], offset: usize) -> &mut [u8] {
    body.get_mut(offset..).unwrap_or_default()
}

/// The layout at the start of some bytes.
pub(super) fn view<T: FromBytes + KnownLayout + Immutable + zerocopy::Unaligned>(
    bytes: &[u8],
) -> Result<&T, Problem> {
    let actual = bytes.len();
    let view = T::ref_from_prefix(bytes);
    view.map(|(view, _)| view).map_err(|_| Problem::TooShort { needed: size_of::<T>(), actual })
}

/// The layout at the start of some bytes, to be written.
pub(super) fn view_mut<T: FromBytes + zerocopy::IntoBytes + KnownLayout + zerocopy::Unaligned>(
    bytes: &mut [u8],
) -> Result<&mut T, Problem> {
    let actual = bytes.len();
    let view = T::mut_from_prefix(bytes);
    view.map(|(view, _)| view).map_err(|_| Problem::TooShort { needed: size_of::<T>(), actual })
}

#[cfg(test)]
mod tests;
