//! What the naive guest answers: pools in memory, and one rule that it may be told to break.

use super::fcopy::Files;
use super::ip::Adapter;
use super::ring::Packet;

/// The one rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Answers nothing after the negotiation.
    Silent,
    /// Does not even answer NEGOTIATE.
    SilentFromTheStart,
    /// Finds no common version.
    NoCommonVersion,
    /// Answers NEGOTIATE with two and one versions.
    TwoVersions,
    /// Chooses 99.7.
    VersionNotOffered,
    /// Another IC transaction id in each reply.
    TransactionId,
    /// Flags 4 instead of 5.
    NoTransactionFlag,
    /// Flags 7.
    ExtraFlag,
    /// A body size one greater than what is there.
    BodySize,
    /// A pipe size beyond the packet.
    PipeSize,
    /// Pipe type 2.
    PipeType,
    /// Packet type 11.
    PacketKind,
    /// VMBus transaction id 0x77.
    VmbusId,
    /// Each reply twice.
    Twice,
    /// Message type 3.
    MessageType,
    /// Headers only.
    HeaderOnly,
    /// An item's key without its NUL.
    Unterminated,
    /// An odd size of an item's value.
    OddSize,
    /// REG_U64 by Linux' number.
    LinuxQword,
    /// Another operation number in the reply.
    OtherOperation,
    /// Refuses every SET with 0x80004005.
    RefusesSet,
    /// Refuses SET in pool 3.
    RefusesHostItems,
    /// Closes after the second request.
    Closes,
    /// Heartbeat: echoes the sequence.
    SequenceStays,
    /// Calls the adapter it was asked about by another name.
    OtherAdapter,
    /// A subnet is missing, or in binary a mask has a hole.
    FewSubnets,
    /// Counts more gateways than there are places for.
    ManyGateways,
}

/// The guest's state.
#[derive(Debug)]
pub(crate) struct Guest {
    kind: u16,
    fault: Fault,
    negotiated: bool,
    /// Agreed message version, the major number.
    message: u16,
    requests: u32,
    /// Times the channel was opened.
    pub(crate) openings: u32,
    /// Items of the five pools, in order.
    pub(crate) pools: [Vec<(String, String)>; 5],
    /// The network adapter.
    pub(crate) adapter: Adapter,
    /// Bodies of what shutdown, time synchronization and backup were asked, in order.
    pub(crate) asked: Vec<Vec<u8>>,
    /// What heartbeats say of the applications; `None`: what the host has put there.
    pub(crate) application: Option<u8>,
    /// What file copies have made.
    pub(crate) files: Files,
}

pub(super) const OK: u32 = 0;
pub(super) const FAIL: u32 = 0x8000_4005;
const NO_MORE: u32 = 0x8007_0103;
const NOT_SUPPORTED: u32 = 0x8007_0032;
pub(super) const INVALID: u32 = 0x8007_0057;
pub(super) const NOT_FOUND: u32 = 0x8004_1002;

impl Guest {
    pub(crate) fn new(kind: u16, fault: Fault) -> Guest {
        let mut pools: [Vec<(String, String)>; 5] = Default::default();
        pools[1].push(("guest-key".to_owned(), "guest value".to_owned()));
        pools[2].push(("OSName".to_owned(), "Naive Linux".to_owned()));
        pools[2].push(("OSVersion".to_owned(), "6.12.95".to_owned()));
        Guest {
            kind,
            fault,
            negotiated: false,
            message: 0,
            requests: 0,
            openings: 0,
            pools,
            adapter: Adapter::new(),
            asked: Vec::new(),
            application: None,
            files: Files::new(),
        }
    }

    pub(crate) fn opened(&mut self) {
        self.negotiated = false;
        self.requests = 0;
        self.openings += 1;
        self.files.reset();
    }

    /// Whether the fault says that the channel is to be closed now.
    pub(crate) fn closes(&self) -> bool {
        self.fault == Fault::Closes && self.requests >= 2
    }

    /// The packets that answer one of the host's.
    pub(crate) fn answer(&mut self, packet: &Packet) -> Vec<Packet> {
        let payload = &packet.payload;
        let word = |at: usize| u32::from_le_bytes(payload[at..at + 4].try_into().unwrap());
        if packet.kind != 6 || packet.flags & !1 != 0 || payload.len() < 28 || word(0) != 1 {
            return Vec::new();
        }
        let length = word(4) as usize;
        if !(20..=16384).contains(&length) || length > payload.len() - 8 {
            return Vec::new();
        }
        let size = usize::from(u16::from_le_bytes([payload[18], payload[19]]));
        if size > length - 20 || payload[25] & 4 != 0 {
            return Vec::new();
        }
        let kind = u16::from_le_bytes([payload[12], payload[13]]);
        let mut reply = payload.clone();
        let silent = match self.fault {
            Fault::Silent => kind != 0,
            Fault::SilentFromTheStart => true,
            _ => false,
        };
        if silent {
            return Vec::new();
        }
        let status = match kind {
            0 => self.negotiate(&mut reply, length + 8),
            _ if kind != self.kind || !self.negotiated => FAIL,
            1 => self.beat(&mut reply[..length + 8]),
            3 => self.go_down(&reply[14..18], &reply[28..length + 8]),
            4 | 5 => self.other(kind, &mut reply[28..length + 8]),
            7 => self.files.answer(&reply[28..length + 8]),
            _ => self.request(&mut reply[28..length + 8]),
        };
        reply[20..24].copy_from_slice(&status.to_le_bytes());
        reply[25] = 5;
        let sent = Packet { kind: 6, flags: 0, transaction_id: packet.transaction_id, payload: reply };
        self.spoil(sent, kind)
    }

