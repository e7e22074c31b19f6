//! What is to be on a link, in the kernel's terms; made from an injection, or from what is there now.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};
use hv_utils_core::network::{RouteFamily, Table};
use serde::{Deserialize, Serialize};

use crate::backend::Target;

/// Metric of the first default route; the next ones come after it. What managers use, so that a route of theirs by another
/// link is not overtaken.
const METRIC: u32 = 100;
/// `RTPROT_RA`: what the kernel learns from routers is its own.
const FROM_ROUTER: u8 = 9;
/// `RT_TABLE_MAIN`.
const MAIN: u32 = 254;

/// One family.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Family {
    /// Its addresses, in this order; without those that the kernel makes itself.
    pub(super) addresses: Vec<Network>,
    /// Its default routes with their metrics.
    pub(super) gateways: Vec<(IpAddr, u32)>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// IPv4; `None`: left alone.
    pub(super) ipv4: Option<Family>,
    /// IPv6; `None`: left alone.
    pub(super) ipv6: Option<Family>,
    /// Whether the kernel follows routers (`accept_ra` and `autoconf`); `None`: left alone.
    pub(super) routers: Option<(i32, i32)>,
    /// Whether it is switched on.
    pub(super) up: bool,
}

impl Wanted {
    /// What an injection comes to.
    pub(super) fn of(injection: &Injection) -> Self {
        let routers = match injection.ipv6.addressing {
            Addressing::Keep => None,
            Addressing::Automatic => Some((1, 1)),
            Addressing::Static(_) => Some((0, 0)),
        };
        Self { ipv4: family(&injection.ipv4), ipv6: family(&injection.ipv6), routers, up: true }
    }

    /// What is there.
    pub(super) fn now(target: &Target, table: &Table, proc_root: &Path) -> Self {
        let Some(link) = table.link(target.index) else { return Self::default() };
        let pick = |kind: RouteFamily| {
            let v4 = kind == RouteFamily::V4;
            let addresses = link.addresses.iter().filter(|there| there.ip.is_ipv4() == v4);
            let own = addresses.filter(|there| is_ours(there.ip) && (v4 || there.is_permanent()));
            let routes = table.routes().iter().filter(|route| {
                let here = route.interface == target.index && route.table == MAIN && route.family == kind;
                here && route.protocol != FROM_ROUTER
            });
            Family {
                addresses: own.map(|there| Network { ip: there.ip, prefix: there.prefix }).collect(),
                gateways: routes.filter_map(|route| Some((route.gateway?, route.metric))).collect(),
            }
        };
        let number =
            |key| fs::read_to_string(setting(proc_root, &target.interface, key)).ok()?.trim().parse().ok();
        Self {
            ipv4: Some(pick(RouteFamily::V4)),
            ipv6: Some(pick(RouteFamily::V6)),
            routers: number("accept_ra").zip(number("autoconf")),
            up: link.up,
        }
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
