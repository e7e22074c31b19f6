//! A packet in words: headers, NEGOTIATE and KVP here, adapters in [`ip`], the other services in [`services`].
//!
//! Nothing is checked; what is not there reads as 0, and nothing that a guest sends can make this panic.

mod ip;
mod services;

use std::fmt::Write as _;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::kvp::Pool;

use crate::hex;
use crate::host::check::{u16_at, u32_at, u64_at};
use crate::link::Packet;

/// What a packet says, in one line.
pub fn describe(packet: &Packet) -> String {
    let payload = packet.payload.as_slice();
    let mut out = String::new();
    if packet.header.kind != 6 || packet.header.flags != 0 {
        let _ = write!(out, "[packet type {} flags {:#x}] ", packet.header.kind, packet.header.flags);
    }
    if payload.len() < 28 || u32_at(payload, 0) != 1 {
        let shown = &payload[..payload.len().min(28)];
        let _ = write!(out, "no IC message: {} ({} bytes)", hex::line(shown), payload.len());
        return out;
    }
    let flags = payload[25];
    let what = match flags & 6 {
        2 => "request",
        4 => "reply",
        _ => "message",
    };
    let body = &payload[28..];
    match u16_at(payload, 12) {
        0 => negotiate(&mut out, body, flags & 4 != 0),
        1 => services::heartbeat(&mut out, what, body),
        2 => kvp(&mut out, what, u16_at(payload, 14), body),
        3 => services::shutdown(&mut out, what, body),
        4 => services::timesync(&mut out, what, u16_at(payload, 14), body),
        5 => services::vss(&mut out, what, body),
        7 => services::fcopy(&mut out, what, body),
        kind => {
            let _ = write!(out, "type {kind} {what}");
        }
    }
    if flags & 4 != 0 {
        let _ = write!(out, " status={}", Status(u32_at(payload, 20)));
    }
    let _ = write!(
        out,
        " flags={flags:#04x} id={} vmbus-id={:#x} length={}",
        payload[24],
        packet.header.transaction_id,
        u32_at(payload, 4)
    );
    out
}

fn negotiate(out: &mut String, body: &[u8], reply: bool) {
    let (framework, message) = (u16_at(body, 0), u16_at(body, 2));
    let _ = write!(out, "NEGOTIATE {} {framework}/{message}:", if reply { "reply" } else { "request" });
    let total =
        usize::from(framework).saturating_add(usize::from(message)).min(body.len().saturating_sub(8) / 4);
    for slot in 0..total.min(16) {
        if slot == usize::from(framework) {
            out.push_str(" |");
        }
        let _ = write!(out, " {}.{}", u16_at(body, 8 + slot * 4), u16_at(body, 10 + slot * 4));
    }
}

fn kvp(out: &mut String, what: &str, major: u16, body: &[u8]) {
    let operation = body.first().copied().unwrap_or(0);
    let number = body.get(1).copied().unwrap_or(0);
    let pool = Pool::try_from(number).map_or_else(|_| number.to_string(), |pool| pool.name().to_owned());
    let name = match operation {
        0 => "GET",
        1 => "SET",
        2 => "DELETE",
        3 => "ENUMERATE",
        4 => "GET_IP_INFO",
        5 => "SET_IP_INFO",
        _ => "UNKNOWN",
    };
    let _ = write!(out, "KVP {name}");
    if name == "UNKNOWN" {
        let _ = write!(out, "({operation})");
    }
    let _ = write!(out, " {what} pool={pool}");
    match operation {
        0 | 1 => item(out, body, [4, 8, 12, 16, 528]),
        2 => {
            let _ = write!(out, " key=\"{}\"", text(body, 8, 512, u32_at(body, 4)));
        }
        3 => {
            let _ = write!(out, " index={}", u32_at(body, 4));
            if u32_at(body, 12) != 0 {
                item(out, body, [8, 12, 16, 20, 532]);
            }
        }
        4 | 5 => ip::adapter(out, major, body),
        _ => {}
    }
}

/// A key and its value; offsets of type, key size, value size, key and value.
fn item(out: &mut String, body: &[u8], [kind, key_size, value_size, key, value]: [usize; 5]) {
    let (key_size, value_size) = (u32_at(body, key_size), u32_at(body, value_size));
    let _ = write!(out, " key=\"{}\"", text(body, key, 512, key_size));
    match u32_at(body, kind) {
        0 => {}
        1 | 2 => {
            let _ = write!(out, " value=\"{}\"", text(body, value, 2048, value_size));
        }
        4 => {
            let _ = write!(out, " value={} (dword)", u32_at(body, value));
        }
        8 | 11 => {
            let _ = write!(out, " value={} (qword)", u64_at(body, value));
        }
        other => {
            let _ = write!(out, " value of type {other}, {value_size} bytes");
        }
    }
}

/// UTF-16 text up to its first NUL, made printable; at most `width` and `size` bytes of it.
pub(super) fn text(body: &[u8], at: usize, width: usize, size: u32) -> String {
    let length = width.min(usize::try_from(size).unwrap_or(width));
    let field = body.get(at..).unwrap_or(&[]);
    let field = &field[..length.min(field.len())];
    let units = field.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    hex::printable(&String::from_utf16_lossy(&units))
}
