//! KVP messages on `/dev/vmbus/hv_kvp`, where the kernel's hv_utils keeps the channel.
//!
//! Every message has 7432 bytes and UTF-8 text; sizes include the NUL, and integers arrive as decimal text. In a
//! reply the first four bytes are the status ([`set_status`]), laid over operation and pool. From Linux
//! `drivers/hv/hv_kvp.c` and `include/uapi/linux/hyperv.h`.

use super::super::Status;
use super::ip_lists::Writer;
use super::layout::{
    Delete, Enumerate, Exchange, GetSet, Header, KEY_BYTES, Operation, VALUE_BYTES, ValueType,
};
use super::raw::{view, view_mut};
use super::text::Encoding;
use super::{Pool, Problem, Refusal, Reply, Request, ip_lists};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Bytes of every message, in both directions (`sizeof(struct hv_kvp_msg)`).
pub const MESSAGE_BYTES: usize = 7432;

/// Where all bodies start.
const BODY_OFFSET: usize = size_of::<Header>();
/// Bytes of the version text in the kernel's answer to a registration.
const VERSION_BYTES: usize = 512;
/// How the char device writes text.
const TEXT: Encoding = Encoding::Utf8;

/// The message by which a daemon registers.
#[must_use]
pub fn register() -> Vec<u8> {
    let mut message = vec![0; MESSAGE_BYTES];
    message[0] = Operation::REGISTER1.0;
    message
}

/// Reads the kernel's answer to a registration: its version, for example "3.1".
///
/// # Errors
/// Another message, a short one, or no UTF-8.
pub fn parse_registration(message: &[u8]) -> Result<String, Problem> {
    let operation = Operation(check_length(message)?);
    if operation != Operation::REGISTER1 {
        return Err(Problem::Operation(operation));
    }
    let version = message.get(BODY_OFFSET..BODY_OFFSET + VERSION_BYTES).unwrap_or_default();
    TEXT.field("version", version)
}

/// Reads a request.
///
/// # Errors
/// As [`super::raw::parse`].
pub fn parse(message: &[u8]) -> Result<Request, Refusal> {
    let operation = Operation(check_length(message)?);
    let header: &Header = view(message)?;
    let pool = || Pool::try_from(header.pool).map_err(|_| Problem::Pool(header.pool));
    Ok(match operation {
        Operation::GET => {
            let raw: &GetSet = view(message)?;
            Request::Get { pool: pool()?, key: key(&raw.item)? }
        }
        Operation::SET => {
            let raw: &GetSet = view(message)?;
            Request::Set { pool: pool()?, key: key(&raw.item)?, value: value(&raw.item)? }
        }
        Operation::DELETE => {
            let raw: &Delete = view(message)?;
            Request::Delete { pool: pool()?, key: TEXT.counted("key", &raw.key, raw.key_size.get())? }
        }
        Operation::ENUMERATE => {
            let raw: &Enumerate = view(message)?;
            Request::Enumerate { pool: pool()?, index: raw.index.get() }
        }
        Operation::GET_IP_INFO => {
            Request::GetIpInfo(Box::new(ip_lists::query(view(&message[BODY_OFFSET..])?, TEXT)?))
        }
        Operation::SET_IP_INFO => {
            Request::SetIpInfo(Box::new(ip_lists::read(view(&message[BODY_OFFSET..])?, TEXT)?))
        }
        unknown => return Err(Problem::Operation(unknown).into()),
    })
}

/// Whether [`fill`] would succeed, without writing anything: the status has to be known before the message is filled.
///
/// # Errors
/// As [`super::raw::check`].
pub fn check(request: &Request, reply: &Reply, message: &[u8]) -> Result<(), Refusal> {
    check_length(message)?;
    match (request, reply) {
        (Request::Get { .. }, Reply::Value(value)) => {
            TEXT.size("value", value, VALUE_BYTES)?;
        }
        (Request::Enumerate { .. }, Reply::Item { key, value }) => {
            TEXT.size("key", key, KEY_BYTES)?;
            TEXT.size("value", value, VALUE_BYTES)?;
        }
        (Request::GetIpInfo(_), Reply::IpInfo(_)) => {}
        (Request::Set { .. } | Request::Delete { .. } | Request::SetIpInfo(_), Reply::Done) => {}
        _ => return Err(Problem::ReplyKind.into()),
    }
    Ok(())
}

/// Puts a successful answer into the request's message. The status is a separate step: [`set_status`].
///
/// # Errors
/// As [`check`]; the message is unchanged then.
pub fn fill(request: &Request, reply: &Reply, message: &mut [u8]) -> Result<(), Refusal> {
    check(request, reply, message)?;
    match reply {
        Reply::Done => {}
        // The kernel takes the value of a GET from where ENUMERATE has it, four bytes behind its own layout.
        Reply::Value(value) => {
            let raw: &mut Enumerate = view_mut(message)?;
            TEXT.write("value", value, &mut raw.item.value)?;
        }
        Reply::Item { key, value } => {
            let item = &mut view_mut::<Enumerate>(message)?.item;
            item.key_size = TEXT.write("key", key, &mut item.key)?.into();
            item.value_size = TEXT.write("value", value, &mut item.value)?.into();
            item.value_type = ValueType::STRING.0.into();
        }
        Reply::IpInfo(info) => {
            ip_lists::write(info, Writer::Guest, TEXT, view_mut(&mut message[BODY_OFFSET..])?)?;
        }
    }
    Ok(())
}

/// Whether [`fill`] leaves out a part of `info`, for want of room.
#[must_use]
pub fn is_cut(info: &super::IpInfo) -> bool {
    ip_lists::is_cut(info)
}

/// Makes a message a reply: its status overlays operation and pool.
pub fn set_status(message: &mut [u8], status: Status) {
    if let Some(place) = message.first_chunk_mut::<4>() {
        *place = status.0.to_le_bytes();
    }
}

fn key(item: &Exchange) -> Result<String, Problem> {
    TEXT.counted("key", &item.key, item.key_size.get())
}

/// The kernel passes a value of a type it does not know as size 0: an empty value.
fn value(item: &Exchange) -> Result<String, Problem> {
    match item.value_size.get() {
        0 => Ok(String::new()),
        size => TEXT.counted("value", &item.value, size),
    }
}

/// Every message is whole; returns the operation.
fn check_length(message: &[u8]) -> Result<u8, Problem> {
    match message.first() {
        Some(operation) if message.len() >= MESSAGE_BYTES => Ok(*operation),
        _ => Err(Problem::TooShort { needed: MESSAGE_BYTES, actual: message.len() }),
    }
}

#[cfg(test)]
mod tests;
