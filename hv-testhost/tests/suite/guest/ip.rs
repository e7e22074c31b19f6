//! The naive guest's only network adapter: asked by its MAC address, configured by its device id, in both forms.
//!
//! Fields by literal offsets of the body. Lists are written as the C daemon writes them: gateways and DNS servers each
//! followed by `;`, prefixes with a `/`.

use std::net::{IpAddr, Ipv4Addr};

use super::kvp::{FAIL, Fault, INVALID, NOT_FOUND, OK};

/// MAC address without punctuation.
const MAC: &str = "00155d010203";
/// Device id without braces.
const DEVICE: &str = "f8b3781b-1e82-4818-a1c3-63d806ec15bb";

/// What the adapter is configured with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Adapter {
    pub(crate) family: u8,
    pub(crate) dhcp: bool,
    /// Addresses with the lengths of their prefixes.
    pub(crate) addresses: Vec<(IpAddr, u32)>,
    pub(crate) gateways: Vec<IpAddr>,
    pub(crate) dns: Vec<IpAddr>,
    /// Whole bodies of all that was asked.
    pub(crate) asked: Vec<Vec<u8>>,
}

impl Adapter {
    /// What DHCP and router advertisements gave it.
    pub(crate) fn new() -> Adapter {
        let ip = |text: &str| text.parse().unwrap();
        Adapter {
            family: 3,
            dhcp: true,
            addresses: vec![(ip("10.0.0.4"), 24), (ip("fe80::1"), 64)],
            gateways: vec![ip("10.0.0.1"), ip("fe80::2")],
            dns: vec![ip("8.8.8.8"), ip("2001:4860:4860::8888")],
            asked: Vec::new(),
        }
    }

    /// Answers GET_IP_INFO (4) and SET_IP_INFO (5) in the form of a message version.
    pub(super) fn answer(&mut self, major: u16, fault: Fault, body: &mut [u8]) -> u32 {
        self.asked.push(body.to_vec());
        let binary = major >= 5;
        if body.len() < if binary { 3716 } else { 7428 } {
            return INVALID;
        }
        let (name, family) = if binary { (28, 284) } else { (2, 258) };
        let Some(id) = text(&body[name..name + 256]) else { return INVALID };
        // It does not count in a question.
        if body[0] == 5 && body[family] > 3 {
            return INVALID;
        }
        if body[0] == 4 {
            if id.to_lowercase().replace([':', '-'], "") != MAC {
                return FAIL;
            }
            if binary {
                self.give_binary(body, fault);
            } else {
                self.give_text(body, fault);
            }
            return OK;
        }
        let Some(taken) = (if binary { take_binary(body) } else { take_text(body) }) else { return INVALID };
        if id.to_lowercase().trim_matches(['{', '}']) != DEVICE {
            return NOT_FOUND;
        }
        if fault == Fault::RefusesSet {
            return FAIL;
        }
        let asked = std::mem::take(&mut self.asked);
        *self = Adapter { family: body[family], dhcp: body[family + 1] != 0, asked, ..taken };
        OK
    }

    fn give_text(&self, body: &mut [u8], fault: Fault) {
        body[258..260].copy_from_slice(&[self.family, u8::from(self.dhcp)]);
        let listed = |ips: &[IpAddr]| ips.iter().map(|ip| format!("{ip};")).collect::<String>();
        let addresses: Vec<String> = self.addresses.iter().map(|(ip, _)| ip.to_string()).collect();
        let subnets = self.addresses.iter().map(|(ip, prefix)| match ip {
            IpAddr::V4(_) => mask(*prefix).to_string(),
            IpAddr::V6(_) => format!("/{prefix}"),
        });
        let mut subnets: Vec<String> = subnets.collect();
        match fault {
            Fault::OtherAdapter => body[2] ^= 1,
            Fault::FewSubnets => drop(subnets.pop()),
            _ => {}
        }
        put(&mut body[260..2308], &addresses.join(";"));
        put(&mut body[2308..4356], &subnets.join(";"));
        put(&mut body[4356..5380], &listed(&self.gateways));
        put(&mut body[5380..7428], &listed(&self.dns));
    }

    fn give_binary(&self, body: &mut [u8], fault: Fault) {
        body[284..286].copy_from_slice(&[self.family, u8::from(self.dhcp)]);
        let ips: Vec<IpAddr> = self.addresses.iter().map(|(ip, _)| *ip).collect();
        let counts = [
            spread(body, &ips, 288, 544),
            spread(body, &self.gateways, 2080, 2100),
            spread(body, &self.dns, 2180, 2436),
        ];
        for (at, count) in (4..28).step_by(4).zip(counts.as_flattened()) {
            body[at] = u8::try_from(*count).unwrap();
        }
        let prefixes = |v4: bool| self.addresses.iter().filter(move |(ip, _)| ip.is_ipv4() == v4);
        for (entry, (_, prefix)) in prefixes(true).enumerate() {
            body[1568 + 4 * entry..1572 + 4 * entry].copy_from_slice(&mask(*prefix).octets());
        }
        for (entry, (_, prefix)) in prefixes(false).enumerate() {
            body[1824 + 4 * entry..1828 + 4 * entry].copy_from_slice(&prefix.to_le_bytes());
        }
        for entry in 0..self.addresses.len() {
            body[3460 + 2 * entry] = if self.dhcp { 1 } else { 2 };
        }
        match fault {
            Fault::OtherAdapter => body[28] ^= 1,
            Fault::FewSubnets => body[1568..1572].copy_from_slice(&[255, 0, 255, 0]),
            Fault::ManyGateways => body[12] = 6,
            _ => {}
        }
    }
}

