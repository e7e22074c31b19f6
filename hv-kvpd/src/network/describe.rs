//! One adapter in the words of the protocol: which addresses in which order, which gateways, DHCP or not.
//!
//! Only decisions over what is known; the limits of the wire are the writers'. The order is such that what they
//! leave out at the end matters least.

use std::net::IpAddr;

use hv_utils_core::network::{Address, Link, Route, RouteFamily, Table, in_order};
use hv_utils_core::wire::kvp::{self, Family, IpInfo, Origin};

use super::adapters::Adapter;
use super::mac;
use crate::bus::network1::Row;

/// Gateways that a host shows for one adapter (`Msvm_GuestNetworkAdapterConfiguration`).
const MAX_GATEWAYS: usize = 5;

/// What the host is told.
pub(super) fn describe(adapter: &Adapter<'_>, table: &Table, dns: Vec<IpAddr>) -> IpInfo {
    let addresses = in_order(&adapter.shown);
    let routes: Vec<&Route> =
        table.routes().iter().filter(|route| leads_through(route, &adapter.shown)).collect();
    let is = |family: fn(&IpAddr) -> bool| addresses.iter().any(|address| family(&address.ip));
    let leased = addresses.iter().any(|address| address.ip.is_ipv4() && !address.is_permanent());
    IpInfo {
        adapter_id: String::new(),
        family: match (is(IpAddr::is_ipv4), is(IpAddr::is_ipv6)) {
            (false, false) => Family::Unspecified,
            (true, false) => Family::V4,
            (false, true) => Family::V6,
            (true, true) => Family::Both,
        },
        dhcp: leased || routes.iter().any(|route| route.family == RouteFamily::V4 && route.is_dhcp()),
        addresses: addresses.into_iter().map(told).collect(),
        gateways: gateways(&routes),
        dns,
    }
}

fn leads_through(route: &Route, links: &[&Link]) -> bool {
    links.iter().any(|link| link.index == route.interface)
}

fn told(address: &Address) -> kvp::Address {
    let made_by_itself = matches!(address.ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let origin = match address.is_permanent() && !made_by_itself {
        true => Origin::Static,
        false => Origin::Other,
    };
    kvp::Address { ip: address.ip, prefix: address.prefix, origin }
}

/// The gateways, IPv4 first, within a family as the kernel prefers them; a family that has one is not without.
fn gateways(routes: &[&Route]) -> Vec<IpAddr> {
    let mut gateways: Vec<IpAddr> = Vec::new();
    for gateway in routes.iter().filter_map(|route| route.gateway) {
        if !gateways.contains(&gateway) {
            gateways.push(gateway);
        }
    }
    gateways.sort_by_key(IpAddr::is_ipv6);
    if let Some(first) = gateways.iter().position(IpAddr::is_ipv6)
        && first >= MAX_GATEWAYS
    {
        gateways.swap(MAX_GATEWAYS - 1, first);
    }
    gateways.truncate(MAX_GATEWAYS);
    gateways
}

/// The same for D-Bus.
pub(super) fn row(adapter: &Adapter<'_>, info: &IpInfo) -> Row {
    let text = |list: &[IpAddr]| list.iter().map(ToString::to_string).collect();
    let addresses = info.addresses.iter().map(|address| format!("{}/{}", address.ip, address.prefix));
    Row {
        interface: adapter.link.name.to_string(),
        mac: mac::text(adapter.names.permanent.first().unwrap_or(&adapter.link.hardware)),
        addresses: addresses.collect(),
        gateways: text(&info.gateways),
        dns: text(&info.dns),
        dhcp: info.dhcp,
    }
}
