//! Small questions about addresses that every manager's file raises: which family, which plan, which subnet.
//!
//! Nothing of any manager is here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const BOTH: [Family; 2] = [Family::V4, Family::V6];

    /// That of an address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// That of a text that begins with an address and may go on with a prefix, as in `192.0.2.1/24`.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        address(text).map(Self::of)
    }

    /// What an injection says about it.
    #[must_use]
    pub fn plan(self, injection: &Injection) -> &Plan {
        match self {
            Self::V4 => &injection.ipv4,
            Self::V6 => &injection.ipv6,
        }
    }

    /// Whether an injection says which addresses it has.
    #[must_use]
    pub fn is_set(self, injection: &Injection) -> bool {
        self.plan(injection).addressing != Addressing::Keep
    }

    /// The metric that the kernel gives a route without one.
    #[must_use]
    pub const fn default_metric(self) -> u32 {
        match self {
            Self::V4 => 0,
            Self::V6 => 1024,
        }
    }

    /// 0 or 1: for what is kept of each.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The address that a text begins with, without a prefix.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.trim().parse().ok()
}

/// The addresses of a plan; none unless it is static.
#[must_use]
pub fn networks(plan: &Plan) -> &[Network] {
    match &plan.addressing {
        Addressing::Static(networks) => networks,
        Addressing::Keep | Addressing::Automatic => &[],
    }
}

/// Whether the kernel takes `gateway` for a neighbour by itself: it is in one of the subnets, or belongs to the link.
#[must_use]
pub fn is_neighbour(gateway: IpAddr, networks: &[Network]) -> bool {
    match gateway {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => true,
        _ => networks
            .iter()
            .any(|network| subnet(network.ip, network.prefix) == subnet(gateway, network.prefix)),
    }
}

/// The network's part of an address.
fn subnet(ip: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
            Ipv4Addr::from_bits(ip.to_bits() & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests;
