//! One adapter's configuration as the host wants it: what is left of a SET_IP_INFO once it has been read and checked.
//!
//! Plain values. Each family stands for itself, because hosts often speak of one only.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// An address with the length of its subnet's prefix in bits (up to 32 or 128).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The address.
    pub ip: IpAddr,
    /// Bits of the network's part.
    pub prefix: u8,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// How one family gets its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Addressing {
    /// As now: the host said nothing about it.
    #[default]
    Keep,
    /// By DHCP (IPv4), or by router advertisements and DHCPv6 (IPv6).
    Automatic,
    /// Exactly these, in this order; never empty.
    Static(Vec<Network>),
}

/// What is to hold for one family.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Its addresses.
    pub addressing: Addressing,
    /// Default gateways, the best first, at most five. With [`Addressing::Static`] exactly these; with anything else there
    /// are none.
    pub gateways: Vec<IpAddr>,
    /// DNS servers: exactly these, and none from DHCP or routers; `None`: as they come, or as they are.
    pub dns: Option<Vec<IpAddr>>,
}

impl Plan {
    /// Nothing is said about this family.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.addressing == Addressing::Keep && self.dns.is_none()
    }
}

/// What the host wants of one adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// The adapter's VMBus instance as a GUID: lower case, without braces.
    pub adapter: String,
    /// IPv4.
    pub ipv4: Plan,
    /// IPv6.
    pub ipv6: Plan,
}
