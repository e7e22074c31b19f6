//! One message after the other, and what the table then holds.

use super::*;

fn news(index: u32, name: &str) -> LinkNews {
    LinkNews {
        index,
        name: name.into(),
        hardware: HardwareAddress::new(&[2, 0, 0, 0, 0, 1]),
        permanent: None,
        flags: IFF_UP,
        kind: Kind::Plain,
        has_parent: false,
        lower: None,
        lower_elsewhere: false,
        master: None,
    }
}

fn address(ip: &str, flags: u32) -> Address {
    Address { ip: ip.parse().unwrap(), prefix: 24, scope: 0, flags }
}

/// A table with eth0, a NIC with one address.
fn table() -> Table {
    let mut table = Table::default();
    assert!(table.apply(Event::Link(news(2, "eth0")), |_| true));
    assert!(table.apply(Event::Address(2, address("10.0.0.5", 0x80)), |_| false));
    table
}

#[test]
fn the_same_again_is_no_change() {
    let mut table = table();
    assert!(!table.apply(Event::Link(news(2, "eth0")), |_| false));
    assert!(!table.apply(Event::Address(2, address("10.0.0.5", 0x80)), |_| false));
    assert!(!table.apply(Event::LinkGone(9), |_| false));
    assert!(!table.apply(Event::AddressGone(2, [10, 0, 0, 6].into(), 24), |_| false));
    assert!(!table.apply(Event::AddressGone(2, [10, 0, 0, 5].into(), 16), |_| false));
}

#[test]
fn a_change_of_the_interface_leaves_its_addresses() {
    let mut table = table();
    assert!(table.apply(Event::Link(LinkNews { flags: 0, ..news(2, "eth0") }), |_| false));
    let link = table.link(2).unwrap();
    assert!(!link.up);
    assert_eq!(link.addresses, [address("10.0.0.5", 0x80)]);
}

#[test]
fn a_change_of_an_address_leaves_it_in_its_place() {
    let mut table = table();
    assert!(table.apply(Event::Address(2, address("10.0.0.6", 0x80)), |_| false));
    assert!(table.apply(Event::Address(2, address("10.0.0.5", 0)), |_| false));
    assert_eq!(table.link(2).unwrap().addresses, [address("10.0.0.5", 0), address("10.0.0.6", 0x80)]);
}

#[test]
fn an_interface_takes_its_addresses_with_it() {
    let mut table = table();
    assert!(table.apply(Event::LinkGone(2), |_| false));
    assert!(
        !table.apply(Event::Address(2, address("10.0.0.7", 0)), |_| false),
        "of an interface that is not there"
    );
    assert!(table.apply(Event::Link(news(2, "eth0")), |_| false));
    assert!(table.link(2).unwrap().addresses.is_empty());
}

#[test]
fn sysfs_is_asked_about_new_and_renamed_interfaces_only() {
    let mut asked = Vec::new();
    let mut table = Table::default();
    for (event, device) in [
        (news(2, "eth0"), true),
        (LinkNews { flags: 0, ..news(2, "eth0") }, true),
        (news(2, "lan0"), false),
        (LinkNews { has_parent: true, ..news(2, "lan0") }, true),
        (LinkNews { has_parent: true, ..news(2, "wan0") }, true),
    ] {
        table.apply(Event::Link(event), |name| {
            asked.push(name.to_owned());
            name == "eth0"
        });
        assert_eq!(table.link(2).unwrap().device, device);
    }
    assert_eq!(asked, ["eth0", "lan0"]);
}

#[test]
fn hardware_addresses_of_any_length_fit() {
    for length in [0_usize, 6, 20, 32, 33, 300] {
        let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
        assert_eq!(HardwareAddress::new(&bytes).as_bytes(), &bytes[..length.min(32)]);
    }
}

#[test]
fn kinds_are_those_of_the_kernel() {
    for (name, kind) in [
        ("", Kind::Plain),
        ("bond", Kind::Stacked),
        ("team", Kind::Stacked),
        ("bridge", Kind::Stacked),
        ("vlan", Kind::Stacked),
        ("macvlan", Kind::Stacked),
        ("ipvlan", Kind::Stacked),
        ("macsec", Kind::Stacked),
        ("veth", Kind::Veth),
        ("dummy", Kind::Dummy),
        ("vxlan", Kind::Other),
        ("tun", Kind::Other),
        ("macvtap", Kind::Other),
        ("of a later kernel", Kind::Other),
    ] {
        assert_eq!(Kind::from_info(name.as_bytes()), kind, "{name}");
    }
}
