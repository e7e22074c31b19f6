//! An injection put into a profile as it is on the bus: `a{sa{sv}}`, NetworkManager's "connection settings".
//!
//! Pure. Only what the host speaks of is changed. Deprecated keys that GetSettings gives beside their successors
//! (`addresses`, `routes`) go, because an update would prefer them. Names, types and meaning: nm-settings-dbus(5).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{LE, OwnedVariant, Variant, to_bytes};

use super::profile::{Profile, is_ethernet, is_shared};
use crate::backend::Target;

/// One section, `ipv4` for example.
pub(super) type Section = HashMap<String, OwnedVariant>;
/// A whole profile.
pub(super) type Settings = HashMap<String, Section>;

/// What a second gateway's metric is above the first one's: beyond what NetworkManager gives other links' first ones.
const NEXT_GATEWAY: u32 = 1000;
/// NetworkManager's metric for Ethernet.
const ETHERNET_METRIC: u32 = 100;
/// NetworkManager's word for Ethernet.
const ETHERNET: &str = "802-3-ethernet";

/// One of the two families, and where they differ on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const BOTH: [Family; 2] = [Family::V4, Family::V6];

    /// The section's name.
    pub(super) fn section(self) -> &'static str {
        match self {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        }
    }

    /// What is wanted of it.
    pub(super) fn plan(self, injection: &Injection) -> &Plan {
        match self {
            Family::V4 => &injection.ipv4,
            Family::V6 => &injection.ipv6,
        }
    }

    /// The destination of a default route.
    pub(super) fn any(self) -> &'static str {
        match self {
            Family::V4 => "0.0.0.0",
            Family::V6 => "::",
        }
    }
}

/// The profile with the injection in it. One that any Ethernet link may have is bound to this one: its addresses are.
pub(super) fn inject(settings: &Settings, target: &Target, injection: &Injection) -> Settings {
    let mut settings = settings.clone();
    for family in Family::BOTH {
        let plan = family.plan(injection);
        let section = settings.entry(family.section().to_owned()).or_default();
        if !plan.is_silent() {
            put(section, family, plan);
        }
        section.entry("method".to_owned()).or_insert_with(|| text("auto"));
    }
    if !profile(&settings).is_bound() {
        let connection = settings.entry("connection".to_owned()).or_default();
        connection.insert("interface-name".to_owned(), text(&target.interface));
    }
    settings
}

/// A profile for an adapter that has none. Its UUID is the adapter's, so that there is one at most.
pub(super) fn fresh(target: &Target, priority: i32) -> Settings {
    let entry = |key: &str, value: OwnedVariant| (key.to_owned(), value);
    let mut connection = Section::from([
        entry("id", text(&format!("hv-utils {}", target.interface))),
        entry("uuid", text(&target.adapter)),
        entry("type", text(ETHERNET)),
        entry("interface-name", text(&target.interface)),
        entry("autoconnect", true.into()),
    ]);
    if priority != 0 {
        connection.insert("autoconnect-priority".to_owned(), priority.into());
    }
    let mut ethernet = Section::new();
    if let Some(mac) = mac_bytes(&target.mac) {
        ethernet.insert("mac-address".to_owned(), owned(Variant::from(mac)));
    }
    Settings::from([("connection".to_owned(), connection), (ETHERNET.to_owned(), ethernet)])
}

fn put(section: &mut Section, family: Family, plan: &Plan) {
    let was_manual = string(section, "method") == "manual";
    match &plan.addressing {
        Addressing::Keep => {}
        Addressing::Automatic => {
            forget_addresses(section);
            section.insert("method".to_owned(), text("auto"));
        }
        Addressing::Static(networks) => {
            forget_addresses(section);
            section.insert("method".to_owned(), text("manual"));
            section.insert("address-data".to_owned(), list(networks.iter().map(address)));
            put_gateways(section, family, networks, &plan.gateways);
        }
    }
    match &plan.dns {
        Some(servers) => {
            section.remove("dns-data");
            section.insert("dns".to_owned(), dns(family, servers));
            section.insert("ignore-auto-dns".to_owned(), true.into());
        }
        // They came with the addresses that are no more.
        None if plan.addressing == Addressing::Automatic && was_manual => {
            for key in ["dns", "dns-data", "ignore-auto-dns"] {
                section.remove(key);
            }
        }
        None => {}
    }
}

/// Addresses and default routes, in every form they have had.
fn forget_addresses(section: &mut Section) {
    let routes: Vec<_> = routes(section).into_iter().filter(|route| !is_default(route)).collect();
    for key in ["addresses", "address-data", "address-labels", "gateway", "routes"] {
        section.remove(key);
    }
    section.insert("route-data".to_owned(), list(routes));
}

fn put_gateways(section: &mut Section, family: Family, networks: &[Network], gateways: &[IpAddr]) {
    let Some((first, more)) = gateways.split_first() else { return };
    section.insert("gateway".to_owned(), text(&first.to_string()));
    // It would take the gateway away.
    section.remove("never-default");
    let own = section.get("route-metric").and_then(|metric| i64::try_from(metric).ok());
    let own = own.and_then(|metric| u32::try_from(metric).ok());
    let mut routes = routes(section);
    for (index, gateway) in (1u32..).zip(more) {
        let mut route = Section::from([
            ("dest".to_owned(), text(family.any())),
            ("prefix".to_owned(), 0u32.into()),
            ("next-hop".to_owned(), text(&gateway.to_string())),
            ("metric".to_owned(), further_metric(own, index).into()),
        ]);
        if !is_on_link(networks, *gateway) {
            route.insert("onlink".to_owned(), true.into());
        }
        routes.push(route);
    }
    section.insert("route-data".to_owned(), list(routes));
}

