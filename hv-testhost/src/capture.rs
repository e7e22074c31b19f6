//! Captures: every packet whole, a line each, for programs that replay or compare what was said.
//!
//! ```text
//! # comment
//! -> kvp 6 0x0 0x0 0100000030000000…[2036]…      direction, service, packet type, flags, transaction id, payload
//! ```
//! `->` goes to the guest, `<-` to the host; the payload begins with the pipe header and is absent where it is empty.
//! `[2036]` are so many zeros: most of a message with a key and a value is nothing else. There are no times, so that
//! two runs can be compared. What a packet says is [`crate::transcript`]'s.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use hv_utils_core::wire::{Ic, PacketHeader};

use crate::hex::{self, printable};
use crate::link::Packet;
use crate::record::Lines;

/// Fewer zeros than this in a row are written out.
const RUN: usize = 16;
/// Most bytes of a payload that is read back; no packet is nearly as long.
const MAX_PAYLOAD: usize = 1 << 20;

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The host sent it.
    ToGuest,
    /// The guest sent it.
    ToHost,
}

impl Direction {
    /// `->` to the guest, `<-` to the host.
    pub fn arrow(self) -> &'static str {
        match self {
            Direction::ToGuest => "->",
            Direction::ToHost => "<-",
        }
    }
}

/// One packet of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which way it went.
    pub direction: Direction,
    /// On whose channel.
    pub ic: Ic,
    /// The packet.
    pub packet: Packet,
}

/// Where a capture goes; clones write to the same place.
#[derive(Debug, Clone)]
pub struct Capture(Lines);

impl Capture {
    /// A capture into a new file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn to_file(path: &Path) -> io::Result<Capture> {
        Ok(Capture(Lines::to_file("capture", path)?))
    }

    /// A capture into anything that takes bytes.
    pub fn to(out: Box<dyn Write + Send>) -> Capture {
        Capture(Lines::to(out))
    }

    /// Writes a packet.
    pub fn packet(&self, direction: Direction, ic: Ic, packet: &Packet) {
        self.0.line(&line(direction, ic, packet));
    }

    /// Writes a comment, in one line whatever is in it.
    pub fn comment(&self, text: &str) {
        self.0.line(&format!("# {}", printable(text)));
    }
}

/// A packet as a line, without its end.
pub fn line(direction: Direction, ic: Ic, packet: &Packet) -> String {
    let PacketHeader { kind, flags, transaction_id } = packet.header;
    let mut line = format!("{} {} {kind} {flags:#x} {transaction_id:#x}", direction.arrow(), ic.name());
    if !packet.payload.is_empty() {
        line.push(' ');
    }
    let mut rest = packet.payload.as_slice();
    while let Some(first) = rest.first() {
        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
        let taken = if zeros >= RUN {
            let _ = write!(line, "[{zeros}]");
            zeros
        } else {
            let _ = write!(line, "{first:02x}");
            1
        };
        rest = &rest[taken..];
    }
    line
}

/// A line that is none of a capture's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct CaptureError {
    /// Which, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a capture; comments and empty lines are skipped.
///
/// # Errors
/// The first line that is neither a packet nor a comment.
pub fn parse(text: &str) -> Result<Vec<Entry>, CaptureError> {
    let packets = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    packets.map(|(index, line)| entry(line).map_err(|what| CaptureError { line: index + 1, what })).collect()
}

fn entry(line: &str) -> Result<Entry, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (direction, ic, kind, flags, id, payload) = match words[..] {
        [direction, ic, kind, flags, id] => (direction, ic, kind, flags, id, ""),
        [direction, ic, kind, flags, id, payload] => (direction, ic, kind, flags, id, payload),
        _ => {
            return Err("a packet has five or six words: direction, service, type, flags, id, payload".into());
        }
    };
    let direction = match direction {
        "->" => Direction::ToGuest,
        "<-" => Direction::ToHost,
        other => return Err(format!("{other:?} is neither -> nor <-")),
    };
    let ic = Ic::from_name(ic).ok_or_else(|| format!("{ic:?} is no service"))?;
    let kind = kind.parse().map_err(|_| format!("{kind:?} is no packet type"))?;
    let flags = hexadecimal(flags)?;
    let flags = u16::try_from(flags).map_err(|_| format!("flags {flags:#x} have more than 16 bits"))?;
    let header = PacketHeader { kind, flags, transaction_id: hexadecimal(id)? };
    let payload = bytes(payload).map_err(|error| format!("payload: {error}"))?;
    Ok(Entry { direction, ic, packet: Packet { header, payload } })
}

/// Hex digits, and counts of zeros in brackets.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digits = |text: &str| hex::parse(text).map_err(|error| error.to_string());
    let mut parts = text.split('[');
    let mut bytes = digits(parts.next().unwrap_or_default())?;
    for part in parts {
        let (count, rest) = part.split_once(']').ok_or("a [ without a ]")?;
        let count: usize = count.parse().map_err(|_| format!("{count:?} is no count of zeros"))?;
        if count > MAX_PAYLOAD || bytes.len() > MAX_PAYLOAD {
            return Err(format!("more than {MAX_PAYLOAD} bytes"));
        }
        bytes.resize(bytes.len() + count, 0);
        bytes.extend(digits(rest)?);
    }
    Ok(bytes)
}

fn hexadecimal(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| format!("{text:?} is no hexadecimal number like 0x1a"))
}

#[cfg(test)]
mod tests;
