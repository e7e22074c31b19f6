//! Default routes, from the bytes of their messages to what is kept of them.
//!
//! Only what leads everywhere counts: destination of length 0, unicast, for all senders and all kinds of service, in
//! any table but the kernel's own. Anything else is recognised by its first bytes and costs no more than those.
//! Numbers are those of `linux/rtnetlink.h`.

use std::net::IpAddr;

use super::message::{attributes, ip, word};

/// Bytes of `struct rtmsg`.
const HEADER: usize = 12;
/// `AF_INET`
const AF_INET: u8 = 2;
/// `AF_INET6`
const AF_INET6: u8 = 10;
/// `RT_TABLE_LOCAL`: the machine's own addresses.
const LOCAL_TABLE: u32 = 255;
/// `RTN_UNICAST`
const UNICAST: u8 = 1;
/// `RTM_F_CLONED`: a cached copy for one destination.
const CLONED: u32 = 0x200;
/// `RTNH_F_DEAD`: its interface is down.
const DEAD: u8 = 1;
/// Bytes of `struct rtnexthop`.
const HOP_HEADER: usize = 8;

const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
/// A gateway of another family than the route's: `struct rtvia`, a family and an address.
const RTA_VIA: u16 = 18;
/// The number of the next hop object that it goes by.
const RTA_NH_ID: u16 = 30;

/// `RTPROT_DHCP`: a DHCP client has made it.
const DHCP: u8 = 16;

/// Of which traffic a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteFamily {
    /// IPv4, perhaps by way of an IPv6 gateway.
    V4,
    /// IPv6.
    V6,
}

/// A default route, or one of the ways of one that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Of which traffic.
    pub family: RouteFamily,
    /// Where it leads; `None` where everybody is on the link.
    pub gateway: Option<IpAddr>,
    /// The interface that it leads through.
    pub interface: u32,
    /// The routing table: 254 is the main one.
    pub table: u32,
    /// Its metric; the lowest counts.
    pub metric: u32,
    /// Who made it: `RTPROT_*` of `linux/rtnetlink.h`.
    pub protocol: u8,
    /// The address that an IPv4 route is for, if it is for one: it goes with that address. An IPv6 route only loses it,
    /// and no message says so.
    pub source: Option<IpAddr>,
}

impl Route {
    /// The table that is asked without further rules (`RT_TABLE_MAIN`).
    pub const MAIN: u32 = 254;

    /// Whether a DHCP client made it.
    #[must_use]
    pub fn is_dhcp(&self) -> bool {
        self.protocol == DHCP
    }

    /// Where it stands among others, best first: IPv4, the main table, the metric.
    #[must_use]
    pub fn rank(&self) -> impl Ord + use<> {
        (self.family, self.table != Route::MAIN, self.metric, self.table)
    }
}

/// A route that is there, or has gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RouteNews {
    /// Its ways; those that cannot be used at present are not among them.
    pub(super) ways: Vec<Route>,
    /// Another one with the same metric in the same table is gone instead.
    pub(super) replaces: bool,
    /// A way of it cannot be used as long as its interface is down.
    pub(super) torn: bool,
    /// The next hop object, or the group of them, that it shares with other routes.
    pub(super) next_hop: Option<u32>,
}

/// Reads `RTM_NEWROUTE` or `RTM_DELROUTE`; `None` if it is no default route, or not well formed.
pub(super) fn parse(payload: &[u8]) -> Option<RouteNews> {
    let [family, 0, 0, 0, table, protocol, _scope, UNICAST, ..] = *payload else { return None };
    let family = match family {
        AF_INET => RouteFamily::V4,
        AF_INET6 => RouteFamily::V6,
        _ => return None,
    };
    if word(payload, 8)? & CLONED != 0 {
        return None;
    }
    let (table, metric) = (u32::from(table), 0);
    let mut route = Route { family, gateway: None, interface: 0, table, metric, protocol, source: None };
    let (mut several, mut news) = (None, RouteNews::default());
    for (kind, value) in attributes(payload.get(HEADER..)?) {
        match kind {
            RTA_OIF => route.interface = word(value, 0)?,
            RTA_GATEWAY => route.gateway = ip(value),
            RTA_VIA => route.gateway = value.get(2..).and_then(ip),
            RTA_PRIORITY => route.metric = word(value, 0)?,
            RTA_PREFSRC if family == RouteFamily::V4 => route.source = ip(value),
            RTA_TABLE => route.table = word(value, 0)?,
            RTA_MULTIPATH => several = Some(value),
            RTA_NH_ID => news.next_hop = word(value, 0).filter(|number| *number != 0),
            _ => {}
        }
    }
    if route.table == LOCAL_TABLE {
        return None;
    }
    match several {
        Some(ways) => read_ways(ways, &route, &mut news),
        None => news.ways.push(route),
    }
    news.ways.retain(|way| way.interface != 0);
    Some(news)
}

/// The ways of a multipath route: `struct rtnexthop` and attributes, one after the other.
fn read_ways(mut bytes: &[u8], common: &Route, news: &mut RouteNews) {
    while let Some(length) = bytes.first_chunk().map(|length| usize::from(u16::from_ne_bytes(*length))) {
        let (Some(way), Some(flags)) = (bytes.get(HOP_HEADER..length), bytes.get(2)) else { break };
        if flags & DEAD != 0 {
            news.torn = true;
        } else {
            let interface = word(bytes, 4).unwrap_or_default();
            let mut route = Route { interface, gateway: None, ..common.clone() };
            for (kind, value) in attributes(way) {
                match kind {
                    RTA_GATEWAY => route.gateway = ip(value),
                    RTA_VIA => route.gateway = value.get(2..).and_then(ip),
                    _ => {}
                }
            }
            news.ways.push(route);
        }
        bytes = bytes.get(length.next_multiple_of(4).max(HOP_HEADER)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
