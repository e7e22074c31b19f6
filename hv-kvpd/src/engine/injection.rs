//! What a SET_IP_INFO means: the host's lists in, one checked [`Injection`] or a refusal out.
//!
//! Everything is judged here before anything is touched: what contradicts itself, and what no interface can have. Which
//! interface has the adapter, and whether its manager can do it, is hv-netapply's to say. The rules, with their reasons,
//! are in `docs/protocol/kvp.md`.

use std::net::{IpAddr, Ipv6Addr};

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};
use hv_utils_core::wire::kvp::{Address, Family, IpInfo, Origin};
use hv_utils_core::wire::{Guid, Status};

use super::Adapters;

/// Gateways of a family that a host's interface, and a plan, can hold.
const MOST_GATEWAYS: usize = 5;

/// Why an adapter is not configured as the host wants it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The administrator does not want it.
    #[error("the host may not configure adapters here ([network] host-may-configure = false)")]
    Forbidden,
    /// No interface has it, or it is not named by a GUID.
    #[error("the host names an adapter that no interface has which it is shown")]
    NoAdapter,
    /// Neither addresses, nor DHCP, nor DNS servers.
    #[error("the host says nothing that could be configured")]
    Nothing,
    /// An address or a gateway of a family that the message is not about.
    #[error("{0} is not of the family that the host's message is about")]
    OtherFamily(IpAddr),
    /// An address that no interface can have.
    #[error("no interface can have the address {0}")]
    Address(Network),
    /// The same address twice.
    #[error("the host gives the address {0} twice")]
    Twice(IpAddr),
    /// A gateway that cannot be one.
    #[error("{0} cannot be a gateway")]
    Gateway(IpAddr),
    /// A gateway of a family that gets no address.
    #[error("the host gives the gateway {0}, but no address of its family")]
    GatewayAlone(IpAddr),
    /// More gateways than a plan can hold.
    #[error("the host gives {0} gateways of one family, {MOST_GATEWAYS} are possible")]
    Gateways(usize),
    /// An address that cannot be a DNS server's.
    #[error("{0} cannot be a DNS server")]
    Dns(IpAddr),
}

impl Refused {
    /// What the host is told.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Refused::Forbidden => Status::NOT_SUPPORTED,
            Refused::NoAdapter => Status::NOT_FOUND,
            _ => Status::INVALID_ARG,
        }
    }

    /// The kind, by which refusals are told apart in the log: a host must not be able to fill it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Refused::Forbidden => "forbidden",
            Refused::NoAdapter => "no adapter",
            Refused::Nothing => "nothing",
            Refused::OtherFamily(_) => "other family",
            Refused::Address(_) => "address",
            Refused::Twice(_) => "twice",
            Refused::Gateway(_) => "gateway",
            Refused::GatewayAlone(_) => "gateway alone",
            Refused::Gateways(_) => "gateways",
            Refused::Dns(_) => "dns",
        }
    }
}

/// What `info` comes to.
///
/// # Errors
/// It contradicts itself, or says what cannot be, or is about none of `adapters`.
pub(super) fn injection(info: &IpInfo, adapters: &impl Adapters) -> Result<Injection, Refused> {
    let adapter = named(info).ok_or(Refused::NoAdapter)?;
    let current = adapters.of_device(adapter).ok_or(Refused::NoAdapter)?;
    // With DHCP, addresses and gateways of a family that the message is not about are what the host has learned.
    if !info.dhcp {
        only_its_family(info)?;
    }
    // DHCP is IPv4's, except in a message that is about IPv6 alone.
    let learned = has_learned_ipv6(info, &current);
    let dhcp_v4 = info.dhcp && info.family != Family::V6;
    let has_v6 = info.addresses.iter().any(|entry| entry.ip.is_ipv6());
    let dhcp_v6 = info.dhcp && info.family == Family::V6 && (learned || !has_v6);
    let mut ipv4 = plan(info, dhcp_v4, IpAddr::is_ipv4)?;
    let mut ipv6 = match learned && !dhcp_v6 {
        true => servers_alone(info, IpAddr::is_ipv6)?,
        false => plan(info, dhcp_v6, IpAddr::is_ipv6)?,
    };
    if info.dhcp && has_learned_dns(info, &current) {
        for plan in [&mut ipv4, &mut ipv6] {
            if !matches!(plan.addressing, Addressing::Static(_)) {
                plan.dns = None;
            }
        }
    }
    if ipv4.is_silent() && ipv6.is_silent() {
        return Err(Refused::Nothing);
    }
    Ok(Injection { adapter: adapter.to_string(), ipv4, ipv6 })
}