fn mask(prefix: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - prefix).unwrap_or(0))
}

/// Puts addresses into the places of their families; how many of each.
fn spread(body: &mut [u8], ips: &[IpAddr], v4_at: usize, v6_at: usize) -> [usize; 2] {
    let mut counts = [0; 2];
    for ip in ips {
        match ip {
            IpAddr::V4(ip) => {
                let at = v4_at + 4 * counts[0];
                body[at..at + 4].copy_from_slice(&ip.octets());
                counts[0] += 1;
            }
            IpAddr::V6(ip) => {
                let at = v6_at + 16 * counts[1];
                body[at..at + 16].copy_from_slice(&ip.octets());
                counts[1] += 1;
            }
        }
    }
    counts
}

fn take_text(body: &[u8]) -> Option<Adapter> {
    let list = |at: usize, end: usize| {
        let text = text(&body[at..end])?;
        Some(text.split(';').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
    };
    let ips = |at: usize, end: usize| {
        let list: Vec<String> = list(at, end)?;
        list.iter().map(|entry| entry.parse().ok()).collect::<Option<Vec<IpAddr>>>()
    };
    let (addresses, subnets): (Vec<IpAddr>, Vec<String>) = (ips(260, 2308)?, list(2308, 4356)?);
    if addresses.len() != subnets.len() {
        return None;
    }
    let prefixes = addresses.iter().zip(&subnets).map(|(ip, subnet)| match ip {
        IpAddr::V4(_) => prefix_of(subnet.parse().ok()?),
        IpAddr::V6(_) => subnet.parse().ok().filter(|prefix| *prefix <= 128),
    });
    let prefixes: Vec<u32> = prefixes.collect::<Option<_>>()?;
    let taken = Adapter {
        addresses: addresses.into_iter().zip(prefixes).collect(),
        gateways: ips(4356, 5380)?,
        dns: ips(5380, 7428)?,
        ..Adapter::default()
    };
    let v4 = taken.gateways.iter().filter(|ip| ip.is_ipv4()).count();
    (v4.max(taken.gateways.len() - v4) <= 5).then_some(taken)
}

fn take_binary(body: &[u8]) -> Option<Adapter> {
    let word = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
    let places = |count: usize, at: usize, width: usize, limit: u32| {
        let count = word(4 + 4 * count);
        (count <= limit).then(|| body[at..].chunks(width).take(count as usize).collect::<Vec<&[u8]>>())
    };
    let v4 = |entry: &&[u8]| IpAddr::from(<[u8; 4]>::try_from(*entry).unwrap());
    let v6 = |entry: &&[u8]| IpAddr::from(<[u8; 16]>::try_from(*entry).unwrap());
    let both = |count: usize, v4_at: usize, v6_at: usize, limit: u32| {
        let (four, six) = (places(count, v4_at, 4, limit)?, places(count + 1, v6_at, 16, limit)?);
        Some(four.iter().map(v4).chain(six.iter().map(v6)).collect::<Vec<IpAddr>>())
    };
    let ips = both(0, 288, 544, 64)?;
    let masks = places(0, 1568, 4, 64)?;
    let masks = masks.iter().map(|entry| prefix_of(Ipv4Addr::from(<[u8; 4]>::try_from(*entry).unwrap())));
    let prefixes =
        (0..word(8) as usize).map(|entry| Some(word(1824 + 4 * entry)).filter(|prefix| *prefix <= 128));
    let prefixes: Vec<u32> = masks.chain(prefixes).collect::<Option<_>>()?;
    Some(Adapter {
        addresses: ips.into_iter().zip(prefixes).collect(),
        gateways: both(2, 2080, 2100, 5)?,
        dns: both(4, 2180, 2436, 64)?,
        ..Adapter::default()
    })
}

fn prefix_of(mask: Ipv4Addr) -> Option<u32> {
    let bits = u32::from(mask);
    (bits.leading_ones() == bits.count_ones()).then_some(bits.count_ones())
}

/// Text up to a NUL or the end of its field.
fn text(field: &[u8]) -> Option<String> {
    let units: Vec<u16> = field.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    String::from_utf16(&units[..end]).ok()
}

fn put(field: &mut [u8], text: &str) {
    field.fill(0);
    for (unit, place) in text.encode_utf16().zip(field.chunks_mut(2)) {
        place.copy_from_slice(&unit.to_le_bytes());
    }
}