    fn negotiate(&mut self, reply: &mut [u8], end: usize) -> u32 {
        self.negotiated = false;
        let count = |at: usize| usize::from(u16::from_le_bytes([reply[at], reply[at + 1]]));
        if end < 36 || (count(28) == 0 || count(30) == 0) || 36 + 4 * (count(28) + count(30)) > end {
            return FAIL;
        }
        let (frameworks, messages) = (count(28), count(30));
        let version = |slot: usize| {
            let at = 36 + 4 * slot;
            (
                u16::from_le_bytes([reply[at], reply[at + 1]]),
                u16::from_le_bytes([reply[at + 2], reply[at + 3]]),
            )
        };
        let newest = |ours: &[(u16, u16)], slots: std::ops::Range<usize>| {
            ours.iter().copied().find(|our| slots.clone().any(|slot| version(slot) == *our))
        };
        let framework = newest(&[(3, 0), (1, 0)], 0..frameworks);
        let messages = frameworks..frameworks + messages;
        let message = match self.kind {
            1 => newest(&[(3, 0), (1, 0)], messages),
            3 => newest(&[(3, 2), (3, 1), (3, 0), (1, 0)], messages),
            7 => newest(&[(1, 1)], messages),
            _ => newest(&[(5, 0), (4, 0), (3, 0), (1, 0)], messages),
        };
        reply[18..20].copy_from_slice(&[16, 0]);
        let (Some(framework), Some(mut message), true) =
            (framework, message, self.fault != Fault::NoCommonVersion)
        else {
            reply[28..32].copy_from_slice(&[0; 4]);
            return FAIL;
        };
        if self.fault == Fault::VersionNotOffered {
            message = (99, 7);
        }
        let counts: [u8; 4] = if self.fault == Fault::TwoVersions { [2, 0, 1, 0] } else { [1, 0, 1, 0] };
        reply[28..32].copy_from_slice(&counts);
        for (at, (major, minor)) in [(36, framework), (40, message)] {
            reply[at..at + 2].copy_from_slice(&major.to_le_bytes());
            reply[at + 2..at + 4].copy_from_slice(&minor.to_le_bytes());
        }
        self.negotiated = true;
        self.files.reset();
        self.message = message.0;
        OK
    }

    fn beat(&mut self, reply: &mut [u8]) -> u32 {
        if reply.len() < 36 {
            return FAIL;
        }
        if self.fault != Fault::SequenceStays {
            let sequence = u64::from_le_bytes(reply[28..36].try_into().unwrap());
            reply[28..36].copy_from_slice(&sequence.wrapping_add(1).to_le_bytes());
        }
        if let Some(state) = self.application {
            reply[36] = state;
        }
        OK
    }

    /// Agrees to whatever is a request of the version that was agreed on.
    fn go_down(&mut self, version: &[u8], body: &[u8]) -> u32 {
        self.asked.push(body.to_vec());
        if body.len() < 12 {
            return FAIL;
        }
        let flags = u32::from_le_bytes(body[8..12].try_into().unwrap());
        let needs = match flags & !1 {
            0 => [1, 0],
            2 => [3, 1],
            4 => [3, 2],
            _ => return FAIL,
        };
        if [version[0], version[2]] < needs { NOT_SUPPORTED } else { OK }
    }

    /// Takes whatever it is, and says that it can be backed up without a recovery.
    fn other(&mut self, kind: u16, body: &mut [u8]) -> u32 {
        self.asked.push(body.to_vec());
        if kind == 5 && body[0] == 2 {
            body[8..12].copy_from_slice(&[5, 0, 0, 0]);
        }
        OK
    }

    fn request(&mut self, body: &mut [u8]) -> u32 {
        self.requests += 1;
        if body.len() < 2580 {
            return INVALID;
        }
        let word = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
        let (operation, pool) = (body[0], usize::from(body[1]));
        if pool > 4 || operation > 5 {
            return FAIL;
        }
        match operation {
            3 => self.enumerate(pool, word(4), body),
            4 | 5 => self.adapter.answer(self.message, self.fault, body),
            _ => {
                let (size_at, key_at) = if operation == 2 { (4, 8) } else { (8, 16) };
                match text(&body[key_at..key_at + 512], word(size_at)) {
                    Some(key) => self.by_key(operation, pool, &key, body),
                    None => INVALID,
                }
            }
        }
    }

