//! Whether an injection is in force, as the kernel shows it.
//!
//! Exactly what was wanted, no less and no more: an old address that lingers would answer where the host's user believes
//! nobody does. What only a manager knows (DNS servers) is not seen here.

use std::net::IpAddr;

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};
use hv_utils_core::network::{Address, Kind, Link, Route, RouteFamily, Table};

/// `IFA_F_DADFAILED` of `linux/if_addr.h`.
const DAD_FAILED: u32 = 0x08;
/// `RT_SCOPE_UNIVERSE`: everywhere.
const EVERYWHERE: u8 = 0;
/// `RTPROT_RA`: learned from a router.
const FROM_ROUTER: u8 = 9;
/// `RTPROT_KERNEL`: older kernels say so of what they learned from a router.
const FROM_KERNEL: u8 = 2;

/// What one look shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// All of it is in force.
    There,
    /// Not yet; what is missing or too much, for a person.
    NotYet(String),
    /// It will never be.
    Never(String),
}

/// Compares what is wanted of the link `index` with what there is.
#[must_use]
pub fn look(injection: &Injection, index: u32, table: &Table) -> Seen {
    let Some(link) = table.link(index) else { return Seen::Never("the interface has gone".to_owned()) };
    if !link.up {
        return Seen::NotYet(format!("{} is switched off", link.name));
    }
    let families = [(RouteFamily::V4, &injection.ipv4), (RouteFamily::V6, &injection.ipv6)];
    for (family, plan) in families {
        let seen = match &plan.addressing {
            Addressing::Keep => Seen::There,
            Addressing::Automatic => automatic(family, link, table),
            Addressing::Static(wanted) => exactly(family, wanted, plan, link, table),
        };
        if seen != Seen::There {
            return seen;
        }
    }
    Seen::There
}

fn of(family: RouteFamily, ip: IpAddr) -> bool {
    ip.is_ipv4() == (family == RouteFamily::V4)
}

fn exactly(family: RouteFamily, wanted: &[Network], plan: &Plan, link: &Link, table: &Table) -> Seen {
    for network in wanted {
        let found =
            link.addresses.iter().find(|there| there.ip == network.ip && there.prefix == network.prefix);
        match found {
            None => return Seen::NotYet(format!("{network} is not on {}", link.name)),
            Some(there) if there.flags & DAD_FAILED != 0 => {
                return Seen::Never(format!("another machine on the network has {}", network.ip));
            }
            // Without a carrier nobody can be asked: that is done when it has one.
            Some(there) if !there.is_confirmed() && link.carrier => {
                return Seen::NotYet(format!("{network} is still being tested for duplicates"));
            }
            Some(_) => {}
        }
    }
    let surplus = |there: &&Address| {
        let wanted = wanted.iter().any(|network| network.ip == there.ip && network.prefix == there.prefix);
        of(family, there.ip) && is_configured(family, there) && !wanted
    };
    if let Some(there) = link.addresses.iter().find(surplus) {
        return Seen::NotYet(format!("{}/{} is still on {}", there.ip, there.prefix, link.name));
    }
    gateways(family, &plan.gateways, link, table)
}

/// IPv4: whatever reaches beyond the machine and is no link-local address. IPv6: what was given for good; what a router has
/// announced and what was made from it may stay.
fn is_configured(family: RouteFamily, there: &Address) -> bool {
    match (family, there.ip) {
        (RouteFamily::V4, IpAddr::V4(ip)) => there.scope == EVERYWHERE && !ip.is_link_local(),
        (RouteFamily::V6, IpAddr::V6(ip)) => there.is_permanent() && !ip.is_unicast_link_local(),
        _ => false,
    }
}

fn gateways(family: RouteFamily, wanted: &[IpAddr], link: &Link, table: &Table) -> Seen {
    let here = |route: &&Route| {
        route.interface == link.index && route.family == family && is_asked(route, link, table)
    };
    let routes = || table.routes().iter().filter(here);
    for gateway in wanted {
        if !routes().any(|route| route.gateway == Some(*gateway)) {
            return Seen::NotYet(format!("there is no default route by {gateway} on {}", link.name));
        }
    }
    let learned = |protocol| family == RouteFamily::V6 && matches!(protocol, FROM_ROUTER | FROM_KERNEL);
    let mut surplus = routes().filter(|route| !learned(route.protocol));
    let surplus = surplus.find(|route| route.gateway.is_none_or(|gateway| !wanted.contains(&gateway)));
    match surplus.and_then(|route| route.gateway) {
        Some(gateway) => {
            Seen::NotYet(format!("there is still a default route by {gateway} on {}", link.name))
        }
        None => Seen::There,
    }
}

/// Other tables are an administrator's, for traffic that rules of his choose. In a VRF the table is the VRF's, whose number is
/// not known here: there any may be it.
fn is_asked(route: &Route, link: &Link, table: &Table) -> bool {
    let master = link.master.and_then(|master| table.link(master));
    let in_vrf = master.is_some_and(|master| master.kind == Kind::Other);
    route.table == Route::MAIN || in_vrf
}

/// IPv4: a lease is there. IPv6: nothing that was given for good is left; whether a router announces anything is the
/// network's matter.
fn automatic(family: RouteFamily, link: &Link, table: &Table) -> Seen {
    let mut addresses = link.addresses.iter().filter(|there| of(family, there.ip));
    if family == RouteFamily::V6 {
        let left = addresses.find(|there| is_configured(family, there));
        return match left {
            Some(there) => Seen::NotYet(format!("{}/{} is still on {}", there.ip, there.prefix, link.name)),
            None => Seen::There,
        };
    }
    let by_route = table
        .routes()
        .iter()
        .any(|route| route.interface == link.index && route.family == family && route.is_dhcp());
    let leased = |there: &Address| is_configured(family, there) && (!there.is_permanent() || by_route);
    if addresses.any(leased) {
        return Seen::There;
    }
    Seen::NotYet(format!("no DHCP server has given {} an address", link.name))
}

#[cfg(test)]
mod tests;
