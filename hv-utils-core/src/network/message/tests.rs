//! Messages byte by byte, and against the typed messages of netlink-packet-route as an independent writer.

use netlink_packet_core::Emitable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use proptest::prelude::*;

use super::*;

/// An attribute, padded.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `struct ifinfomsg` of interface 3 with flags 0x1043 (up, broadcast, running, multicast).
fn link(family: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![family, 0, 1, 0];
    bytes.extend(3_u32.to_ne_bytes());
    bytes.extend(0x1043_u32.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(attributes.concat());
    bytes
}

/// `struct ifaddrmsg` of interface 3.
fn address(family: u8, prefix: u8, flags: u8, scope: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![family, prefix, flags, scope];
    bytes.extend(3_u32.to_ne_bytes());
    bytes.extend(attributes.concat());
    bytes
}

fn named(name: &str) -> LinkNews {
    LinkNews {
        index: 3,
        name: name.into(),
        hardware: HardwareAddress::default(),
        permanent: None,
        flags: 0x1043,
        kind: Kind::Plain,
        has_parent: false,
        lower: None,
        lower_elsewhere: false,
        master: None,
    }
}

#[test]
fn a_vlan_is_read_with_what_it_stands_on() {
    let info = attribute(1, b"vlan\0");
    let message = link(
        0,
        &[
            attribute(3, b"eth0.7\0"),
            attribute(1, &[0, 0x15, 0x5d, 1, 2, 3]),
            attribute(5, &2_u32.to_ne_bytes()),
            attribute(10, &9_u32.to_ne_bytes()),
            attribute(18 | 0x8000, &info),
            attribute(0x3fff, b"of a later kernel"),
        ],
    );
    let expected = LinkNews {
        hardware: HardwareAddress::new(&[0, 0x15, 0x5d, 1, 2, 3]),
        permanent: None,
        kind: Kind::Stacked,
        lower: Some(2),
        master: Some(9),
        ..named("eth0.7")
    };
    assert_eq!(parse(16, &message), Some(Event::Link(expected)));
}

#[test]
fn a_nic_is_known_by_its_parent_device() {
    let message = link(0, &[attribute(3, b"eth0\0"), attribute(56, b"vmbus_0\0")]);
    assert_eq!(parse(16, &message), Some(Event::Link(LinkNews { has_parent: true, ..named("eth0") })));
}

#[test]
fn the_far_end_of_a_pair_may_be_in_another_namespace() {
    let far =
        [attribute(3, b"eth0\0"), attribute(5, &7_u32.to_ne_bytes()), attribute(37, &0_i32.to_ne_bytes())];
    let expected = LinkNews { lower: Some(7), lower_elsewhere: true, ..named("eth0") };
    assert_eq!(parse(16, &link(0, &far)), Some(Event::Link(expected)));
}

#[test]
fn an_interface_is_gone_only_in_its_own_family() {
    assert_eq!(parse(17, &link(0, &[])), Some(Event::LinkGone(3)));
    assert_eq!(parse(17, &link(7, &[attribute(3, b"eth0\0")])), None, "a bridge has lost a member");
    assert_eq!(parse(16, &link(7, &[attribute(3, b"eth0\0")])), None);
    assert_eq!(parse(16, &link(10, &[attribute(3, b"eth0\0")])), None);
}

#[test]
fn names_end_at_the_nul_and_need_not_be_utf8() {
    for (name, read) in [(&b"eth0\0xyz"[..], "eth0"), (b"eth0", "eth0"), (b"e\xffh\0", "e\u{fffd}h")] {
        assert_eq!(parse(16, &link(0, &[attribute(3, name)])), Some(Event::Link(named(read))));
    }
    for none in [link(0, &[]), link(0, &[attribute(3, b"")]), link(0, &[attribute(3, b"\0")])] {
        assert_eq!(parse(16, &none), None, "without a name it is nothing");
    }
}

#[test]
fn an_address_is_the_local_end() {
    let both = [attribute(1, &[10, 0, 0, 1]), attribute(2, &[10, 0, 0, 5])];
    let expected = Address { ip: [10, 0, 0, 5].into(), prefix: 32, scope: 0, flags: 0x80 };
    assert_eq!(parse(20, &address(2, 32, 0x80, 0, &both)), Some(Event::Address(3, expected)));
    assert_eq!(
        parse(21, &address(2, 32, 0x80, 0, &both)),
        Some(Event::AddressGone(3, [10, 0, 0, 5].into(), 32))
    );
}

#[test]
fn flags_of_more_than_eight_bits_count_instead_of_the_short_ones() {
    let ip = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    let message = address(10, 64, 0x80, 0, &[attribute(1, &ip), attribute(8, &0x301_u32.to_ne_bytes())]);
    let expected = Address { ip: ip.into(), prefix: 64, scope: 0, flags: 0x301 };
    assert_eq!(parse(20, &message), Some(Event::Address(3, expected)));
}

#[test]
fn addresses_of_no_known_length_are_none() {
    for length in [0, 3, 5, 15, 17, 20] {
        assert_eq!(parse(20, &address(2, 8, 0, 0, &[attribute(1, &vec![1; length])])), None, "{length}");
    }
    assert_eq!(parse(20, &address(2, 8, 0, 0, &[])), None);
}

#[test]
fn messages_cut_anywhere_do_no_harm() {
    let whole = link(0, &[attribute(3, b"eth0\0"), attribute(18, &attribute(1, b"bond\0"))]);
    for end in 0..whole.len() {
        let _ = parse(16, &whole[..end]);
        let _ = parse(17, &whole[..end]);
    }
    let whole = address(2, 24, 0, 0, &[attribute(2, &[10, 0, 0, 5])]);
    for end in 0..whole.len() {
        assert_eq!(parse(20, &whole[..end]), None, "{end}");
    }
}

#[test]
fn requests_are_dumps_in_whole_messages() {
    let links = Dump::Links.request(7);
    let header =
        [40_u32.to_ne_bytes().to_vec(), 18_u16.to_ne_bytes().to_vec(), 0x301_u16.to_ne_bytes().to_vec()];
    assert_eq!(links[..8], header.concat());
    assert_eq!(links[8..12], 7_u32.to_ne_bytes());
    assert_eq!(links[12..32], [0; 20], "port of the kernel's choice, any interface of any family");
    assert_eq!(links[32..], attribute(29, &8_u32.to_ne_bytes()));
    let addresses = Dump::Addresses.request(8);
    assert_eq!((addresses.len(), addresses[0..4].to_vec()), (24, 24_u32.to_ne_bytes().to_vec()));
    assert_eq!(addresses[4..6], 22_u16.to_ne_bytes());
}

#[test]
fn another_writers_link_is_read_the_same() {
    let mut message = LinkMessage::default();
    message.header.index = 3;
    message.header.flags = LinkFlags::Up | LinkFlags::Multicast;
    message.attributes = vec![
        LinkAttribute::IfName("br0".to_owned()),
        LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
        LinkAttribute::Mtu(1500),
        LinkAttribute::Controller(5),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]),
    ];
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    let expected = LinkNews {
        hardware: HardwareAddress::new(&[2, 0, 0, 0, 0, 1]),
        permanent: None,
        flags: 0x1001,
        kind: Kind::Stacked,
        master: Some(5),
        ..named("br0")
    };
    assert_eq!(parse(16, &bytes), Some(Event::Link(expected)));
}

#[test]
fn another_writers_address_is_read_the_same() {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet6;
    message.header.prefix_len = 64;
    message.header.index = 3;
    message.header.scope = AddressScope::Link;
    let ip: IpAddr = "fe80::1".parse().unwrap();
    message.attributes = vec![
        AddressAttribute::Address(ip),
        AddressAttribute::Flags(AddressFlags::Permanent | AddressFlags::Tentative),
    ];
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    let read = parse(20, &bytes);
    assert_eq!(read, Some(Event::Address(3, Address { ip, prefix: 64, scope: 253, flags: 0xc0 })));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(kind in 14_u16..24, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(kind, &bytes);
    }

    #[test]
    fn no_attributes_make_it_panic(
        kind in 16_u16..22,
        lengths in prop::collection::vec((0_u16..40, 0_u16..60, any::<[u8; 8]>()), 0..12),
    ) {
        let mut bytes = link(0, &[]);
        for (length, kind, value) in lengths {
            bytes.extend(length.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
        }
        let _ = parse(kind, &bytes);
    }
}
