//! What stays of the owner's file in ours: everything but what the injection decides.
//!
//! Decided are, of the families whose addressing is set: `Address=`, `Gateway=`, `[Address]`, default `[Route]`s of the main
//! table, and routes that can no longer be (their gateway is in none of the new subnets, or their source address is gone:
//! networkd gives up the whole link for one such route). `DHCP=` and `IPv6AcceptRA=` are taken out too, and what ours depends
//! on is told; DNS servers go with the families whose servers are set.

use std::net::IpAddr;

use hv_utils_core::netapply::{Addressing, Injection};

use super::file::Section;
use crate::backend::family::{Family, address, is_neighbour, networks};

/// What stays, and what was found on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rest {
    /// What stays.
    pub sections: Vec<Section>,
    /// `DHCP=`, each family.
    pub dhcp: [bool; 2],
    /// `LinkLocalAddressing=`, each family; `None`: not said.
    pub link_local: Option<[bool; 2]>,
    /// The metric of each family's default route.
    pub metric: [Option<u32>; 2],
    dhcp_metric: [Option<u32>; 2],
}

impl Rest {
    /// The rest of a file and its drop-ins, in that order.
    #[must_use]
    pub fn of(sections: Vec<Section>, wanted: &Injection) -> Self {
        let mut rest = Self::default();
        for section in sections {
            rest.add(section, wanted);
        }
        for family in Family::BOTH {
            let metric = &mut rest.metric[family.index()];
            *metric = metric.or(rest.dhcp_metric[family.index()]);
        }
        rest
    }

    fn add(&mut self, mut section: Section, wanted: &Injection) {
        let stays = match section.name.as_str() {
            "Match" => false,
            "Network" => {
                let entries = std::mem::take(&mut section.entries).into_iter();
                section.entries =
                    entries.filter_map(|(key, value)| self.network(key, value, wanted)).collect();
                true
            }
            "Address" => {
                let family = section.value("Address").and_then(Family::of_text);
                !family.is_some_and(|family| family.is_set(wanted))
            }
            "Route" => self.route(&section, wanted),
            "DHCPv4" | "DHCPv6" | "IPv6AcceptRA" | "DHCP" => {
                self.automatic(&mut section, wanted);
                true
            }
            _ => true,
        };
        if stays {
            self.sections.push(section);
        }
    }

    /// A key of `[Network]`: what is left of it.
    fn network(&mut self, key: String, value: String, wanted: &Injection) -> Option<(String, String)> {
        let set = |family: Option<Family>| family.is_some_and(|family| family.is_set(wanted));
        let any = Family::BOTH.into_iter().any(|family| family.is_set(wanted));
        match key.as_str() {
            "Address" if set(Family::of_text(&value)) => None,
            "Gateway" if set(gateway_family(&value)) => None,
            "DHCP" if any => {
                self.dhcp = [is_one(&value, &["ipv4", "v4"]), is_one(&value, &["ipv6", "v6"])];
                None
            }
            "LinkLocalAddressing" if any => {
                self.link_local = Some([is_one(&value, &["ipv4"]), is_one(&value, &["ipv6"])]);
                Some((key, value))
            }
            // Addresses that are kept would be there beside ours.
            key if any && keeps(key) => None,
            "IPv6AcceptRA" | "IPv6AcceptRouterAdvertisements" if Family::V6.is_set(wanted) => None,
            "DNS" if !value.is_empty() => {
                let stays = |server: &&str| {
                    server_family(server).is_none_or(|family| family.plan(wanted).dns.is_none())
                };
                let servers: Vec<_> = value.split_whitespace().filter(stays).collect();
                (!servers.is_empty()).then(|| (key, servers.join(" ")))
            }
            _ => Some((key, value)),
        }
    }

    /// Whether a `[Route]` stays.
    fn route(&mut self, route: &Section, wanted: &Injection) -> bool {
        let Some(family) = route_family(route) else { return true };
        let plan = family.plan(wanted);
        if !family.is_set(wanted) {
            return true;
        }
        if is_default(route) {
            let metric = &mut self.metric[family.index()];
            *metric = metric.or(route.value("Metric").and_then(|metric| metric.parse().ok()));
            return false;
        }
        if !matches!(plan.addressing, Addressing::Static(_)) {
            return true;
        }
        let is_ours = |ip: IpAddr| networks(plan).iter().any(|network| network.ip == ip);
        let source = route.value("PreferredSource").and_then(address).is_none_or(is_ours);
        let on_link = route.value("GatewayOnLink").or(route.value("GatewayOnlink")).is_some_and(is_yes);
        let reached = |ip| on_link || is_neighbour(ip, networks(plan));
        source && route.value("Gateway").and_then(address).is_none_or(reached)
    }

    /// What is said about DHCP and router advertisements: the servers of a family whose servers are set are not wanted.
    fn automatic(&mut self, section: &mut Section, wanted: &Injection) {
        if Family::BOTH.into_iter().any(|family| family.is_set(wanted)) {
            section.entries.retain(|(key, _)| !keeps(key));
        }
        if section.name == "DHCP" {
            return;
        }
        let family = if section.name == "DHCPv4" { Family::V4 } else { Family::V6 };
        if let Some(metric) = section.value("RouteMetric").and_then(|metric| metric.parse().ok()) {
            self.dhcp_metric[family.index()] = Some(metric);
        }
        if family.plan(wanted).dns.is_some() {
            section.entries.retain(|(key, _)| key != "UseDNS");
        }
    }
}

/// Whether a key has networkd keep addresses that are not in the file. The second is the older word.
#[must_use]
pub fn keeps(key: &str) -> bool {
    matches!(key, "KeepConfiguration" | "CriticalConnection")
}

/// Whether a value of a key for both families speaks of the one that has these words.
fn is_one(value: &str, words: &[&str]) -> bool {
    is_yes(value) || value == "both" || words.contains(&value)
}

/// A boolean of systemd.
#[must_use]
pub fn is_yes(value: &str) -> bool {
    ["1", "yes", "y", "true", "t", "on"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn gateway_family(value: &str) -> Option<Family> {
    match value {
        "_dhcp4" | "_dhcp" => Some(Family::V4),
        "_ipv6ra" => Some(Family::V6),
        _ => Family::of_text(value),
    }
}

/// `192.0.2.53`, `192.0.2.53:5353%eth0#name`, `[2001:db8::53]:53`, …
fn server_family(server: &str) -> Option<Family> {
    let server = server.split(['#', '%']).next()?;
    let bracketed = server.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let bare = |text: &str| text.parse().ok().map(Family::of);
    bare(bracketed.unwrap_or(server)).or_else(|| bare(server.split(':').next()?))
}

fn route_family(route: &Section) -> Option<Family> {
    let hop = route.value("MultiPathRoute").and_then(|hop| hop.split(['@', ' ']).next());
    let gateway = route.value("Gateway").or(hop).and_then(gateway_family);
    let others = ["Destination", "PreferredSource", "Source"].into_iter();
    gateway.or_else(|| others.filter_map(|key| route.value(key)).find_map(Family::of_text))
}

/// A default route of the main table. One of another table belongs to rules that are not ours to know.
fn is_default(route: &Section) -> bool {
    let to_all = route.value("Destination").is_none_or(|to| ["0.0.0.0/0", "::/0"].contains(&to));
    let main = route.value("Table").is_none_or(|table| ["main", "254"].contains(&table));
    to_all && main && route.value("Type").is_none_or(|kind| kind == "unicast")
}

#[cfg(test)]
mod tests;