/// Whether `info` is about an adapter that has no interface yet.
pub(super) fn is_coming(info: &IpInfo, adapters: &impl Adapters) -> bool {
    named(info).is_some_and(|adapter| adapters.is_coming(adapter))
}

fn named(info: &IpInfo) -> Option<Guid> {
    info.adapter_id.trim().parse().ok()
}

/// Whether a message of that family is about addresses and gateways of this one's. DNS servers are of either: whom one
/// asks says nothing about what one asks for.
fn is_about(family: Family, ip: IpAddr) -> bool {
    match family {
        Family::V4 => ip.is_ipv4(),
        Family::V6 => ip.is_ipv6(),
        Family::Unspecified | Family::Both => true,
    }
}

fn only_its_family(info: &IpInfo) -> Result<(), Refused> {
    let addresses = info.addresses.iter().map(|entry| entry.ip);
    let mut entries = addresses.chain(info.gateways.iter().copied());
    entries.find(|ip| !is_about(info.family, *ip)).map_or(Ok(()), |ip| Err(Refused::OtherFamily(ip)))
}

/// Whether all that a message with DHCP says of IPv6 is what the host has read here: addresses that routers or the kernel
/// have made. A host that reads a configuration, switches DHCP on and writes it back does not want these fixed.
fn has_learned_ipv6(info: &IpInfo, current: &IpInfo) -> bool {
    let learned = |entry: &Address| {
        let made = matches!(entry.ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        let mut now = current.addresses.iter().filter(|now| now.origin == Origin::Other);
        made || now.any(|now| (now.ip, now.prefix) == (entry.ip, entry.prefix))
    };
    let mut ipv6 = info.addresses.iter().filter(|entry| entry.ip.is_ipv6()).peekable();
    info.dhcp && ipv6.peek().is_some() && ipv6.all(learned)
}

/// Whether the DNS servers of a message are those that the host has read here. In binary it has them by family.
fn has_learned_dns(info: &IpInfo, current: &IpInfo) -> bool {
    let by_family = |list: &[IpAddr]| {
        let mut list = list.to_vec();
        list.sort_by_key(IpAddr::is_ipv6);
        list
    };
    by_family(&info.dns) == by_family(&current.dns)
}

/// One family's part. With `automatic`, addresses and gateways in the message are those that the host has learned from
/// this machine: they are not looked at.
fn plan(info: &IpInfo, automatic: bool, own: fn(&IpAddr) -> bool) -> Result<Plan, Refused> {
    let silent = servers_alone(info, own)?;
    if automatic {
        return Ok(Plan { addressing: Addressing::Automatic, ..silent });
    }
    let counts = |ip: &IpAddr| own(ip) && is_about(info.family, *ip);
    let addresses = addresses(info.addresses.iter().filter(|entry| counts(&entry.ip)))?;
    let gateways = gateways(info.gateways.iter().copied().filter(counts), &addresses)?;
    match (addresses.is_empty(), gateways.first()) {
        (true, Some(gateway)) => Err(Refused::GatewayAlone(*gateway)),
        (true, None) => Ok(silent),
        // What is static is whole: DNS servers that came from DHCP before are not wanted any more.
        (false, _) => {
            let dns = silent.dns.or_else(|| Some(Vec::new()));
            Ok(Plan { addressing: Addressing::Static(addresses), gateways, dns })
        }
    }
}

/// One family's part where only its DNS servers count.
fn servers_alone(info: &IpInfo, own: fn(&IpAddr) -> bool) -> Result<Plan, Refused> {
    let servers = dns(info.dns.iter().copied().filter(own))?;
    let dns = (!servers.is_empty()).then_some(servers);
    Ok(Plan { addressing: Addressing::Keep, gateways: Vec::new(), dns })
}

fn addresses<'a>(entries: impl Iterator<Item = &'a Address>) -> Result<Vec<Network>, Refused> {
    let mut taken: Vec<Network> = Vec::new();
    for entry in entries {
        let network = Network { ip: entry.ip, prefix: entry.prefix };
        if entry.ip.is_loopback()
            || is_no_ones(entry.ip)
            || !is_prefix(&network)
            || is_its_subnets(&network, entry.ip)
        {
            return Err(Refused::Address(network));
        }
        if taken.iter().any(|known| known.ip == network.ip) {
            return Err(Refused::Twice(network.ip));
        }
        taken.push(network);
    }
    Ok(taken)
}

