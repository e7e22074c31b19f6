//! Messages byte by byte, and what is none of them.

use super::*;
use proptest::prelude::*;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `struct rtmsg` of an IPv4 default route in the main table, made by DHCP.
const HEADER_V4: [u8; 12] = [2, 0, 0, 0, 254, 16, 0, 1, 0, 0, 0, 0];

fn message(header: [u8; 12], attributes: &[Vec<u8>]) -> Vec<u8> {
    [&header[..], &attributes.concat()].concat()
}

fn usual() -> Vec<Vec<u8>> {
    vec![
        attribute(15, &254_u32.to_ne_bytes()),
        attribute(5, &[10, 0, 0, 1]),
        attribute(4, &3_u32.to_ne_bytes()),
        attribute(6, &100_u32.to_ne_bytes()),
        attribute(7, &[10, 0, 0, 5]),
    ]
}

fn route() -> Route {
    Route {
        family: RouteFamily::V4,
        gateway: Some([10, 0, 0, 1].into()),
        interface: 3,
        table: 254,
        metric: 100,
        protocol: 16,
        source: Some([10, 0, 0, 5].into()),
    }
}

#[test]
fn a_default_route_of_dhcp_is_read_whole() {
    let news = parse(&message(HEADER_V4, &usual())).unwrap();
    assert_eq!(news, RouteNews { ways: vec![route()], ..RouteNews::default() });
}

#[test]
fn what_is_no_default_route_is_nothing() {
    for (at, value, what) in [
        (0, 128, "a family of multicast routing"),
        (1, 24, "a network's"),
        (2, 64, "for a part of the senders"),
        (3, 8, "for a part of the services"),
        (7, 2, "local"),
        (7, 7, "unreachable"),
        (9, 2, "cached"),
    ] {
        let mut header = HEADER_V4;
        header[at] = value;
        assert_eq!(parse(&message(header, &usual())), None, "{what}");
    }
    let mut local = usual();
    local[0] = attribute(15, &255_u32.to_ne_bytes());
    assert_eq!(parse(&message(HEADER_V4, &local)), None);
}

#[test]
fn an_ipv4_route_may_lead_through_an_ipv6_gateway() {
    let mut attributes = usual();
    let mut via = 10_u16.to_ne_bytes().to_vec();
    via.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    attributes[1] = attribute(18, &via);
    let news = parse(&message(HEADER_V4, &attributes)).unwrap();
    assert_eq!(news.ways, [Route { gateway: Some("fe80::1".parse().unwrap()), ..route() }]);
}

#[test]
fn the_ways_of_a_multipath_route_are_read_but_for_the_dead() {
    let way = |flags: u8, index: u32, gateway: [u8; 4]| {
        let gateway = attribute(5, &gateway);
        let mut bytes = u16::try_from(8 + gateway.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend([flags, 0]);
        bytes.extend(index.to_ne_bytes());
        bytes.extend(gateway);
        bytes
    };
    let ways = [way(0, 3, [10, 0, 0, 1]), way(1, 4, [10, 1, 0, 1]), way(16, 5, [10, 2, 0, 1])].concat();
    let attributes = [attribute(15, &1000_u32.to_ne_bytes()), attribute(9, &ways)];
    let news = parse(&message(HEADER_V4, &attributes)).unwrap();
    let expected = Route { table: 1000, metric: 0, source: None, ..route() };
    let last = Route { interface: 5, gateway: Some([10, 2, 0, 1].into()), ..expected.clone() };
    assert_eq!(news, RouteNews { ways: vec![expected, last], torn: true, ..RouteNews::default() });
}

#[test]
fn cut_messages_are_read_without_harm() {
    let whole = message(HEADER_V4, &usual());
    for end in 0..whole.len() {
        let _ = parse(&whole[..end]);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let mut default = HEADER_V4.to_vec();
        default.extend(&bytes);
        let _ = parse(&default);
        let ways = [HEADER_V4.to_vec(), attribute(9, &bytes)].concat();
        let _ = parse(&ways);
    }
}