    fn by_key(&mut self, operation: u8, pool: usize, key: &str, body: &mut [u8]) -> u32 {
        let found = self.pools[pool].iter().position(|(there, _)| there == key);
        let refused = match self.fault {
            Fault::RefusesSet => operation == 1,
            Fault::RefusesHostItems => operation == 1 && pool == 3,
            _ => false,
        };
        if refused || (pool == 2 && operation != 0) {
            return FAIL;
        }
        match (operation, found) {
            (0, Some(at)) => {
                let value = self.pools[pool][at].1.clone();
                put(&mut body[528..], &value);
                body[4..8].copy_from_slice(&1u32.to_le_bytes());
                body[12..16].copy_from_slice(&bytes_of(&value).to_le_bytes());
                OK
            }
            (2, Some(at)) => {
                self.pools[pool].remove(at);
                OK
            }
            (1, found) => {
                let kind = u32::from_le_bytes(body[4..8].try_into().unwrap());
                let size = u32::from_le_bytes(body[12..16].try_into().unwrap());
                let Some(value) = value(kind, size, &body[528..2576]) else { return INVALID };
                match found {
                    Some(at) => self.pools[pool][at].1 = value,
                    None => self.pools[pool].push((key.to_owned(), value)),
                }
                OK
            }
            _ => NO_MORE,
        }
    }

    fn enumerate(&mut self, pool: usize, index: u32, body: &mut [u8]) -> u32 {
        let Some((key, value)) = self.pools[pool].get(index as usize) else { return NO_MORE };
        put(&mut body[20..532], key);
        put(&mut body[532..2580], value);
        body[8..12].copy_from_slice(&1u32.to_le_bytes());
        body[12..16].copy_from_slice(&bytes_of(key).to_le_bytes());
        body[16..20].copy_from_slice(&bytes_of(value).to_le_bytes());
        match self.fault {
            Fault::Unterminated => body[12..16].copy_from_slice(&(bytes_of(key) - 2).to_le_bytes()),
            Fault::OddSize => body[16..20].copy_from_slice(&(bytes_of(value) + 1).to_le_bytes()),
            Fault::LinuxQword => body[8] = 8,
            Fault::OtherOperation => body[0] = 1,
            _ => {}
        }
        OK
    }

    fn spoil(&self, mut sent: Packet, kind: u16) -> Vec<Packet> {
        if kind == 0 {
            return vec![sent];
        }
        match self.fault {
            Fault::TransactionId => sent.payload[24] ^= 0x55,
            Fault::NoTransactionFlag => sent.payload[25] = 4,
            Fault::ExtraFlag => sent.payload[25] = 7,
            Fault::BodySize => sent.payload[18..20].copy_from_slice(&0xffffu16.to_le_bytes()),
            Fault::PipeSize => sent.payload[4..8].copy_from_slice(&0x4000u32.to_le_bytes()),
            Fault::PipeType => sent.payload[0] = 2,
            Fault::PacketKind => sent.kind = 11,
            Fault::VmbusId => sent.transaction_id = 0x77,
            Fault::MessageType => sent.payload[12] = 3,
            Fault::HeaderOnly => {
                sent.payload.truncate(28);
                sent.payload[4..8].copy_from_slice(&20u32.to_le_bytes());
                sent.payload[18..20].copy_from_slice(&[0, 0]);
            }
            Fault::Twice => return vec![sent.clone(), sent],
            _ => {}
        }
        vec![sent]
    }
}

/// Text of `size` bytes with its NUL, up to the first NUL.
fn text(field: &[u8], size: u32) -> Option<String> {
    let field = field.get(..size as usize).filter(|field| field.len() % 2 == 0)?;
    let units: Vec<u16> = field.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0)?;
    String::from_utf16(&units[..end]).ok()
}

fn value(kind: u32, size: u32, field: &[u8]) -> Option<String> {
    match kind {
        1 | 2 => text(field, size),
        4 if size == 4 => Some(u32::from_le_bytes(field[..4].try_into().unwrap()).to_string()),
        8 | 11 if size == 8 => Some(u64::from_le_bytes(field[..8].try_into().unwrap()).to_string()),
        _ => None,
    }
}

fn bytes_of(text: &str) -> u32 {
    2 * (u32::try_from(text.encode_utf16().count()).unwrap() + 1)
}

fn put(field: &mut [u8], text: &str) {
    for (at, unit) in text.encode_utf16().chain([0]).enumerate() {
        field[at * 2..at * 2 + 2].copy_from_slice(&unit.to_le_bytes());
    }
}
