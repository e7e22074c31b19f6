//! Telling the kernel: addresses, default routes, and whether a link follows routers.
//!
//! From what is there to what is wanted by the smallest steps: what is right stays untouched, so that a configuration that is
//! in force already costs nobody a connection.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use futures_util::TryStreamExt;
use hv_utils_core::netapply::Network;
use hv_utils_core::network::{Link, Route, RouteFamily, Table};
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::route::{RouteFlags, RouteMessage};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

use super::plan::{Family, Wanted, is_ours, setting};
use crate::backend::Target;
use crate::error::Error;

/// A conversation with the kernel.
#[derive(Debug)]
pub(super) struct Kernel(Handle);

impl Kernel {
    pub(super) fn connect() -> Result<Self, Error> {
        let (connection, handle, _) = rtnetlink::new_connection()
            .map_err(|error| Error::not_applied(format!("no netlink socket: {error}")))?;
        tokio::spawn(connection);
        Ok(Self(handle))
    }

    /// Makes the link as it is wanted; `table` is what is there.
    pub(super) async fn put(
        &self,
        target: &Target,
        wanted: &Wanted,
        table: &Table,
        proc_root: &Path,
    ) -> Result<(), Error> {
        let gone = || Error::not_applied(format!("{} has gone", target.interface));
        let link = table.link(target.index).ok_or_else(gone)?;
        if let Some((accept, autoconf)) = wanted.routers {
            follow_routers(proc_root, &target.interface, accept, autoconf);
        }
        if wanted.up && !link.up {
            let message = LinkUnspec::new_with_index(target.index).up().build();
            let up = self.0.link().set(message).execute().await;
            up.map_err(|error| failed(target, "switch it on", &error))?;
        }
        for (kind, family) in [(RouteFamily::V4, &wanted.ipv4), (RouteFamily::V6, &wanted.ipv6)] {
            if let Some(family) = family {
                self.put_family(target, kind, family, link, table).await?;
            }
        }
        if !wanted.up && link.up {
            let message = LinkUnspec::new_with_index(target.index).down().build();
            let down = self.0.link().set(message).execute().await;
            down.map_err(|error| failed(target, "switch it off", &error))?;
        }
        Ok(())
    }

    async fn put_family(
        &self,
        target: &Target,
        kind: RouteFamily,
        wanted: &Family,
        link: &Link,
        table: &Table,
    ) -> Result<(), Error> {
        let v4 = kind == RouteFamily::V4;
        let there = link.addresses.iter().filter(|there| there.ip.is_ipv4() == v4 && is_ours(there.ip));
        // Addresses that routers gave go by themselves with what the kernel is told about routers.
        let there = there.filter(|there| v4 || there.is_permanent());
        let there: Vec<Network> = there.map(|there| Network { ip: there.ip, prefix: there.prefix }).collect();
        let routes = table.routes().iter().filter(|route| {
            route.interface == target.index && route.family == kind && route.table == Route::MAIN
        });
        let right = |route: &&Route| {
            route.gateway.is_some_and(|gateway| wanted.gateways.contains(&(gateway, route.metric)))
        };
        for route in routes.filter(|route| !right(route)) {
            self.remove_route(target, route).await;
        }
        for network in there.iter().filter(|network| !wanted.addresses.contains(network)) {
            self.remove_address(target, *network).await?;
        }
        for network in &wanted.addresses {
            let added =
                self.0.address().add(target.index, network.ip, network.prefix).replace().execute().await;
            added.map_err(|error| failed(target, &format!("add {network}"), &error))?;
        }
        // After the addresses: a route needs one to be by. Some went with those that were removed.
        for (gateway, metric) in &wanted.gateways {
            self.add_route(target, *gateway, *metric, &wanted.addresses).await?;
        }
        Ok(())
    }

