//! The configuration of a network adapter in words, in the form of the message's version.
//!
//! Lists that are empty, and origins that are all unknown, are left out; counts that exceed their places are shown as they are, with what has a place.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::text;
use crate::host::check::{u16_at, u32_at};

/// `major` is that of the message's version: from 5 on the form is binary.
pub(super) fn adapter(out: &mut String, major: u16, body: &[u8]) {
    let (name, family) = if major >= 5 { (28, 284) } else { (2, 258) };
    let byte = |at: usize| body.get(at).copied().unwrap_or(0);
    let _ = write!(out, " adapter=\"{}\" family={}", text(body, name, 256, 256), byte(family));
    if byte(family + 1) != 0 {
        let _ = write!(out, " dhcp={}", byte(family + 1));
    }
    if major >= 5 { binary(out, body) } else { strings(out, body) }
}

fn strings(out: &mut String, body: &[u8]) {
    for (name, at, width) in
        [("addresses", 260, 2048), ("subnets", 2308, 2048), ("gateways", 4356, 1024), ("dns", 5380, 2048)]
    {
        list(out, name, &text(body, at, width, 2048));
    }
}

fn binary(out: &mut String, body: &[u8]) {
    let counts: Vec<u32> = (0..6).map(|count| u32_at(body, 4 + 4 * count)).collect();
    let limits = [64, 64, 5, 5, 64, 64];
    if counts.iter().zip(limits).any(|(count, limit)| *count > limit) {
        let _ = write!(out, " counts={counts:?}");
    }
    let places = |kind: usize, at: usize, width: usize, entry: fn(&[u8]) -> String| {
        let count = counts[kind].min(limits[kind]);
        let field = body.get(at..).unwrap_or_default();
        let entries = field.chunks_exact(width).take(usize::try_from(count).unwrap_or(0)).map(entry);
        entries.collect::<Vec<String>>()
    };
    let pairs = |v4: Vec<String>, v6: Vec<String>| [v4, v6].concat();
    let addresses = pairs(places(0, 288, 4, v4), places(1, 544, 16, v6));
    let subnets = pairs(places(0, 1568, 4, v4), places(1, 1824, 4, |entry| u32_at(entry, 0).to_string()));
    let origins: Vec<u16> = (0..addresses.len()).map(|entry| u16_at(body, 3460 + 2 * entry)).collect();
    list(out, "addresses", &addresses.join(";"));
    list(out, "subnets", &subnets.join(";"));
    list(out, "gateways", &pairs(places(2, 2080, 4, v4), places(3, 2100, 16, v6)).join(";"));
    list(out, "dns", &pairs(places(4, 2180, 4, v4), places(5, 2436, 16, v6)).join(";"));
    if origins.iter().any(|origin| *origin != 0) {
        let origins: Vec<String> = origins.iter().map(u16::to_string).collect();
        list(out, "origins", &origins.join(";"));
    }
}

fn list(out: &mut String, name: &str, entries: &str) {
    if !entries.is_empty() {
        let _ = write!(out, " {name}=\"{entries}\"");
    }
}

fn v4(bytes: &[u8]) -> String {
    bytes.try_into().map_or_else(|_| String::new(), |octets: [u8; 4]| Ipv4Addr::from(octets).to_string())
}

fn v6(bytes: &[u8]) -> String {
    bytes.try_into().map_or_else(|_| String::new(), |octets: [u8; 16]| Ipv6Addr::from(octets).to_string())
}
