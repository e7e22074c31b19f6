//! What the naive guest does with files: keeps them in memory, as its own offsets have it.

use std::collections::BTreeMap;

use super::kvp::{FAIL, INVALID, OK};

const PATH_NOT_FOUND: u32 = 0x8007_0003;
const DENIED: u32 = 0x8007_0005;
const INCOMPLETE: u32 = 0x8007_0026;
const EXISTS: u32 = 0x8007_0050;
const BAD_NAME: u32 = 0x8007_007b;
const TOO_LONG: u32 = 0x8007_00ce;
const TOO_LARGE: u32 = 0x8007_00df;

/// A file on its way.
#[derive(Debug)]
struct Copy {
    target: String,
    size: u64,
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Copying(Copy),
    /// The answer to everything until the next one.
    Failed(u32),
}

/// The guest's files, and the one that is on its way.
#[derive(Debug)]
pub(crate) struct Files {
    /// Where files may go.
    pub(crate) root: String,
    /// The guest's files by their names, path and all.
    pub(crate) whole: BTreeMap<String, Vec<u8>>,
    state: State,
    /// Copies that ended without being complete.
    pub(crate) dropped: Vec<String>,
}

/// More than this is never taken.
const LARGEST: u64 = 1 << 34;

impl Files {
    pub(crate) fn new() -> Files {
        let root = "/in".to_owned();
        Files { root, whole: BTreeMap::new(), state: State::Idle, dropped: Vec::new() }
    }

    /// The channel was opened or negotiated anew, or nothing more is to come.
    pub(crate) fn reset(&mut self) {
        self.end(State::Idle);
    }

    fn end(&mut self, next: State) {
        if let State::Copying(copy) = std::mem::replace(&mut self.state, next) {
            self.dropped.push(copy.target);
        }
    }

    fn fail(&mut self, status: u32) -> u32 {
        self.end(State::Failed(status));
        status
    }

    /// The status for a body.
    pub(crate) fn answer(&mut self, body: &[u8]) -> u32 {
        if body.len() < 36 {
            return FAIL;
        }
        match (word(body, 0), &self.state) {
            (0, _) => match self.start(body) {
                Ok(copy) => {
                    self.end(State::Copying(copy));
                    OK
                }
                Err(status) => self.fail(status),
            },
            (1 | 2, State::Idle) => FAIL,
            (1 | 2, State::Failed(status)) => *status,
            (1, _) => self.write(body),
            (2, _) => self.complete(),
            (3, _) => {
                self.reset();
                OK
            }
            _ => FAIL,
        }
    }

    fn start(&self, body: &[u8]) -> Result<Copy, u32> {
        if body.len() < 1088 {
            return Err(FAIL);
        }
        let (path, name) = (text(&body[556..1076])?, text(&body[36..556])?);
        if name.is_empty() || name.contains('/') || name == "." || name == ".." || !path.starts_with('/') {
            return Err(BAD_NAME);
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let path = format!("/{}", parts.join("/"));
        if parts.iter().any(|part| [".", ".."].contains(part)) {
            return Err(DENIED);
        }
        if parts.iter().chain([&name.as_str()]).any(|part| part.len() > 255) {
            return Err(TOO_LONG);
        }
        let beneath = path.strip_prefix(&self.root).ok_or(DENIED)?;
        if !beneath.is_empty() && !beneath.starts_with('/') {
            return Err(DENIED);
        }
        let size = u64::from_le_bytes(body[1080..1088].try_into().unwrap());
        if size > LARGEST {
            return Err(TOO_LARGE);
        }
        let (flags, target) = (word(body, 1076), format!("{path}/{name}"));
        let there = beneath.is_empty() || self.whole.keys().any(|file| file.starts_with(&format!("{path}/")));
        match flags {
            _ if flags & 2 == 0 && !there => Err(PATH_NOT_FOUND),
            _ if flags & 1 == 0 && self.whole.contains_key(&target) => Err(EXISTS),
            _ => Ok(Copy { target, size, bytes: Vec::new() }),
        }
    }

    fn write(&mut self, body: &[u8]) -> u32 {
        let State::Copying(copy) = &mut self.state else { return FAIL };
        if body.len() < 52 {
            return self.fail(INVALID);
        }
        let offset = u64::from_le_bytes(body[40..48].try_into().unwrap());
        let count = word(body, 48) as usize;
        let end = offset.checked_add(count as u64).filter(|end| *end <= copy.size);
        let data = body[52..].get(..count).filter(|_| count <= 6144);
        let (Some(end), Some(data)) = (end, data) else { return self.fail(INVALID) };
        let (offset, end) = (usize::try_from(offset).unwrap(), usize::try_from(end).unwrap());
        copy.bytes.resize(copy.bytes.len().max(end), 0);
        copy.bytes[offset..end].copy_from_slice(data);
        OK
    }

    fn complete(&mut self) -> u32 {
        match std::mem::take(&mut self.state) {
            State::Copying(copy) if copy.bytes.len() as u64 == copy.size => {
                self.whole.insert(copy.target, copy.bytes);
                OK
            }
            copying => {
                self.state = copying;
                self.fail(INCOMPLETE)
            }
        }
    }
}

fn word(body: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(body[at..at + 4].try_into().unwrap())
}

/// A name: UTF-16LE with its NUL, and nothing after that.
fn text(field: &[u8]) -> Result<String, u32> {
    let units: Vec<u16> = field.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0).ok_or(TOO_LONG)?;
    if units[end..].iter().any(|unit| *unit != 0) {
        return Err(BAD_NAME);
    }
    String::from_utf16(&units[..end]).map_err(|_| BAD_NAME)
}
