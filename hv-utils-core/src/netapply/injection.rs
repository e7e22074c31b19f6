//! One adapter's configuration as the host wants it: what is left of a SET_IP_INFO once it has been read and checked.
//!
//! Plain values. Each family stands for itself, because hosts often speak of one only.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::wire::Guid;

/// More gateways a family has no use for: the host cannot say more.
const MOST_GATEWAYS: usize = 5;
/// More addresses, and more DNS servers, than any host says.
const MOST_ENTRIES: usize = 64;

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

impl Injection {
    /// Whether it is what its types promise: whoever is given one by another process has to ask.
    ///
    /// # Errors
    /// It is not; a sentence without a full stop that says why.
    pub fn check(&self) -> Result<(), String> {
        let adapter = &self.adapter;
        if !adapter.parse::<Guid>().is_ok_and(|guid| guid.to_string() == *adapter) {
            return Err(format!("{adapter:?} is not a GUID in lower case without braces"));
        }
        self.ipv4.check("IPv4", IpAddr::is_ipv4).and_then(|()| self.ipv6.check("IPv6", IpAddr::is_ipv6))
    }
}

impl Plan {
    fn check(&self, family: &str, is_of: impl Fn(&IpAddr) -> bool) -> Result<(), String> {
        let is_static = matches!(self.addressing, Addressing::Static(_));
        if let Addressing::Static(networks) = &self.addressing {
            if networks.is_empty() {
                return Err(format!("{family} is to be static without an address"));
            }
            at_most(networks, MOST_ENTRIES, family, "addresses")?;
            for network in networks {
                let most = if network.ip.is_ipv4() { 32 } else { 128 };
                if !is_of(&network.ip) || !is_hosts(network.ip) || !(1..=most).contains(&network.prefix) {
                    return Err(format!("{network} is not an {family} address that an adapter can have"));
                }
            }
        }
        if !is_static && !self.gateways.is_empty() {
            return Err(format!("{family} has gateways without addresses"));
        }
        at_most(&self.gateways, MOST_GATEWAYS, family, "gateways")?;
        if let Some(gateway) = self.gateways.iter().find(|ip| !is_of(ip) || !is_hosts(**ip)) {
            return Err(format!("{gateway} is not the address of an {family} gateway"));
        }
        let servers = self.dns.as_deref().unwrap_or_default();
        at_most(servers, MOST_ENTRIES, family, "DNS servers")?;
        // A resolver of the machine's own may be meant by the loopback address.
        let is_servers = |ip: &IpAddr| is_of(ip) && (is_hosts(*ip) || ip.is_loopback());
        match servers.iter().find(|ip| !is_servers(ip)) {
            Some(server) => Err(format!("{server} is not the address of an {family} DNS server")),
            None => Ok(()),
        }
    }
}

/// Whether one machine can have it on a network.
fn is_hosts(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !(ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() || broadcast)
}

fn at_most<T>(list: &[T], most: usize, family: &str, what: &str) -> Result<(), String> {
    if list.len() <= most {
        return Ok(());
    }
    Err(format!("{} {family} {what} are more than {most}", list.len()))
}
