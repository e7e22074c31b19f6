//! Default routes under a real kernel: what it announces, and what goes without a word.

use std::io::Write;

use rustix::io::Errno;

use super::{Received, open, until};
use crate::network::{Monitor, Route, RouteFamily};
use crate::testing::namespace::{Links, inside};
use crate::testing::routes::DefaultRoute;

/// Takes in all that has been said; then it has to be what a new list says.
fn settle(monitor: &mut Monitor, after: &str) {
    monitor.catch_up().unwrap();
    // Not the whole table: IPv6 addresses go on changing by themselves.
    let (followed, listed) = (monitor.table().routes(), open());
    let listed = listed.table().routes();
    let same = followed.len() == listed.len() && listed.iter().all(|route| followed.contains(route));
    assert!(same, "after {after}: {followed:#?}, not {listed:#?}");
}

fn gateways(monitor: &Monitor) -> Vec<String> {
    let text = |route: &Route| route.gateway.map(|ip| ip.to_string()).unwrap_or_default();
    monitor.table().routes().iter().map(text).collect()
}

/// Two interfaces that are up, with an address each.
async fn two(links: &Links) -> (u32, u32) {
    let (one, two) = (links.uplink("eth0").await, links.veth("eth1", "peer1").await.0);
    let far = links.index("peer1");
    for (index, ip) in [(one, "10.0.0.5"), (two, "10.1.0.5")] {
        links.up(index).await;
        links.address(index, ip, 24).await;
    }
    links.up(far).await;
    (one, two)
}

#[test]
fn default_routes_are_listed_and_followed_in_the_order_in_which_they_count() {
    inside("default_routes_are_listed_and_followed", async |links| {
        let (eth0, eth1) = two(&links).await;
        let dhcp = DefaultRoute::through(eth0, "10.0.0.1").metric(100).protocol(16);
        links.route(&dhcp).await;
        let mut monitor = open();
        let expected = Route {
            family: RouteFamily::V4,
            gateway: Some([10, 0, 0, 1].into()),
            interface: eth0,
            table: 254,
            metric: 100,
            protocol: 16,
            source: None,
        };
        assert_eq!(monitor.table().routes(), [expected]);
        assert!(monitor.table().routes()[0].is_dhcp());
        links.route(&DefaultRoute::through(eth1, "10.1.0.1").metric(50)).await;
        links.route(&DefaultRoute::through(eth1, "10.1.0.2").table(1000).metric(1)).await;
        links.network_route(eth0, "192.0.2.0", 24).await;
        settle(&mut monitor, "three routes and one that is none");
        assert_eq!(gateways(&monitor), ["10.1.0.1", "10.0.0.1", "10.1.0.2"]);
        links.remove_route(&dhcp).await;
        settle(&mut monitor, "a removal");
        assert_eq!(gateways(&monitor), ["10.1.0.1", "10.1.0.2"]);
    });
}

#[test]
fn routes_to_networks_do_not_even_wake() {
    inside("routes_to_networks_do_not_even_wake", async |links| {
        let (eth0, _) = two(&links).await;
        let mut monitor = open();
        monitor.catch_up().unwrap();
        for number in 0..100 {
            links.network_route(eth0, &format!("192.0.{number}.0"), 24).await;
        }
        links.route(&DefaultRoute::through(eth0, "10.0.0.1")).await;
        let mut datagrams = 0;
        while let Received::Messages(_) = monitor.receive().unwrap() {
            datagrams += 1;
        }
        // Those of the default route, and of what IPv6 does by itself meanwhile.
        assert!((1..50).contains(&datagrams), "{datagrams} datagrams");
    });
}

#[test]
fn a_replaced_route_is_gone_though_nobody_says_so() {
    inside("a_replaced_route_is_gone_though_nobody_says_so", async |links| {
        let (eth0, eth1) = two(&links).await;
        links.route(&DefaultRoute::through(eth0, "10.0.0.1").metric(10)).await;
        let mut monitor = open();
        links.replace_route(&DefaultRoute::through(eth1, "10.1.0.1").metric(10)).await;
        settle(&mut monitor, "a replacement");
        assert_eq!(gateways(&monitor), ["10.1.0.1"]);
        links.replace_route(&DefaultRoute::through(eth0, "10.0.0.1").metric(10).and(eth1, "10.1.0.1")).await;
        settle(&mut monitor, "two ways in the place of one");
        assert_eq!(gateways(&monitor).len(), 2);
        links.replace_route(&DefaultRoute::through(eth0, "10.0.0.3").metric(10)).await;
        settle(&mut monitor, "one way in the place of two");
        assert_eq!(gateways(&monitor), ["10.0.0.3"]);
    });
}

