//! A written record of every packet, a line each: time, direction, service, what it says.
//!
//! [`Recorded`] wraps any link and changes nothing on it. A packet is decoded as far as it makes sense by its own
//! bytes, without memory of what went before; what makes no sense is shown as hex.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Ic, Status};

use crate::hex;
use crate::host::check::{u16_at, u32_at, u64_at};
use crate::link::{LinkError, Packet, PacketLink, Rings};

/// Where the lines go; clones write to the same place.
#[derive(Clone)]
pub struct Transcript {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    start: Instant,
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcript").finish_non_exhaustive()
    }
}

impl Transcript {
    /// A transcript into a new file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn to_file(path: &Path) -> io::Result<Transcript> {
        let file = std::fs::File::create(path)?;
        Ok(Transcript::to(Box::new(file)))
    }

    /// A transcript into anything that takes bytes.
    pub fn to(out: Box<dyn Write + Send>) -> Transcript {
        Transcript { out: Arc::new(Mutex::new(out)), start: Instant::now() }
    }

    /// Writes one line with the time (seconds since the start) before it.
    pub fn line(&self, text: &str) {
        let line = format!("{:12.6} {text}\n", self.start.elapsed().as_secs_f64());
        // A transcript that cannot be written must not end what it describes.
        if let Ok(mut out) = self.out.lock() {
            let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// A link whose packets are written down.
#[derive(Debug)]
pub struct Recorded<L> {
    link: L,
    ic: Ic,
    transcript: Option<Transcript>,
}

impl<L> Recorded<L> {
    /// Wraps a link that was just opened; without a transcript it only passes on.
    pub fn new(link: L, ic: Ic, transcript: Option<Transcript>) -> Recorded<L> {
        let recorded = Recorded { link, ic, transcript };
        recorded.note("channel opened");
        recorded
    }

    fn note(&self, what: &str) {
        if let Some(transcript) = &self.transcript {
            transcript.line(&format!("-- {:<9} {what}", self.ic.name()));
        }
    }

    fn packet(&self, direction: &str, packet: &Packet) {
        if let Some(transcript) = &self.transcript {
            transcript.line(&format!("{direction} {:<9} {}", self.ic.name(), describe(packet)));
        }
    }
}

impl<L> Drop for Recorded<L> {
    fn drop(&mut self) {
        self.note("channel closed by the host's end");
    }
}

impl<L: PacketLink> PacketLink for Recorded<L> {
    async fn recv(&mut self) -> Result<Packet, LinkError> {
        let got = self.link.recv().await;
        match &got {
            Ok(packet) => self.packet("<-", packet),
            Err(error) => self.note(&error.to_string()),
        }
        got
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), LinkError> {
        self.link.send(packet).await?;
        self.packet("->", packet);
        Ok(())
    }

    fn try_send(&mut self, packet: &Packet) -> Result<bool, LinkError> {
        let sent = self.link.try_send(packet)?;
        if sent {
            self.packet("->", packet);
        }
        Ok(sent)
    }

    fn rings(&mut self) -> Option<&mut dyn Rings> {
        self.link.rings()
    }
}

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
        1 => {
            let _ = write!(out, "HEARTBEAT {what} sequence={}", u64_at(body, 0));
        }
        2 => kvp(&mut out, what, body),
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

fn kvp(out: &mut String, what: &str, body: &[u8]) {
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
        4 | 5 => {
            let at = if body.get(2..4) == Some(&[0, 0]) { 28 } else { 2 };
            let _ = write!(out, " adapter=\"{}\"", text(body, at, 256, 256));
        }
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
fn text(body: &[u8], at: usize, width: usize, size: u32) -> String {
    let length = width.min(usize::try_from(size).unwrap_or(width));
    let field = body.get(at..).unwrap_or(&[]);
    let field = &field[..length.min(field.len())];
    let units = field.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    hex::printable(&String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests;
