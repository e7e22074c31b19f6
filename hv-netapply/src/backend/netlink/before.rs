//! What was on a link, to be put back: addresses and routes as the kernel told of them, and how it followed routers.
//!
//! Only what is missing is made and only what is too much is removed, so that a family that nobody has touched stays as it is.

use std::collections::BTreeSet;
use std::path::Path;

use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::route::RouteMessage;
use serde::{Deserialize, Serialize};

use super::kernel::Kernel;
use super::message::{
    from_hex, gateway, is_default, is_given, is_learned, leads_through, network, plain, to_be_made, to_hex,
};
use super::plan::is_ours;
use super::routers::Following;
use crate::backend::Target;
use crate::error::Error;

/// A link as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    /// Its addresses (`RTM_NEWADDR` without the header), in the kernel's order.
    addresses: Vec<String>,
    /// Its routes in all tables but the kernel's own (`RTM_NEWROUTE`), in the kernel's order.
    routes: Vec<String>,
    /// How the kernel followed routers.
    routers: Option<Following>,
    /// Whether it was switched on.
    up: bool,
}

impl Before {
    /// As it is now.
    pub(super) async fn take(
        kernel: &Kernel,
        target: &Target,
        up: bool,
        proc_root: &Path,
    ) -> Result<Self, Error> {
        let addresses = kernel.addresses(target).await?;
        let given = |route: &&RouteMessage| is_given(route);
        let routes = kernel.routes(target).await?;
        Ok(Self {
            addresses: addresses.iter().filter(|there| is_to_come_back(there)).map(to_hex).collect(),
            routes: routes.iter().filter(given).map(to_hex).collect(),
            routers: Following::now(proc_root, &target.interface),
            up,
        })
    }

    /// Puts it back; `up`: whether it is switched on now.
    pub(super) async fn restore(
        &self,
        kernel: &Kernel,
        target: &Target,
        up: bool,
        proc_root: &Path,
    ) -> Result<(), Error> {
        let damaged = || Error::not_undone("what was kept of the link is damaged");
        let addresses: Option<Vec<AddressMessage>> =
            self.addresses.iter().map(|text| from_hex(text)).collect();
        let routes: Option<Vec<RouteMessage>> = self.routes.iter().map(|text| from_hex(text)).collect();
        let (mut addresses, mut routes) = addresses.zip(routes).ok_or_else(damaged)?;
        // An interface that went and came has another number.
        addresses.iter_mut().for_each(|address| address.header.index = target.index);
        routes.retain(|route| leads_through(route, target.index).1);
        let now = Following::now(proc_root, &target.interface);
        let unlearned = self.routers.is_some() && self.routers != now;
        if let Some(before) = self.routers.filter(|_| unlearned) {
            before.put(proc_root, &target.interface);
        }
        if self.up && !up {
            kernel.switch(target, true).await?;
        }
        let surplus = surplus(kernel, target, &routes).await?;
        for route in surplus {
            kernel.remove_route(target, route).await;
        }
        kernel.put_addresses(target, &addresses, |_| true).await?;
        put_routes(kernel, target, routes, unlearned).await?;
        if !self.up && up {
            kernel.switch(target, false).await?;
        }
        Ok(())
    }
}

/// Those that routers gave come by themselves; link-local ones are the kernel's.
fn is_to_come_back(message: &AddressMessage) -> bool {
    network(message).is_some_and(|network| is_ours(network.ip))
}

/// Default routes that have come since, by others than routers.
async fn surplus(
    kernel: &Kernel,
    target: &Target,
    before: &[RouteMessage],
) -> Result<Vec<RouteMessage>, Error> {
    let known: BTreeSet<String> = before.iter().map(|route| to_hex(&plain(route.clone()))).collect();
    let mut routes = kernel.routes(target).await?;
    routes.retain(|route| {
        is_default(route)
            && leads_through(route, target.index).0
            && !is_learned(route)
            && !known.contains(&to_hex(&plain(route.clone())))
    });
    Ok(routes)
}

/// Makes those that are missing; what routers taught only if the kernel was told to forget it.
async fn put_routes(
    kernel: &Kernel,
    target: &Target,
    mut routes: Vec<RouteMessage>,
    unlearned: bool,
) -> Result<(), Error> {
    let there = kernel.routes(target).await?;
    let there: BTreeSet<String> = there.into_iter().map(|route| to_hex(&plain(route))).collect();
    routes
        .retain(|route| (unlearned || !is_learned(route)) && !there.contains(&to_hex(&plain(route.clone()))));
    // Those by a gateway need a way to it first.
    routes.sort_by_key(|route| gateway(route).0.is_some());
    let mut result = Ok(());
    for route in routes {
        let made = kernel.make_route(target, to_be_made(&route)).await;
        result = result.and(made);
    }
    result
}