#[test]
fn a_route_goes_with_its_interface_and_its_addresses() {
    inside("a_route_goes_with_its_interface_and_its_addresses", async |links| {
        let (eth0, eth1) = two(&links).await;
        let mut monitor = open();
        let first = DefaultRoute::through(eth0, "10.0.0.1").metric(10);
        let second = DefaultRoute::through(eth1, "10.1.0.1").metric(20);
        links.route(&first).await;
        links.route(&second).await;
        settle(&mut monitor, "two routes");
        links.down(eth0).await;
        settle(&mut monitor, "an interface switched off");
        assert_eq!(gateways(&monitor), ["10.1.0.1"]);
        links.up(eth0).await;
        links.route(&first).await;
        links.remove_address(eth0, "10.0.0.5", 24).await;
        settle(&mut monitor, "the last address removed");
        assert_eq!(gateways(&monitor), ["10.1.0.1"]);
        links.address(eth0, "10.0.0.5", 24).await;
        links.address(eth0, "10.0.9.5", 24).await;
        links.route(&first.clone().source("10.0.9.5")).await;
        settle(&mut monitor, "a route for one address");
        assert_eq!(gateways(&monitor), ["10.0.0.1", "10.1.0.1"]);
        links.remove_address(eth0, "10.0.9.5", 24).await;
        settle(&mut monitor, "that address removed");
        assert_eq!(gateways(&monitor), ["10.1.0.1"]);
        links.remove(eth1).await;
        settle(&mut monitor, "an interface removed");
        assert!(gateways(&monitor).is_empty());
    });
}

#[test]
fn a_way_of_several_goes_and_comes_back_with_its_interface() {
    inside("a_way_of_several_goes_and_comes_back_with_its_interface", async |links| {
        let (eth0, eth1) = two(&links).await;
        let mut monitor = open();
        links.route(&DefaultRoute::through(eth0, "10.0.0.1").and(eth1, "10.1.0.1").metric(10)).await;
        settle(&mut monitor, "two ways");
        links.down(eth0).await;
        settle(&mut monitor, "one interface switched off");
        assert_eq!(gateways(&monitor), ["10.1.0.1"]);
        let mut late = open();
        links.up(eth0).await;
        settle(&mut monitor, "the interface switched on");
        settle(&mut late, "the interface switched on, and listed while it was off");
        assert_eq!(gateways(&monitor).len(), 2);
    });
}

#[test]
fn a_way_of_several_goes_and_comes_back_with_the_addresses_of_its_interface() {
    inside("a_way_of_several_goes_and_comes_back_with_the_addresses_of_its_interface", async |links| {
        let (eth0, eth1) = two(&links).await;
        let mut monitor = open();
        links.route(&DefaultRoute::through(eth0, "10.0.0.1").and(eth1, "10.1.0.1").metric(10)).await;
        settle(&mut monitor, "two ways");
        links.remove_address(eth0, "10.0.0.5", 24).await;
        settle(&mut monitor, "the last address of one interface removed");
        assert_eq!(gateways(&monitor), ["10.1.0.1"]);
        links.address(eth0, "10.0.0.5", 24).await;
        settle(&mut monitor, "an address given to it");
        assert_eq!(gateways(&monitor).len(), 2);
    });
}

#[test]
fn ipv6_routes_are_followed_too() {
    inside("ipv6_routes_are_followed_too", async |links| {
        let (eth0, eth1) = two(&links).await;
        links.address(eth0, "2001:db8::5", 64).await;
        let mut monitor = open();
        let route = DefaultRoute::through(eth0, "fe80::1").metric(1024);
        links.route(&route).await;
        links.route(&DefaultRoute::through(eth1, "fe80::2").metric(512)).await;
        links.route(&DefaultRoute::through(eth1, "10.1.0.1").metric(4000)).await;
        settle(&mut monitor, "routes of both families");
        assert_eq!(gateways(&monitor), ["10.1.0.1", "fe80::2", "fe80::1"]);
        links.down(eth1).await;
        settle(&mut monitor, "an interface switched off");
        assert_eq!(gateways(&monitor), ["fe80::1"]);
        links.remove_route(&route).await;
        until(&mut monitor, "no route", |table| table.routes().is_empty()).await;
    });
}

