//! For tests: default routes in a namespace of a test's own.
//!
//! Made through rtnetlink, as the interfaces of [`super::namespace`] are.

#![expect(clippy::unwrap_used, reason = "a double for tests: what fails here fails the test")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rtnetlink::packet_route::route::{RouteAttribute, RouteMessage};
use rtnetlink::{RouteMessageBuilder, RouteNextHopBuilder};

use super::namespace::Links;

/// A default route, as a test makes it.
#[derive(Debug, Clone)]
pub struct DefaultRoute {
    ways: Vec<(u32, IpAddr)>,
    table: u32,
    metric: u32,
    protocol: u8,
    source: Option<IpAddr>,
    next_hop: Option<u32>,
}

impl DefaultRoute {
    /// In the main table, by hand, through one interface; without a metric.
    #[must_use]
    pub fn through(index: u32, gateway: &str) -> DefaultRoute {
        let ways = vec![(index, gateway.parse().unwrap())];
        DefaultRoute { ways, table: 254, metric: 0, protocol: 4, source: None, next_hop: None }
    }

    /// As [`DefaultRoute::through`], for IPv4, by a next hop object.
    #[must_use]
    pub fn by_next_hop(number: u32) -> DefaultRoute {
        DefaultRoute { next_hop: Some(number), ..DefaultRoute::through(0, "0.0.0.0") }
    }

    /// One way more.
    #[must_use]
    pub fn and(mut self, index: u32, gateway: &str) -> DefaultRoute {
        self.ways.push((index, gateway.parse().unwrap()));
        self
    }

    /// With a metric.
    #[must_use]
    pub fn metric(self, metric: u32) -> DefaultRoute {
        DefaultRoute { metric, ..self }
    }

    /// In another table.
    #[must_use]
    pub fn table(self, table: u32) -> DefaultRoute {
        DefaultRoute { table, ..self }
    }

    /// Made by another protocol: 16 is DHCP.
    #[must_use]
    pub fn protocol(self, protocol: u8) -> DefaultRoute {
        DefaultRoute { protocol, ..self }
    }

    /// For an address of this machine.
    #[must_use]
    pub fn source(self, source: &str) -> DefaultRoute {
        DefaultRoute { source: Some(source.parse().unwrap()), ..self }
    }

    fn message(&self) -> RouteMessage {
        let mut builder = RouteMessageBuilder::<IpAddr>::new()
            .table_id(self.table)
            .priority(self.metric)
            .protocol(self.protocol.into());
        let (index, first) = self.ways[0];
        let everything: IpAddr = match first {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        builder = builder.destination_prefix(everything, 0).unwrap();
        if let Some(number) = self.next_hop {
            builder = builder.nhid(number);
        } else if self.ways.len() == 1 {
            builder = builder.gateway(first).unwrap().output_interface(index);
        } else {
            let hop = |(index, gateway): &(u32, IpAddr)| {
                let hop = match gateway {
                    IpAddr::V4(_) => RouteNextHopBuilder::new_ipv4(),
                    IpAddr::V6(_) => RouteNextHopBuilder::new_ipv6(),
                };
                hop.interface(*index).via(*gateway).unwrap().build()
            };
            builder = builder.multipath(self.ways.iter().map(hop).collect());
        }
        let mut message = builder.build();
        if let Some(source) = self.source {
            message.attributes.push(RouteAttribute::PrefSource(source.into()));
        }
        message
    }
}

impl Links {
    /// Adds a default route.
    pub async fn route(&self, route: &DefaultRoute) {
        self.handle.route().add(route.message()).execute().await.unwrap();
    }

    /// Adds a default route in the place of one with the same metric.
    pub async fn replace_route(&self, route: &DefaultRoute) {
        self.handle.route().add(route.message()).replace().execute().await.unwrap();
    }

    /// Removes a default route.
    pub async fn remove_route(&self, route: &DefaultRoute) {
        self.handle.route().del(route.message()).execute().await.unwrap();
    }

    /// Adds a route to one network, which is no default route.
    pub async fn network_route(&self, index: u32, network: &str, prefix: u8) {
        let builder = RouteMessageBuilder::<IpAddr>::new().output_interface(index);
        let builder = builder.destination_prefix(network.parse().unwrap(), prefix).unwrap();
        self.handle.route().add(builder.build()).execute().await.unwrap();
    }
}
