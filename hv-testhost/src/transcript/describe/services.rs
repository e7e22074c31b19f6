//! Heartbeat, shutdown, time synchronization, backup and file copy in words, each from a message's body.
//!
//! A reply may be a header alone: then only its name is written.

use std::fmt::Write as _;

use super::text;
use crate::host::check::{u32_at, u64_at};
use crate::host::timesync::purpose;
use crate::ticks::utc;

pub(super) fn heartbeat(out: &mut String, what: &str, body: &[u8]) {
    let _ = write!(out, "HEARTBEAT {what} sequence={}", u64_at(body, 0));
    if body.len() >= 12 {
        let _ = write!(out, " application={}", u32_at(body, 8));
    }
}

pub(super) fn shutdown(out: &mut String, what: &str, body: &[u8]) {
    let _ = write!(out, "SHUTDOWN {what}");
    if body.len() < 12 {
        return;
    }
    let flags = u32_at(body, 8);
    let action = match flags & !1 {
        0 => "power-off",
        2 => "restart",
        4 => "hibernate",
        _ => "unknown",
    };
    let force = if flags & 1 == 0 { "" } else { " force" };
    let _ = write!(out, " {action}{force} reason={:#010x} timeout={}", u32_at(body, 0), u32_at(body, 4));
    let message = text(body, 12, 2048, 2048);
    if !message.is_empty() {
        let _ = write!(out, " message=\"{message}\"");
    }
}

pub(super) fn timesync(out: &mut String, what: &str, major: u16, body: &[u8]) {
    let _ = write!(out, "TIMESYNC {what}");
    let newer = major >= 4;
    let Some(flags) = body.get(if newer { 16 } else { 24 }) else { return };
    let parent = u64_at(body, 0);
    let _ = write!(out, " {} parent={parent} ({})", purpose(*flags), utc(parent));
    if newer {
        let byte = |at: usize| body.get(at).copied().unwrap_or(0);
        let _ = write!(out, " reference={} leap={} stratum={}", u64_at(body, 8), byte(17), byte(18));
    } else {
        let _ = write!(out, " child={} round-trip={}", u64_at(body, 8), u64_at(body, 16));
    }
}

pub(super) fn vss(out: &mut String, what: &str, body: &[u8]) {
    let operation = body.first().copied().unwrap_or(0);
    let name = match operation {
        0 => "CREATE",
        1 => "DELETE",
        2 => "HOT_BACKUP",
        3 => "GET_DM_INFO",
        4 => "BU_COMPLETE",
        5 => "FREEZE",
        6 => "THAW",
        7 => "AUTO_RECOVER",
        8 => "QUERY_CLUSTER",
        _ => "UNKNOWN",
    };
    match (name, body.is_empty()) {
        (_, true) => {
            let _ = write!(out, "VSS {what}");
            return;
        }
        ("UNKNOWN", _) => {
            let _ = write!(out, "VSS {name}({operation}) {what}");
        }
        _ => {
            let _ = write!(out, "VSS {name} {what}");
        }
    }
    match operation {
        2 | 3 | 4 | 6 if body.len() >= 12 => {
            let _ = write!(out, " flags={:#010x}", u32_at(body, 8));
        }
        5 | 7 if body.len() >= 20 => {
            let (kind, flags, luns) = (u32_at(body, 8), u32_at(body, 12), u32_at(body, 16));
            let _ = write!(out, " backup-type={kind} flags={flags:#010x} luns={luns}");
        }
        _ => {}
    }
}

pub(super) fn fcopy(out: &mut String, what: &str, body: &[u8]) {
    let _ = write!(out, "FCOPY ");
    if body.len() < 4 {
        let _ = write!(out, "{what}");
        return;
    }
    match (u32_at(body, 0), body.len()) {
        (0, 1088..) => {
            let (name, path) = (text(body, 36, 520, 520), text(body, 556, 520, 520));
            let (flags, size) = (u32_at(body, 1076), u64_at(body, 1080));
            let _ =
                write!(out, "START {what} path=\"{path}\" name=\"{name}\" flags={flags:#010x} size={size}");
        }
        (1, 52..) => {
            let _ = write!(out, "WRITE {what} offset={} bytes={}", u64_at(body, 40), u32_at(body, 48));
        }
        (operation @ 0..=3, _) => {
            let name = ["START", "WRITE", "COMPLETE", "CANCEL"][operation as usize & 3];
            let _ = write!(out, "{name} {what}");
        }
        (operation, _) => {
            let _ = write!(out, "UNKNOWN({operation}) {what}");
        }
    }
}