#[test]
fn an_ipv6_route_outlives_the_address_that_it_was_for() {
    inside("an_ipv6_route_outlives_the_address_that_it_was_for", async |links| {
        let (_, eth1) = two(&links).await;
        links.address(eth1, "2001:db8::5", 64).await;
        let mut monitor = open();
        until(&mut monitor, "the address", |table| {
            let mut addresses = table.links().flat_map(|link| &link.addresses);
            addresses.any(|address| address.ip.to_string() == "2001:db8::5" && address.is_confirmed())
        })
        .await;
        let route = DefaultRoute::through(eth1, "fe80::1").metric(512);
        links.route(&route.clone().source("2001:db8::5")).await;
        settle(&mut monitor, "a route for one address");
        links.remove_address(eth1, "2001:db8::5", 64).await;
        settle(&mut monitor, "that address removed");
        assert_eq!(gateways(&monitor), ["fe80::1"]);
        links.remove_route(&route).await;
        settle(&mut monitor, "the route removed");
        assert!(gateways(&monitor).is_empty());
    });
}

/// `RTM_NEWNEXTHOP` (104) or `RTM_DELNEXTHOP` (105) of next hop 5: 10.1.0.`last` through an interface.
fn next_hop(kind: u16, index: u32, last: u8) -> rustix::io::Result<()> {
    use rustix::net::{AddressFamily, SendFlags, SocketType, netlink};
    let attribute = |kind: u16, value: [u8; 4]| [&[8, 0][..], &kind.to_ne_bytes(), &value].concat();
    let attributes = match kind {
        104 => [
            attribute(1, 5_u32.to_ne_bytes()),
            attribute(5, index.to_ne_bytes()),
            attribute(6, [10, 1, 0, last]),
        ],
        _ => [attribute(1, 5_u32.to_ne_bytes()), Vec::new(), Vec::new()],
    };
    // NLM_F_REQUEST | NLM_F_ACK, and for a new one NLM_F_CREATE | NLM_F_REPLACE.
    let flags: u16 = if kind == 104 { 0x505 } else { 0x5 };
    let family = if kind == 104 { 2 } else { 0 };
    let body = [&[family, 0, 0, 0, 0, 0, 0, 0][..], &attributes.concat()].concat();
    let length = u32::try_from(16 + body.len()).unwrap();
    let head = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8]].concat();
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &[head, body].concat(), SendFlags::empty(), &kernel)?;
    let mut answer = [0; 128];
    rustix::net::recv(&socket, &mut answer, rustix::net::RecvFlags::empty())?;
    match i32::from_ne_bytes(answer[16..20].try_into().unwrap()) {
        0 => Ok(()),
        error => Err(rustix::io::Errno::from_raw_os_error(-error)),
    }
}

#[test]
fn a_route_goes_with_the_next_hop_that_it_shares() {
    inside("a_route_goes_with_the_next_hop_that_it_shares", async |links| {
        let (eth0, eth1) = two(&links).await;
        let mut monitor = open();
        match next_hop(104, eth1, 1) {
            Err(Errno::OPNOTSUPP) => {
                let _ = writeln!(std::io::stderr(), "skipped: this kernel has no next hop objects");
                return;
            }
            made => made.unwrap(),
        }
        links.route(&DefaultRoute::by_next_hop(5).metric(10)).await;
        links.route(&DefaultRoute::through(eth0, "10.0.0.1").metric(20)).await;
        settle(&mut monitor, "a route by a next hop");
        assert_eq!(gateways(&monitor), ["10.1.0.1", "10.0.0.1"]);
        next_hop(104, eth1, 2).unwrap();
        settle(&mut monitor, "another next hop of the same number");
        assert_eq!(gateways(&monitor), ["10.1.0.2", "10.0.0.1"]);
        next_hop(105, eth1, 2).unwrap();
        settle(&mut monitor, "no next hop any more");
        assert_eq!(gateways(&monitor), ["10.0.0.1"]);
        // While nobody asks, it is listed after a while.
        next_hop(104, eth1, 1).unwrap();
        links.route(&DefaultRoute::by_next_hop(5).metric(10)).await;
        settle(&mut monitor, "a route by a next hop again");
        next_hop(105, eth1, 1).unwrap();
        until(&mut monitor, "no route by it", |table| table.routes().len() == 1).await;
    });
}
