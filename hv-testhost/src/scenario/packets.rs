//! What a scenario sends: requests of any content, and the changes that make packets no host would send.
//!
//! Bytes only; nothing is sent here.

use hv_utils_core::wire::Version;
use hv_utils_core::wire::kvp::raw::{self, HostRequest, HostText, HostValue};
use hv_utils_core::wire::kvp::{Operation, ValueType as Kind};

use super::fields::{Mutate, PacketFields, Request};
use crate::host::kvp::request::{Value, ip};
use crate::link::Packet;
use crate::verb::{GetIpAsk, ValueType};

/// The IC body of a request. Texts that are too long are cut, but their full size is claimed where there is a size.
///
/// # Errors
/// A value is no number of its type, an adapter's name is too long, or the binary form has no place for a list.
pub(super) fn body(request: &Request, version: Version) -> Result<Vec<u8>, String> {
    let pool = request.pool;
    let key = || HostText::from(request.key.as_str());
    let host_request = match Operation(request.op) {
        Operation::GET => HostRequest::Get { pool, key: key() },
        Operation::SET => HostRequest::Set { pool, key: key(), value: value(request)? },
        Operation::DELETE => HostRequest::Delete { pool, key: key() },
        Operation::ENUMERATE => HostRequest::Enumerate { pool, index: request.index },
        Operation::GET_IP_INFO => {
            let ask = GetIpAsk { adapter: request.adapter.clone(), family: request.family };
            return ip::get(&ask, version).map_err(|error| error.to_string());
        }
        Operation::SET_IP_INFO => {
            return lists(request).as_they_are(version).map_err(|error| error.to_string());
        }
        _ => HostRequest::Other { operation: request.op, pool },
    };
    raw::encode_request(&host_request, version).map_err(|problem| problem.to_string())
}

fn lists(request: &Request) -> ip::Lists {
    ip::Lists {
        adapter: request.adapter.clone(),
        family: request.family,
        dhcp: request.dhcp,
        addresses: request.addresses.clone(),
        subnets: request.subnets.clone(),
        gateways: request.gateways.clone(),
        dns: request.dns.clone(),
    }
}

fn value(request: &Request) -> Result<HostValue, String> {
    let value = Value::parse(request.kind, &request.value).map_err(|error| error.to_string())?;
    Ok(match (request.kind, value) {
        (ValueType::ExpandSz, _) => HostValue::expand(&request.value),
        (_, Value::Dword(number)) => HostValue::dword(number),
        (_, Value::Qword(number)) => HostValue::qword(number),
        (_, Value::U64(number)) => HostValue { kind: Kind::QWORD_LINUX, ..HostValue::qword(number) },
        _ => HostValue::text(&request.value),
    })
}

/// Changes a payload as ordered. What is ordered beyond its end makes it longer.
pub(super) fn mutate(payload: &mut Vec<u8>, changes: &Mutate) {
    for set in &changes.set {
        overwrite(payload, set.at, &set.hex.0);
    }
    let words = [(0, changes.pipe_type), (4, changes.pipe_size), (20, changes.status)];
    for (at, word) in words.into_iter().filter_map(|(at, word)| Some((at, word?))) {
        overwrite(payload, at, &word.to_le_bytes());
    }
    let halves = [(12, changes.message_type), (18, changes.message_size)];
    for (at, half) in halves.into_iter().filter_map(|(at, half)| Some((at, half?))) {
        overwrite(payload, at, &half.to_le_bytes());
    }
    let bytes = [(24, changes.transaction_id), (25, changes.flags)];
    for (at, byte) in bytes.into_iter().filter_map(|(at, byte)| Some((at, byte?))) {
        overwrite(payload, at, &[byte]);
    }
    if let Some(length) = changes.extend_to {
        payload.resize(payload.len().max(length), 0);
    }
    if let Some(length) = changes.truncate_to {
        payload.truncate(length);
    }
}

fn overwrite(payload: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    payload.resize(payload.len().max(at + bytes.len()), 0);
    payload[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Changes a packet's descriptor as ordered.
pub(super) fn describe(packet: &mut Packet, fields: &PacketFields) {
    let header = &mut packet.header;
    header.kind = fields.kind.unwrap_or(header.kind);
    header.flags = fields.flags.unwrap_or(header.flags);
    header.transaction_id = fields.transaction_id.unwrap_or(header.transaction_id);
}

#[cfg(test)]
mod tests;
