//! Reads a fixture: `-> SERVICE TYPE FLAGS TRANSACTION PAYLOAD` to the guest, `<-` to the host, one after the other.
//!
//! The payload is hexadecimal; `[N]` stands for N zeros.

use hv_utils_core::wire::{Ic, PacketHeader};

pub(crate) const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// A packet: its header, and its payload from the pipe header on.
pub(crate) type Packet = (PacketHeader, Vec<u8>);

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) ic: Ic,
    pub(crate) ask: Packet,
    pub(crate) answer: Packet,
}

pub(crate) fn text(name: &str) -> String {
    let path = format!("{DIRECTORY}/{name}.txt");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn read(name: &str) -> Vec<Exchange> {
    let text = text(name);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len().is_multiple_of(2), "{name}: a request without an answer");
    let exchange = |pair: &[&str]| {
        let (ic, ask) = packet(pair[0], "->");
        let (same, answer) = packet(pair[1], "<-");
        assert_eq!(ic, same, "{name}");
        Exchange { ic, ask, answer }
    };
    lines.chunks(2).map(exchange).collect()
}

fn packet(line: &str, direction: &str) -> (Ic, Packet) {
    let words: Vec<&str> = line.split(' ').collect();
    let [way, ic, kind, flags, transaction, payload] = words[..] else { panic!("six words: {line}") };
    assert_eq!(way, direction, "{line}");
    let number = |word: &str| u64::from_str_radix(word.strip_prefix("0x").unwrap(), 16).unwrap();
    let header = PacketHeader {
        kind: kind.parse().unwrap(),
        flags: number(flags).try_into().unwrap(),
        transaction_id: number(transaction),
    };
    (Ic::from_name(ic).unwrap(), (header, bytes(payload)))
}

fn bytes(mut text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !text.is_empty() {
        if let Some(rest) = text.strip_prefix('[') {
            let (count, rest) = rest.split_once(']').unwrap();
            bytes.resize(bytes.len() + count.parse::<usize>().unwrap(), 0);
            text = rest;
        } else {
            let (digits, rest) = text.split_at(2);
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            text = rest;
        }
    }
    bytes
}
