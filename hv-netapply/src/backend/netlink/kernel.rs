//! Telling the kernel: addresses, default routes, and whether a link follows routers.
//!
//! From what is there to what is wanted by the smallest steps: what is right stays untouched, so that a configuration that is
//! in force already costs nobody a connection.

use std::net::IpAddr;
use std::path::Path;

use futures_util::TryStreamExt;
use hv_utils_core::netapply::Network;
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::route::{RouteFlags, RouteMessage};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

use super::message::{gateway, is_default, is_learned, is_permanent, is_v4, leads_through, network, plain};
use super::plan::{Family, Wanted, is_ours};
use super::routers::Following;
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

    /// Makes the link as it is wanted; `up`: whether it is switched on now.
    pub(super) async fn put(
        &self,
        target: &Target,
        wanted: &Wanted,
        up: bool,
        proc_root: &Path,
    ) -> Result<(), Error> {
        if let Some(follow) = wanted.routers {
            let following = Following::wanted(proc_root, &target.interface, follow);
            following.put(proc_root, &target.interface);
        }
        if !up {
            self.switch(target, true).await?;
        }
        if let Some(family) = &wanted.ipv4 {
            self.put_family(target, true, family, false).await?;
        }
        if let Some(family) = &wanted.ipv6 {
            self.put_family(target, false, family, wanted.routers == Some(true)).await?;
        }
        Ok(())
    }

    /// Switches the link on or off.
    pub(super) async fn switch(&self, target: &Target, on: bool) -> Result<(), Error> {
        let link = LinkUnspec::new_with_index(target.index);
        let (link, what) = if on { (link.up(), "switch it on") } else { (link.down(), "switch it off") };
        let switched = self.0.link().set(link.build()).execute().await;
        switched.map_err(|error| failed(target, what, &error))
    }

    /// All addresses of the link, in the kernel's order.
    pub(super) async fn addresses(&self, target: &Target) -> Result<Vec<AddressMessage>, Error> {
        let all = self.0.address().get().set_link_index_filter(target.index).execute();
        all.try_collect().await.map_err(|error| failed(target, "list its addresses", &error))
    }

    /// All routes through the link, in all tables, in the kernel's order.
    pub(super) async fn routes(&self, target: &Target) -> Result<Vec<RouteMessage>, Error> {
        let mut routes = Vec::new();
        for any in [
            RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
            RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
        ] {
            let all: Result<Vec<_>, _> = self.0.route().get(any).execute().try_collect().await;
            routes.extend(all.map_err(|error| failed(target, "list its routes", &error))?);
        }
        routes.retain(|route| leads_through(route, target.index).1);
        Ok(routes)
    }

    async fn put_family(
        &self,
        target: &Target,
        v4: bool,
        wanted: &Family,
        keep_learned: bool,
    ) -> Result<(), Error> {
        let right = |route: &RouteMessage| {
            let (gateway, metric) = gateway(route);
            gateway.is_some_and(|gateway| wanted.gateways.contains(&(gateway, metric)))
        };
        for route in self.routes(target).await? {
            let ours = is_v4(&route) == v4 && is_default(&route) && leads_through(&route, target.index).0;
            if ours && !right(&route) && !(keep_learned && is_learned(&route)) {
                self.remove_route(target, route).await;
            }
        }
        let message = |network: &Network| {
            self.0.address().add(target.index, network.ip, network.prefix).message_mut().clone()
        };
        let messages: Vec<AddressMessage> = wanted.addresses.iter().map(message).collect();
        self.put_addresses(target, &messages, |network| network.ip.is_ipv4() == v4).await?;
        // After the addresses: a route needs one to be by. Some went with those that were removed.
        for (gateway, metric) in &wanted.gateways {
            self.add_route(target, *gateway, *metric, &wanted.addresses).await?;
        }
        Ok(())
    }

    /// Makes the addresses that `mine` is true for those that are wanted. New ones come before old ones go: with the last one
    /// of IPv4 the kernel would drop all routes.
    pub(super) async fn put_addresses(
        &self,
        target: &Target,
        wanted: &[AddressMessage],
        mine: impl Fn(&Network) -> bool,
    ) -> Result<(), Error> {
        let there = self.addresses(target).await?;
        let mut surplus: Vec<(Network, AddressMessage)> =
            there.iter().filter_map(|message| Some((network(message)?, message.clone()))).collect();
        // Addresses that routers gave go by themselves with what the kernel is told about routers.
        surplus.retain(|(network, message)| {
            let given = is_ours(network.ip) && (network.ip.is_ipv4() || is_permanent(message));
            given && mine(network) && find(wanted, *network).is_none()
        });
        // The same with another prefix has no room beside it.
        let same = |ip: IpAddr| wanted.iter().any(|message| network(message).is_some_and(|one| one.ip == ip));
        surplus.sort_by_key(|(network, _)| !same(network.ip));
        let clashing = surplus.iter().take_while(|(network, _)| same(network.ip)).count();
        let rest = surplus.split_off(clashing);
        self.remove_addresses(target, surplus).await?;
        self.add_missing(target, wanted, &there).await?;
        if rest.is_empty() {
            return Ok(());
        }
        self.remove_addresses(target, rest).await?;
        // Without promote_secondaries those of the same subnet went with the first one.
        let there = self.addresses(target).await?;
        self.add_missing(target, wanted, &there).await
    }

    /// An address that is there and has the wanted kind of lifetime is not touched.
    async fn add_missing(
        &self,
        target: &Target,
        wanted: &[AddressMessage],
        there: &[AddressMessage],
    ) -> Result<(), Error> {
        for message in wanted {
            let Some(network) = network(message) else { continue };
            let permanent = is_permanent(message);
            let found = find(there, network);
            if found.is_some_and(|found| is_permanent(found) == permanent) {
                continue;
            }
            if found.is_none() && network.ip.is_ipv6() && !permanent {
                // A router's: it comes by itself.
                continue;
            }
            let mut request = self.0.address().add(target.index, network.ip, network.prefix).replace();
            *request.message_mut() = message.clone();
            let added = request.execute().await;
            added.map_err(|error| failed(target, &format!("add {network}"), &error))?;
        }
        Ok(())
    }

    async fn remove_addresses(
        &self,
        target: &Target,
        messages: Vec<(Network, AddressMessage)>,
    ) -> Result<(), Error> {
        let gone = -rustix::io::Errno::ADDRNOTAVAIL.raw_os_error();
        for (network, message) in messages {
            match self.0.address().del(message).execute().await {
                // A secondary address goes with the primary one of its subnet.
                Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == gone => {}
                result => result.map_err(|error| failed(target, &format!("remove {network}"), &error))?,
            }
        }
        Ok(())
    }

    async fn add_route(
        &self,
        target: &Target,
        gateway: IpAddr,
        metric: u32,
        addresses: &[Network],
    ) -> Result<(), Error> {
        let mut message = default_route(target.index, gateway, metric);
        if !addresses.iter().any(|network| within(*network, gateway)) {
            message.header.flags |= RouteFlags::Onlink;
        }
        let added = self.0.route().add(message).replace().execute().await;
        added.map_err(|error| failed(target, &format!("add a default route by {gateway}"), &error))
    }

    /// Makes a route; one that is there already is as good.
    pub(super) async fn make_route(&self, target: &Target, route: RouteMessage) -> Result<(), Error> {
        match self.0.route().add(route).execute().await {
            Err(rtnetlink::Error::NetlinkError(error))
                if error.raw_code() == -rustix::io::Errno::EXIST.raw_os_error() =>
            {
                Ok(())
            }
            result => result.map_err(|error| failed(target, "put a route back", &error)),
        }
    }

    pub(super) async fn remove_route(&self, target: &Target, route: RouteMessage) {
        if let Err(error) = self.0.route().del(plain(route)).execute().await {
            // It may have gone with an address; what is still there is seen when it is read back.
            tracing::debug!("{}: a default route was not removed: {error}", target.interface);
        }
    }
}

fn find(messages: &[AddressMessage], wanted: Network) -> Option<&AddressMessage> {
    messages.iter().find(|message| network(message) == Some(wanted))
}

fn default_route(index: u32, gateway: IpAddr, metric: u32) -> RouteMessage {
    match gateway {
        IpAddr::V4(gateway) => {
            let route = RouteMessageBuilder::<std::net::Ipv4Addr>::new();
            route.output_interface(index).priority(metric).gateway(gateway).build()
        }
        IpAddr::V6(gateway) => {
            let route = RouteMessageBuilder::<std::net::Ipv6Addr>::new();
            route.output_interface(index).priority(metric).gateway(gateway).build()
        }
    }
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

fn failed(target: &Target, what: &str, error: &rtnetlink::Error) -> Error {
    Error::not_applied(format!("{}: the kernel does not let us {what}: {error}", target.interface))
}