/// The metric of the `index`th further gateway (from 1) where the profile says nothing about metrics.
pub(super) fn further_metric(own: Option<u32>, index: u32) -> u32 {
    own.unwrap_or(ETHERNET_METRIC).saturating_add(NEXT_GATEWAY.saturating_mul(index))
}

/// Whether a gateway is in the subnet of one of the addresses, or on the link by its nature.
pub(super) fn is_on_link(networks: &[Network], gateway: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    };
    let contains = |network: &Network| {
        let mask = u128::MAX.checked_shl(128 - u32::from(network.prefix.min(128))).unwrap_or(0);
        network.ip.is_ipv4() == gateway.is_ipv4() && (bits(network.ip) ^ bits(gateway)) & mask == 0
    };
    let link_local = matches!(gateway, IpAddr::V6(ip) if ip.is_unicast_link_local());
    link_local || networks.iter().any(contains)
}

fn address(network: &Network) -> Section {
    let prefix = u32::from(network.prefix);
    Section::from([
        ("address".to_owned(), text(&network.ip.to_string())),
        ("prefix".to_owned(), prefix.into()),
    ])
}

fn routes(section: &Section) -> Vec<Section> {
    let Some(routes) = section.get("route-data") else { return Vec::new() };
    routes.try_clone().ok().and_then(|routes| Vec::<Section>::try_from(routes).ok()).unwrap_or_default()
}

fn is_default(route: &Section) -> bool {
    route.get("prefix").and_then(|prefix| u32::try_from(prefix).ok()) == Some(0)
}

/// Servers in the form that every version takes: IPv4 as numbers in network order, IPv6 as bytes.
fn dns(family: Family, servers: &[IpAddr]) -> OwnedVariant {
    let v4 = servers.iter().filter_map(|ip| match ip {
        IpAddr::V4(ip) => Some(u32::from_ne_bytes(ip.octets())),
        IpAddr::V6(_) => None,
    });
    let v6 = servers.iter().filter_map(|ip| match ip {
        IpAddr::V6(ip) => Some(ip.octets().to_vec()),
        IpAddr::V4(_) => None,
    });
    match family {
        Family::V4 => owned(Variant::from(v4.collect::<Vec<_>>())),
        Family::V6 => owned(Variant::from(v6.collect::<Vec<_>>())),
    }
}

/// What decides whose a profile is.
pub(super) fn profile(settings: &Settings) -> Profile {
    let empty = Section::new();
    let connection = settings.get("connection").unwrap_or(&empty);
    let ethernet = settings.get(ETHERNET).unwrap_or(&empty);
    let number = |key: &str| connection.get(key).and_then(|value| i32::try_from(value).ok()).unwrap_or(0);
    let mac = ethernet.get("mac-address").and_then(|mac| mac.try_clone().ok());
    let mac = mac.and_then(|mac| Vec::<u8>::try_from(mac).ok()).unwrap_or_default();
    let port_of = [string(connection, "port-type"), string(connection, "slave-type")];
    Profile {
        uuid: string(connection, "uuid"),
        ethernet: is_ethernet(&string(connection, "type")),
        interface: string(connection, "interface-name"),
        mac: mac.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
        autoconnect: connection
            .get("autoconnect")
            .and_then(|value| bool::try_from(value).ok())
            .unwrap_or(true),
        priority: number("autoconnect-priority"),
        timestamp: connection.get("timestamp").and_then(|value| u64::try_from(value).ok()).unwrap_or(0),
        shared: is_shared(number("multi-connect")),
        port_of: port_of.into_iter().find(|kind| !kind.is_empty()).unwrap_or_default(),
    }
}

/// Whether two profiles say the same; when they were last used does not count.
pub(super) fn same(one: &Settings, other: &Settings) -> bool {
    let timeless = |settings: &Settings| {
        let mut settings: BTreeMap<_, _> = settings.clone().into_iter().collect();
        if let Some(connection) = settings.get_mut("connection") {
            connection.remove("timestamp");
        }
        settings
    };
    timeless(one) == timeless(other)
}

/// Whether two profiles say the same of addresses, routes and DNS.
pub(super) fn same_ip(one: &Settings, other: &Settings) -> bool {
    Family::BOTH.iter().all(|family| one.get(family.section()) == other.get(family.section()))
}

/// For [`crate::saved::Snapshot::facts`]: the D-Bus bytes, little-endian, in hexadecimal.
pub(super) fn encode(settings: &Settings) -> String {
    let bytes = to_bytes(Context::new(LE, 0), settings).expect("what came over the bus can go over it");
    bytes.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The other way; `None` if it is damaged.
pub(super) fn decode(hex: &str) -> Option<Settings> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    let data = Data::new(bytes?, Context::new(LE, 0));
    data.deserialize::<Settings>().ok().map(|(settings, _)| settings)
}

/// A string of a section; "" if it has none.
pub(super) fn string(section: &Section, key: &str) -> String {
    section.get(key).and_then(|value| <&str>::try_from(value).ok()).unwrap_or_default().to_owned()
}

/// The six bytes of `00:15:5d:00:04:01`.
fn mac_bytes(mac: &str) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = mac.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    bytes.filter(|bytes| bytes.len() == 6)
}

fn text(value: &str) -> OwnedVariant {
    owned(Variant::from(value))
}

fn list(sections: impl IntoIterator<Item = Section>) -> OwnedVariant {
    owned(Variant::from(sections.into_iter().collect::<Vec<_>>()))
}

fn owned(value: Variant<'_>) -> OwnedVariant {
    value.try_into_owned().expect("no descriptors are in it")
}

#[cfg(test)]
pub(super) mod tests;