    async fn remove_address(&self, target: &Target, network: Network) -> Result<(), Error> {
        let mut all = self.0.address().get().set_link_index_filter(target.index).execute();
        let found = async {
            while let Some(message) = all.try_next().await? {
                if is(&message, network) {
                    return self.0.address().del(message).execute().await;
                }
            }
            Ok(())
        };
        match found.await {
            // A secondary address goes with the primary one of its subnet.
            Err(rtnetlink::Error::NetlinkError(error))
                if error.raw_code() == -rustix::io::Errno::ADDRNOTAVAIL.raw_os_error() =>
            {
                Ok(())
            }
            result => result.map_err(|error| failed(target, &format!("remove {network}"), &error)),
        }
    }

    async fn add_route(
        &self,
        target: &Target,
        gateway: IpAddr,
        metric: u32,
        addresses: &[Network],
    ) -> Result<(), Error> {
        let mut message = default_route(target.index, Some(gateway), metric);
        if !addresses.iter().any(|network| within(*network, gateway)) {
            message.header.flags |= RouteFlags::Onlink;
        }
        let added = self.0.route().add(message).replace().execute().await;
        added.map_err(|error| failed(target, &format!("add a default route by {gateway}"), &error))
    }

    async fn remove_route(&self, target: &Target, route: &Route) {
        let message = default_route_of(target.index, route);
        if let Err(error) = self.0.route().del(message).execute().await {
            // It may have gone with an address; what is still there is seen when it is read back.
            tracing::debug!("{}: a default route was not removed: {error}", target.interface);
        }
    }
}

fn is(message: &AddressMessage, network: Network) -> bool {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    });
    let far = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(ip) => Some(*ip),
        _ => None,
    });
    message.header.prefix_len == network.prefix && local.or(far) == Some(network.ip)
}

fn default_route(index: u32, gateway: Option<IpAddr>, metric: u32) -> RouteMessage {
    match gateway {
        Some(IpAddr::V4(gateway)) => {
            let route = RouteMessageBuilder::<std::net::Ipv4Addr>::new();
            route.output_interface(index).priority(metric).gateway(gateway).build()
        }
        Some(IpAddr::V6(gateway)) => {
            let route = RouteMessageBuilder::<std::net::Ipv6Addr>::new();
            route.output_interface(index).priority(metric).gateway(gateway).build()
        }
        None => {
            let route = RouteMessageBuilder::<std::net::Ipv4Addr>::new();
            route.output_interface(index).priority(metric).build()
        }
    }
}

/// The kernel finds a route to be deleted by what the message says.
fn default_route_of(index: u32, route: &Route) -> RouteMessage {
    if route.gateway.is_none() && route.family == RouteFamily::V6 {
        let builder = RouteMessageBuilder::<std::net::Ipv6Addr>::new();
        return builder.output_interface(index).priority(route.metric).build();
    }
    let mut message = default_route(index, route.gateway, route.metric);
    message.header.protocol = route.protocol.into();
    message
}

/// Whether `ip` is in the subnet of an address.
pub(super) fn within(network: Network, ip: IpAddr) -> bool {
    match (network.ip, ip) {
        (IpAddr::V4(own), IpAddr::V4(ip)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(network.prefix.min(32))).unwrap_or(0);
            own.to_bits() & mask == ip.to_bits() & mask
        }
        (IpAddr::V6(_), IpAddr::V6(ip)) if ip.is_unicast_link_local() => true,
        (IpAddr::V6(own), IpAddr::V6(ip)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(network.prefix.min(128))).unwrap_or(0);
            own.to_bits() & mask == ip.to_bits() & mask
        }
        _ => false,
    }
}

fn follow_routers(proc_root: &Path, interface: &str, accept: i32, autoconf: i32) {
    for (key, value) in [("accept_ra", accept), ("autoconf", autoconf)] {
        let path = setting(proc_root, interface, key);
        // No IPv6 in this kernel: then there are no routers to follow.
        if let Err(error) = fs::write(&path, value.to_string()) {
            tracing::debug!("cannot write {}: {error}", path.display());
        }
    }
}

fn failed(target: &Target, what: &str, error: &rtnetlink::Error) -> Error {
    Error::not_applied(format!("{}: the kernel does not let us {what}: {error}", target.interface))
}
