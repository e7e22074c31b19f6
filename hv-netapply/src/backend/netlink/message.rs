//! What the kernel tells of addresses and routes, cut down to what it can be told again, and kept as hexadecimal digits: labels,
//! lifetimes, metrics and sources come back with it.
//!
//! No socket here. Numbers are those of `linux/rtnetlink.h`.

use std::net::IpAddr;

use hv_utils_core::netapply::Network;
use rtnetlink::packet_core::{Emitable, Parseable};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHopFlags, RouteProtocol, RouteType,
    RouteVia,
};

/// `RT_TABLE_MAIN`.
const MAIN: u32 = 254;
/// `RT_TABLE_LOCAL`: the kernel's own.
const LOCAL: u32 = 255;
/// `INFINITY_LIFE_TIME`.
const FOR_GOOD: u32 = u32::MAX;
/// `USER_HZ`: the unit in which the kernel tells when a route expires.
const TICKS: u32 = 100;

/// The address of a message.
pub(super) fn network(message: &AddressMessage) -> Option<Network> {
    let mut near = None;
    let mut far = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => near = Some(*ip),
            AddressAttribute::Address(ip) => far = Some(*ip),
            _ => {}
        }
    }
    Some(Network { ip: near.or(far)?, prefix: message.header.prefix_len })
}

/// Whether it has no lifetime.
pub(super) fn is_permanent(message: &AddressMessage) -> bool {
    message.attributes.iter().all(
        |attribute| !matches!(attribute, AddressAttribute::CacheInfo(times) if times.ifa_valid != FOR_GOOD),
    )
}

/// The routing table.
pub(super) fn table(route: &RouteMessage) -> u32 {
    let named = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    named.unwrap_or(u32::from(route.header.table))
}

/// Whether all of the route leads through the link, or a part of it.
pub(super) fn leads_through(route: &RouteMessage, index: u32) -> (bool, bool) {
    let mut ways = Vec::new();
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(link) => ways.push(*link),
            RouteAttribute::MultiPath(hops) => ways.extend(hops.iter().map(|hop| hop.interface_index)),
            _ => {}
        }
    }
    (!ways.is_empty() && ways.iter().all(|way| *way == index), ways.contains(&index))
}

/// Whether it is a default route of the main table.
pub(super) fn is_default(route: &RouteMessage) -> bool {
    route.header.destination_prefix_length == 0
        && route.header.kind == RouteType::Unicast
        && table(route) == MAIN
}

/// Whether it is IPv4's.
pub(super) fn is_v4(route: &RouteMessage) -> bool {
    route.header.address_family == AddressFamily::Inet
}

/// The gateway and the metric.
pub(super) fn gateway(route: &RouteMessage) -> (Option<IpAddr>, u32) {
    let (mut gateway, mut metric) = (None, 0);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Gateway(RouteAddress::Inet(ip)) => gateway = Some(IpAddr::V4(*ip)),
            RouteAttribute::Via(RouteVia::Inet6(ip)) | RouteAttribute::Gateway(RouteAddress::Inet6(ip)) => {
                gateway = Some(IpAddr::V6(*ip));
            }
            RouteAttribute::Priority(priority) => metric = *priority,
            _ => {}
        }
    }
    (gateway, metric)
}

/// Whether the kernel has learned it from a router; old kernels say that it is their own.
pub(super) fn is_learned(route: &RouteMessage) -> bool {
    !is_v4(route) && matches!(route.header.protocol, RouteProtocol::Ra | RouteProtocol::Kernel)
}

/// Whether somebody has made it, and it can be made again: not the kernel's own.
pub(super) fn is_given(route: &RouteMessage) -> bool {
    let own = table(route) == LOCAL || route.header.flags.contains(RouteFlags::Cloned);
    let by_kernel =
        route.header.protocol == RouteProtocol::Kernel && !(is_learned(route) && is_default(route));
    !own && !by_kernel
}

/// The route without what only describes its present state: what remains is the same as long as it is the same route.
pub(super) fn plain(mut route: RouteMessage) -> RouteMessage {
    route.header.flags &= RouteFlags::Onlink | RouteFlags::Pervasive;
    let by_object = route.attributes.iter().any(|attribute| matches!(attribute, RouteAttribute::NhId(_)));
    route.attributes.retain(|attribute| match attribute {
        RouteAttribute::CacheInfo(_) | RouteAttribute::Expires(_) => false,
        // A next hop object says these itself.
        RouteAttribute::Gateway(_)
        | RouteAttribute::Via(_)
        | RouteAttribute::Oif(_)
        | RouteAttribute::MultiPath(_) => !by_object,
        _ => true,
    });
    for attribute in &mut route.attributes {
        if let RouteAttribute::MultiPath(hops) = attribute {
            for hop in hops {
                hop.flags &= RouteNextHopFlags::Onlink | RouteNextHopFlags::Pervasive;
            }
        }
    }
    route
}

/// The route as it can be made again: with the rest of its time.
pub(super) fn to_be_made(route: &RouteMessage) -> RouteMessage {
    let ticks = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::CacheInfo(cached) => Some(cached.expires),
        _ => None,
    });
    let mut made = plain(route.clone());
    if let Some(ticks) = ticks.filter(|ticks| *ticks > 0 && !is_v4(route)) {
        made.attributes.push(RouteAttribute::Expires((ticks / TICKS).max(1)));
    }
    made
}

/// A message as text.
pub(super) fn to_hex(message: &impl Emitable) -> String {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// And back; `None`: it is damaged.
pub(super) fn from_hex<T: Parseable<[u8]>>(text: &str) -> Option<T> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = text.as_bytes().chunks(2).map(byte).collect::<Option<_>>()?;
    T::parse(&bytes).ok()
}
