//! What the naive guest does with files: keeps them in memory, as its own offsets have it.

use std::collections::BTreeMap;

use super::kvp::{FAIL, INVALID, OK};

const EXISTS: u32 = 0x8007_0050;
const DENIED: u32 = 0x8007_0005;
const INCOMPLETE: u32 = 0x8007_0026;
const BAD_NAME: u32 = 0x8007_007b;
const FULL: u32 = 0x8007_0070;

/// A file on its way.
#[derive(Debug)]
struct Copy {
    target: String,
    size: u64,
    bytes: Vec<u8>,
}

/// The guest's files, and the one that is on its way.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// By their names, path and all.
    pub(crate) whole: BTreeMap<String, Vec<u8>>,
    under_way: Option<Copy>,
    /// Copies that ended without being complete.
    pub(crate) dropped: Vec<String>,
}

/// More than this does not fit.
const ROOM: u64 = 1 << 30;

impl Files {
    /// The channel was opened or negotiated anew.
    pub(crate) fn reset(&mut self) {
        if let Some(copy) = self.under_way.take() {
            self.dropped.push(copy.target);
        }
    }

    /// The status for a body.
    pub(crate) fn answer(&mut self, body: &[u8]) -> u32 {
        if body.len() < 36 {
            return FAIL;
        }
        match word(body, 0) {
            0 => self.start(body),
            1 => self.write(body),
            2 => self.complete(),
            3 if self.under_way.is_some() => {
                self.reset();
                OK
            }
            _ => FAIL,
        }
    }

    fn start(&mut self, body: &[u8]) -> u32 {
        self.reset();
        if body.len() < 1088 {
            return FAIL;
        }
        let (Some(name), Some(path)) = (text(&body[36..556]), text(&body[556..1076])) else {
            return BAD_NAME;
        };
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return BAD_NAME;
        }
        if !path.starts_with("/in") || path.split('/').any(|part| part == "..") {
            return DENIED;
        }
        let target = format!("{path}/{name}");
        let size = u64::from_le_bytes(body[1080..1088].try_into().unwrap());
        if size > ROOM {
            return FULL;
        }
        if word(body, 1076) & 1 == 0 && self.whole.contains_key(&target) {
            return EXISTS;
        }
        self.under_way = Some(Copy { target, size, bytes: Vec::new() });
        OK
    }

    fn write(&mut self, body: &[u8]) -> u32 {
        let Some(copy) = &mut self.under_way else { return FAIL };
        if body.len() < 52 {
            return INVALID;
        }
        let offset = u64::from_le_bytes(body[40..48].try_into().unwrap());
        let count = word(body, 48) as usize;
        let fits = offset == copy.bytes.len() as u64 && offset + count as u64 <= copy.size;
        match body[52..].get(..count).filter(|_| fits && count <= 6144) {
            Some(data) => {
                copy.bytes.extend_from_slice(data);
                OK
            }
            None => INVALID,
        }
    }

    fn complete(&mut self) -> u32 {
        match self.under_way.take() {
            None => FAIL,
            Some(copy) if copy.bytes.len() as u64 == copy.size => {
                self.whole.insert(copy.target, copy.bytes);
                OK
            }
            Some(copy) => {
                self.dropped.push(copy.target);
                INCOMPLETE
            }
        }
    }
}

fn word(body: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(body[at..at + 4].try_into().unwrap())
}

/// A name: UTF-16LE with its NUL, and nothing after that.
fn text(field: &[u8]) -> Option<String> {
    let units: Vec<u16> = field.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0)?;
    if units[end..].iter().any(|unit| *unit != 0) {
        return None;
    }
    String::from_utf16(&units[..end]).ok()
}