/// Gateways may lie outside of every subnet: a route to them is made then. Said twice is said once.
fn gateways(entries: impl Iterator<Item = IpAddr>, addresses: &[Network]) -> Result<Vec<IpAddr>, Refused> {
    let mut taken = Vec::new();
    for gateway in entries.filter(first_time()) {
        let own = addresses.iter().any(|network| network.ip == gateway || is_its_subnets(network, gateway));
        if own || gateway.is_loopback() || is_no_ones(gateway) {
            return Err(Refused::Gateway(gateway));
        }
        taken.push(gateway);
    }
    if taken.len() > MOST_GATEWAYS {
        return Err(Refused::Gateways(taken.len()));
    }
    Ok(taken)
}

/// DNS servers; a resolver on this machine is one.
fn dns(entries: impl Iterator<Item = IpAddr>) -> Result<Vec<IpAddr>, Refused> {
    let servers: Vec<IpAddr> = entries.filter(first_time()).collect();
    match servers.iter().find(|server| !server.is_loopback() && is_no_ones(**server)) {
        Some(server) => Err(Refused::Dns(*server)),
        None => Ok(servers),
    }
}

/// Takes each address once.
fn first_time() -> impl FnMut(&IpAddr) -> bool {
    let mut seen = Vec::new();
    move |ip| {
        let new = !seen.contains(ip);
        if new {
            seen.push(*ip);
        }
        new
    }
}

/// Addresses that name no single machine anywhere; loopback is not among them.
fn is_no_ones(ip: IpAddr) -> bool {
    match ip {
        // 0/8: this network; 224/4: multicast; 240/4: reserved, with the limited broadcast.
        IpAddr::V4(ip) => matches!(ip.octets()[0], 0 | 224..),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast() || is_ipv4_inside(ip),
    }
}

/// IPv4 in IPv6's clothes: `::ffff:0:0/96`, and `::/96` which nobody uses any more.
fn is_ipv4_inside(ip: Ipv6Addr) -> bool {
    !ip.is_loopback() && (ip.to_ipv4_mapped().is_some() || ip.segments()[..6] == [0; 6])
}

fn is_prefix(network: &Network) -> bool {
    let most = if network.ip.is_ipv4() { 32 } else { 128 };
    (1..=most).contains(&network.prefix)
}

/// Whether `ip` is what an IPv4 subnet keeps for itself: its network or broadcast address. Subnets of two have none
/// (RFC 3021).
fn is_its_subnets(network: &Network, ip: IpAddr) -> bool {
    let (IpAddr::V4(of), IpAddr::V4(ip)) = (network.ip, ip) else { return false };
    if network.prefix > 30 {
        return false;
    }
    let hosts = u32::MAX >> network.prefix;
    let same = (of.to_bits() ^ ip.to_bits()) & !hosts == 0;
    same && matches!(ip.to_bits() & hosts, rest if rest == 0 || rest == hosts)
}

#[cfg(test)]
mod tests;
