//! Our own `.network` file: the rest of the owner's, for exactly this NIC, with what the host wants.
//!
//! Decisions:
//!
//! - `[Match]` asks for the name and the hardware address. The address alone would take the accelerated twin of the NIC
//!   too, which has the same one; the name alone another NIC that comes to have it. If the NIC is renamed, our file no
//!   longer fits, and the owner's is in force again.
//! - The first gateway has the metric that the default route had before, or none; the others follow it.
//! - `LinkLocalAddressing=` is only touched where the injection could not be: no IPv6 without it, no IPv4 besides it.

use hv_utils_core::netapply::{Addressing, Injection};

use super::file::{self, Section};
use super::filter::Rest;
use super::header::Header;
use crate::backend::family::{Family, is_neighbour, networks};

/// The NIC, as `[Match]` asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// Its name.
    pub interface: String,
    /// Its hardware address; "" if it has none.
    pub mac: String,
    /// Whether that is the one it was made with, which it keeps in a bond.
    pub permanent: bool,
}

/// The text of our file. `base` are the sections of the owner's file and its drop-ins.
#[must_use]
pub fn compose(nic: &Nic, header: &Header, base: Vec<Section>) -> String {
    let wanted = &header.wanted;
    let rest = Rest::of(base, wanted);
    let mut sections = vec![nic.section()];
    let ours = ours(&rest, wanted);
    sections.extend(rest.sections);
    sections.extend(ours);
    header.write(&nic.interface) + &file::write(&sections)
}

impl Nic {
    fn section(&self) -> Section {
        let mut section = Section::new("Match");
        // Characters that mean something in a pattern stand for any one.
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-._@+".contains(c) { c } else { '?' };
        section.push("Name", self.interface.chars().map(plain).collect::<String>());
        if !self.mac.is_empty() {
            section
                .push(if self.permanent { "PermanentMACAddress" } else { "MACAddress" }, self.mac.as_str());
        }
        section
    }
}

/// What the injection says, as sections at the end of the file.
fn ours(rest: &Rest, wanted: &Injection) -> Vec<Section> {
    let mut network = Section::new("Network");
    if Family::BOTH.into_iter().any(|family| family.is_set(wanted)) {
        network.push("DHCP", words(dhcp(rest.dhcp, wanted)));
        if let Some(link_local) = link_local(rest.link_local, wanted) {
            network.push("LinkLocalAddressing", words(link_local));
        }
    }
    match wanted.ipv6.addressing {
        Addressing::Keep => {}
        Addressing::Automatic => network.push("IPv6AcceptRA", "yes"),
        Addressing::Static(_) => network.push("IPv6AcceptRA", "no"),
    }
    let mut sections = Vec::new();
    for family in Family::BOTH {
        let plan = family.plan(wanted);
        for address in networks(plan) {
            network.push("Address", address.to_string());
        }
        for server in plan.dns.iter().flatten() {
            network.push("DNS", server.to_string());
        }
        sections.extend(routes(family, rest, wanted));
        if plan.dns.is_some() && !matches!(plan.addressing, Addressing::Static(_)) {
            sections.extend(without_servers(family));
        }
    }
    sections.insert(0, network);
    sections
}

fn dhcp(before: [bool; 2], wanted: &Injection) -> [bool; 2] {
    Family::BOTH.map(|family| match family.plan(wanted).addressing {
        Addressing::Keep => before[family.index()],
        Addressing::Automatic => true,
        Addressing::Static(_) => false,
    })
}

/// `LinkLocalAddressing=`, if it has to be another one. Unsaid it is IPv6's alone, which suits every injection.
fn link_local(before: Option<[bool; 2]>, wanted: &Injection) -> Option<[bool; 2]> {
    let [v4, v6] = before?;
    let exact = matches!(wanted.ipv4.addressing, Addressing::Static(_));
    let after = [v4 && !exact, v6 || Family::V6.is_set(wanted)];
    (after != [v4, v6]).then_some(after)
}

const fn words(families: [bool; 2]) -> &'static str {
    match families {
        [false, false] => "no",
        [true, false] => "ipv4",
        [false, true] => "ipv6",
        [true, true] => "yes",
    }
}

fn routes(family: Family, rest: &Rest, wanted: &Injection) -> Vec<Section> {
    let plan = family.plan(wanted);
    let first = rest.metric[family.index()];
    let from = first.unwrap_or(family.default_metric());
    let route = |(gateway, place): (&std::net::IpAddr, u32)| {
        let mut route = Section::new("Route");
        route.push("Gateway", gateway.to_string());
        if first.is_some() || place > 0 {
            route.push("Metric", from.saturating_add(place).to_string());
        }
        if !is_neighbour(*gateway, networks(plan)) {
            route.push("GatewayOnLink", "yes");
        }
        route
    };
    let gateways = if Family::is_set(family, wanted) { plan.gateways.as_slice() } else { &[] };
    gateways.iter().zip(0..).map(route).collect()
}

fn without_servers(family: Family) -> Vec<Section> {
    let names: &[&str] = match family {
        Family::V4 => &["DHCPv4"],
        Family::V6 => &["IPv6AcceptRA", "DHCPv6"],
    };
    let section = |name: &&str| {
        let mut section = Section::new(name);
        section.push("UseDNS", "no");
        section
    };
    names.iter().map(section).collect()
}

#[cfg(test)]
mod tests;
