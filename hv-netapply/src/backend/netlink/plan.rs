//! What is to be on a link, in the kernel's terms, made from an injection.
//!
//! Plain values. What was there before is another matter: it comes back as the kernel told of it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};

/// Metric of the first default route; the next ones come after it. What managers use, so that a route of theirs by another
/// link is not overtaken.
const METRIC: u32 = 100;

/// One family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Family {
    /// Its addresses, in this order; without those that the kernel makes itself.
    pub(super) addresses: Vec<Network>,
    /// Its default routes with their metrics.
    pub(super) gateways: Vec<(IpAddr, u32)>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// IPv4; `None`: left alone.
    pub(super) ipv4: Option<Family>,
    /// IPv6; `None`: left alone.
    pub(super) ipv6: Option<Family>,
    /// Whether the kernel is to follow routers; `None`: left alone.
    pub(super) routers: Option<bool>,
}

impl Wanted {
    /// What an injection comes to.
    pub(super) fn of(injection: &Injection) -> Self {
        let routers = match injection.ipv6.addressing {
            Addressing::Keep => None,
            Addressing::Automatic => Some(true),
            Addressing::Static(_) => Some(false),
        };
        Self { ipv4: family(&injection.ipv4), ipv6: family(&injection.ipv6), routers }
    }
}

/// Whether an address is given by somebody, and not the kernel's own.
pub(super) fn is_ours(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    }
}

/// A file of the kernel's IPv6 settings for one interface.
pub(super) fn setting(proc_root: &Path, interface: &str, key: &str) -> PathBuf {
    proc_root.join("sys/net/ipv6/conf").join(interface).join(key)
}

fn family(plan: &Plan) -> Option<Family> {
    let addresses = match &plan.addressing {
        Addressing::Keep => return None,
        Addressing::Automatic => vec![],
        Addressing::Static(addresses) => addresses.clone(),
    };
    let gateways = plan.gateways.iter().copied().zip(METRIC..).collect();
    Some(Family { addresses, gateways })
}
