//! Machines as they are found, and what their host is told. Real kernels are in `tests/network`.

use std::fs;

use hv_utils_core::network::{Address, HardwareAddress, Kind, Link, Route, RouteFamily};
use hv_utils_core::wire::Version;
use hv_utils_core::wire::kvp::{self, Family, IpQuery, Origin, Reply, Request};

use super::*;
use crate::engine::Adapters as _;

/// Flags of an address: given by hand, leased, deprecated, temporary, tentative, a duplicate.
const GIVEN: u32 = 0x80;
const LEASED: u32 = 0;
const DEPRECATED: u32 = 0x20;
const TEMPORARY: u32 = 0x01;
const TENTATIVE: u32 = 0x40;
const DUPLICATE: u32 = 0x48;

/// The MAC address of NIC `number`, as a host writes it.
fn mac_of(number: u8) -> String {
    format!("00:15:5D:01:02:{number:02X}")
}

fn hardware(number: u8) -> HardwareAddress {
    HardwareAddress::new(&[0x00, 0x15, 0x5d, 0x01, 0x02, number])
}

fn link(index: u32, name: &str, kind: Kind, mac: u8) -> Link {
    Link {
        index,
        name: name.into(),
        hardware: hardware(mac),
        permanent: None,
        up: true,
        carrier: true,
        loopback: false,
        kind,
        device: false,
        lower: None,
        lower_elsewhere: false,
        master: None,
        addresses: Vec::new(),
    }
}

fn nic(index: u32, name: &str, mac: u8) -> Link {
    Link { device: true, permanent: Some(hardware(mac)), ..link(index, name, Kind::Plain, mac) }
}

fn on(link: Link, addresses: &[(&str, u8, u32)]) -> Link {
    let of = |&(ip, prefix, flags): &(&str, u8, u32)| {
        let ip: IpAddr = ip.parse().unwrap();
        let on_link = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        Address { ip, prefix, scope: if on_link { 253 } else { 0 }, flags }
    };
    Link { addresses: addresses.iter().map(of).collect(), ..link }
}

fn route(interface: u32, gateway: &str, metric: u32) -> Route {
    let gateway: IpAddr = gateway.parse().unwrap();
    let family = if gateway.is_ipv4() { RouteFamily::V4 } else { RouteFamily::V6 };
    let table = Route::MAIN;
    Route { family, gateway: Some(gateway), interface, table, metric, protocol: 4, source: None }
}

/// A machine with a sysfs of its own, in which only what `vmbus` says has a VMBus device.
struct Machine {
    sysfs: tempfile::TempDir,
    network: Network,
}

impl Machine {
    fn new(links: Vec<Link>, routes: Vec<Route>) -> Machine {
        Machine::selecting(Selection::default(), links, routes)
    }

    fn selecting(selection: Selection, links: Vec<Link>, routes: Vec<Route>) -> Machine {
        let sysfs = tempfile::tempdir().unwrap();
        let network = Network::new(sysfs.path().to_owned(), selection);
        let mut machine = Machine { sysfs, network };
        machine.become_so(links, routes);
        machine
    }

    fn become_so(&mut self, links: Vec<Link>, routes: Vec<Route>) {
        self.network.update(&Table::of(links, routes), &[]);
    }

    fn vmbus(&self, interface: &str, guid: &str) {
        let device = self.sysfs.path().join("class/net").join(interface).join("device");
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("device_id"), format!("{{{guid}}}\n")).unwrap();
    }

    fn ask(&self, mac: &str) -> Option<IpInfo> {
        self.network.ip_info(mac)
    }

    fn addresses(&self, mac: &str) -> Vec<String> {
        let info = self.ask(mac).unwrap();
        info.addresses.iter().map(|address| format!("{}/{}", address.ip, address.prefix)).collect()
    }

    fn gateways(&self, mac: &str) -> Vec<String> {
        self.ask(mac).unwrap().gateways.iter().map(ToString::to_string).collect()
    }

    fn names(&self) -> Vec<String> {
        self.network.rows().into_iter().map(|row| row.interface).collect()
    }
}

fn usual() -> Machine {
    let addresses = [("192.0.2.5", 24, GIVEN), ("2001:db8::5", 64, GIVEN), ("fe80::5", 64, GIVEN)];
    let links = vec![on(nic(2, "eth0", 3), &addresses)];
    Machine::new(links, vec![route(2, "192.0.2.1", 100), route(2, "fe80::1", 1024)])
}

#[test]
fn usual_machine_is_told_whole() {
    let mut machine = usual();
    machine.network.told.add(2, "192.0.2.53".parse().unwrap());
    let addresses = [("192.0.2.5", 24, GIVEN), ("2001:db8::5", 64, LEASED), ("fe80::5", 64, GIVEN)];
    machine.become_so(
        vec![on(nic(2, "eth0", 3), &addresses)],
        vec![route(2, "192.0.2.1", 100), route(2, "fe80::1", 1024)],
    );
    let info = machine.ask(&mac_of(3)).unwrap();
    let told = |ip: &str, prefix, origin| kvp::Address { ip: ip.parse().unwrap(), prefix, origin };
    let expected = IpInfo {
        adapter_id: String::new(),
        family: Family::Both,
        dhcp: false,
        addresses: vec![
            told("192.0.2.5", 24, Origin::Static),
            told("2001:db8::5", 64, Origin::Other),
            told("fe80::5", 64, Origin::Other),
        ],
        gateways: vec!["192.0.2.1".parse().unwrap(), "fe80::1".parse().unwrap()],
        dns: vec!["192.0.2.53".parse().unwrap()],
    };
    assert_eq!(info, expected);
    let row = Row {
        interface: "eth0".into(),
        mac: "00:15:5D:01:02:03".into(),
        addresses: vec!["192.0.2.5/24".into(), "2001:db8::5/64".into(), "fe80::5/64".into()],
        gateways: vec!["192.0.2.1".into(), "fe80::1".into()],
        dns: vec!["192.0.2.53".into()],
        dhcp: false,
    };
    assert_eq!(machine.network.rows(), [row]);
}

#[test]
fn unknown_adapter_and_machine_without_any_are_told_apart_from_an_empty_one() {
    assert_eq!(usual().ask(&mac_of(4)), None);
    assert_eq!(usual().ask("eth0"), None);
    assert_eq!(usual().ask(""), None);
    assert_eq!(Machine::new(Vec::new(), Vec::new()).ask(&mac_of(3)), None);
    let off = Link { up: false, ..on(nic(2, "eth0", 3), &[("192.0.2.5", 24, GIVEN)]) };
    assert_eq!(Machine::new(vec![off], Vec::new()).ask(&mac_of(3)), Some(IpInfo::default()));
}

#[test]
fn excluded_adapter_is_unknown() {
    let links = || vec![nic(2, "eth0", 3), nic(3, "eth1", 4)];
    let excluding = Selection::new(Vec::new(), vec!["eth1".to_owned()]);
    let machine = Machine::selecting(excluding, links(), Vec::new());
    assert!(machine.ask(&mac_of(3)).is_some());
    assert_eq!(machine.ask(&mac_of(4)), None);
}

#[test]
fn families_are_those_of_the_addresses() {
    for (addresses, family) in [
        (&[][..], Family::Unspecified),
        (&[("192.0.2.5", 24, GIVEN)], Family::V4),
        (&[("fe80::5", 64, GIVEN)], Family::V6),
        (&[("192.0.2.5", 24, GIVEN), ("fe80::5", 64, GIVEN)], Family::Both),
        (&[("192.0.2.5", 24, GIVEN), ("fe80::5", 64, TENTATIVE)], Family::V4),
    ] {
        let machine = Machine::new(vec![on(nic(2, "eth0", 3), addresses)], vec![route(2, "192.0.2.1", 0)]);
        assert_eq!(machine.ask(&mac_of(3)).unwrap().family, family, "{addresses:?}");
    }
}

#[test]
fn dhcp_is_a_lease_or_a_route_of_a_dhcp_client_and_ipv4_only() {
    let dhcp = |addresses: &[(&str, u8, u32)], protocol, gateway| {
        let routes = vec![Route { protocol, ..route(2, gateway, 100) }];
        let machine = Machine::new(vec![on(nic(2, "eth0", 3), addresses)], routes);
        machine.ask(&mac_of(3)).unwrap().dhcp
    };
    let given = [("192.0.2.5", 24, GIVEN), ("2001:db8::5", 64, LEASED)];
    assert!(!dhcp(&given, 4, "192.0.2.1"));
    assert!(dhcp(&given, 16, "192.0.2.1"), "an unlimited lease looks like an address given by hand");
    assert!(!dhcp(&given, 16, "fe80::1"), "DHCPv6 is not what this is about");
    assert!(dhcp(&[("192.0.2.5", 24, LEASED)], 4, "192.0.2.1"));
}

#[test]
fn what_stands_on_a_nic_counts_to_it_after_its_own() {
    let links = vec![
        on(Link { master: Some(4), ..nic(2, "eth0", 3) }, &[("192.0.2.5", 24, GIVEN)]),
        on(nic(3, "eth1", 4), &[("198.51.100.5", 24, GIVEN)]),
        on(link(4, "br0", Kind::Stacked, 3), &[("192.0.2.6", 24, GIVEN)]),
        on(Link { lower: Some(4), ..link(5, "br0.7", Kind::Stacked, 3) }, &[("10.7.0.5", 24, GIVEN)]),
        on(Link { lower: Some(3), ..link(6, "macvlan0", Kind::Stacked, 9) }, &[("198.51.100.6", 24, GIVEN)]),
        on(link(7, "docker0", Kind::Stacked, 8), &[("172.17.0.1", 16, GIVEN)]),
    ];
    let machine = Machine::new(links, vec![route(5, "10.7.0.1", 0), route(7, "172.17.0.9", 0)]);
    assert_eq!(machine.addresses(&mac_of(3)), ["192.0.2.5/24", "192.0.2.6/24", "10.7.0.5/24"]);
    assert_eq!(machine.addresses(&mac_of(4)), ["198.51.100.5/24", "198.51.100.6/24"]);
    assert_eq!(machine.gateways(&mac_of(3)), ["10.7.0.1"]);
    assert_eq!(machine.ask(&mac_of(8)), None, "a bridge of containers is no adapter");
    assert_eq!(machine.ask(&mac_of(9)), None, "nor is a macvlan one of its own");
    assert_eq!(machine.names(), ["eth0", "eth1"]);
}

#[test]
fn member_of_a_bond_is_named_by_the_address_it_was_made_with() {
    let member = |link: Link| Link { hardware: hardware(3), master: Some(4), ..link };
    let links = vec![
        member(nic(2, "eth0", 3)),
        member(nic(3, "eth1", 4)),
        on(link(4, "bond0", Kind::Stacked, 3), &[("192.0.2.5", 24, GIVEN)]),
    ];
    let machine = Machine::new(links, Vec::new());
    let rows: Vec<String> = machine.network.rows().into_iter().map(|row| row.mac).collect();
    assert_eq!(rows, [mac_of(3), mac_of(4)]);
    for number in [3, 4] {
        assert_eq!(machine.addresses(&mac_of(number)), ["192.0.2.5/24"]);
    }
}

#[test]
fn nic_with_another_address_is_known_by_both() {
    let machine = Machine::new(vec![Link { hardware: hardware(9), ..nic(2, "eth0", 3) }], Vec::new());
    assert!(machine.ask(&mac_of(3)).is_some() && machine.ask(&mac_of(9)).is_some());
}

#[test]
fn vf_is_a_part_of_the_netvsc_with_its_mac_address() {
    const GUID: &str = "11111111-2222-3333-4444-555555555555";
    let links = || {
        vec![
            on(Link { master: Some(3), ..nic(2, "enP1s1", 3) }, &[("fe80::6", 64, GIVEN)]),
            on(nic(3, "eth0", 3), &[("192.0.2.5", 24, LEASED), ("fe80::5", 64, GIVEN)]),
            on(Link { lower: Some(2), ..link(4, "vlan7", Kind::Stacked, 3) }, &[("10.7.0.5", 24, GIVEN)]),
        ]
    };
    let mut machine = Machine::new(Vec::new(), Vec::new());
    machine.vmbus("eth0", GUID);
    machine.become_so(links(), Vec::new());
    assert_eq!(machine.names(), ["eth0"]);
    let told = ["192.0.2.5/24", "10.7.0.5/24", "fe80::5/64", "fe80::6/64"];
    assert_eq!(machine.addresses(&mac_of(3)), told);
    assert_eq!(machine.network.interface_of(GUID.to_uppercase().parse().unwrap()), Some("eth0"));
    // The VF goes and comes back, as it does at each migration.
    let without: Vec<Link> = links().into_iter().filter(|link| link.index == 3).collect();
    machine.become_so(without, Vec::new());
    assert_eq!(machine.addresses(&mac_of(3)), ["192.0.2.5/24", "fe80::5/64"]);
}

#[test]
fn a_port_with_the_mac_address_of_vf_and_netvsc_joins_the_netvsc() {
    const GUID: &str = "11111111-2222-3333-4444-555555555555";
    let including = || Selection::new(vec!["ovs0".to_owned()], Vec::new());
    let mut machine = Machine::selecting(including(), Vec::new(), Vec::new());
    machine.vmbus("eth0", GUID);
    let links = vec![
        Link { master: Some(3), ..nic(2, "enP1s1", 3) },
        nic(3, "eth0", 3),
        on(link(4, "ovs0", Kind::Other, 3), &[("192.0.2.5", 24, LEASED)]),
    ];
    machine.become_so(links, Vec::new());
    assert_eq!(machine.names(), ["eth0"]);
    assert_eq!(machine.addresses(&mac_of(3)), ["192.0.2.5/24"]);
}

#[test]
fn addresses_that_will_go_come_last_and_uncertain_ones_are_left_out() {
    let addresses = [
        ("fe80::5", 64, GIVEN),
        ("2001:db8::d", 64, DEPRECATED),
        ("2001:db8::7", 64, TEMPORARY),
        ("2001:db8::8", 64, TENTATIVE),
        ("2001:db8::9", 64, DUPLICATE),
        ("2001:db8::5", 64, LEASED),
        ("192.0.2.5", 24, GIVEN),
    ];
    let machine = Machine::new(vec![on(nic(2, "eth0", 3), &addresses)], Vec::new());
    let told = ["192.0.2.5/24", "2001:db8::5/64", "2001:db8::7/64", "2001:db8::d/64", "fe80::5/64"];
    assert_eq!(machine.addresses(&mac_of(3)), told);
}

#[test]
fn gateways_are_told_as_the_kernel_prefers_them() {
    let other_table = Route { table: 100, ..route(2, "192.0.2.4", 1) };
    let on_the_link = Route { gateway: None, ..route(2, "192.0.2.9", 0) };
    let routes = vec![
        route(2, "fe80::1", 1),
        route(2, "192.0.2.2", 200),
        route(2, "192.0.2.1", 100),
        other_table,
        on_the_link,
        Route { table: 101, ..route(2, "192.0.2.1", 1) },
        route(3, "198.51.100.1", 1),
    ];
    let machine = Machine::new(vec![nic(2, "eth0", 3), nic(3, "eth1", 4)], routes);
    assert_eq!(machine.gateways(&mac_of(3)), ["192.0.2.1", "192.0.2.2", "192.0.2.4", "fe80::1"]);
    assert_eq!(machine.gateways(&mac_of(4)), ["198.51.100.1"]);
}

#[test]
fn at_most_five_gateways_are_told_and_no_family_is_without() {
    let mut routes: Vec<Route> =
        (1..=7).map(|number| route(2, &format!("192.0.2.{number}"), number)).collect();
    let machine = |routes: &[Route]| Machine::new(vec![nic(2, "eth0", 3)], routes.to_vec());
    let five = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];
    assert_eq!(machine(&routes).gateways(&mac_of(3)), five);
    routes.extend([route(2, "fe80::1", 5), route(2, "fe80::2", 6)]);
    assert_eq!(machine(&routes).gateways(&mac_of(3)), [&five[..4], &["fe80::1"]].concat());
    let via_v6 = Route { family: RouteFamily::V4, ..route(2, "fe80::9", 0) };
    assert_eq!(machine(&[via_v6, route(2, "192.0.2.1", 9)]).gateways(&mac_of(3)), ["192.0.2.1", "fe80::9"]);
}

#[test]
fn primary_adapter_has_the_best_default_route() {
    let links = || vec![nic(2, "eth0", 3), nic(3, "eth1", 4), nic(4, "eth2", 5)];
    assert_eq!(Machine::new(links(), Vec::new()).names(), ["eth0", "eth1", "eth2"]);
    let routes = vec![route(2, "192.0.2.1", 200), route(4, "203.0.113.1", 100)];
    assert_eq!(Machine::new(links(), routes).names(), ["eth2", "eth0", "eth1"]);
}

/// What the string form of an answer carries.
fn as_text(info: &IpInfo) -> Vec<String> {
    let query = IpQuery { adapter_id: mac_of(3), family: Family::Unspecified };
    let mut body = vec![0; 7428];
    body[0] = 4;
    let request = Request::GetIpInfo(Box::new(query));
    let reply = Reply::IpInfo(Box::new(info.clone()));
    kvp::raw::fill(&request, &reply, Version::new(4, 0), &mut body).unwrap();
    let text = |from: usize, bytes: usize| {
        let units: Vec<u16> =
            body[from..from + bytes].chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        let end = units.iter().position(|unit| *unit == 0).expect("a NUL");
        String::from_utf16(&units[..end]).unwrap()
    };
    vec![text(260, 2048), text(2308, 2048), text(4356, 1024), text(5380, 2048)]
}

#[test]
fn text_form_has_the_shape_that_the_c_daemon_gave_it() {
    let mut machine = usual();
    machine.network.told =
        Servers::for_all(vec!["192.0.2.53".parse().unwrap(), "2001:db8::53".parse().unwrap()]);
    let addresses = [("192.0.2.5", 24, GIVEN), ("2001:db8::5", 64, GIVEN)];
    machine.become_so(
        vec![on(nic(2, "eth0", 3), &addresses)],
        vec![route(2, "192.0.2.1", 100), route(2, "fe80::1", 1)],
    );
    let text = as_text(&machine.ask(&mac_of(3)).unwrap());
    let expected =
        ["192.0.2.5;2001:db8::5", "255.255.255.0;/64", "192.0.2.1;fe80::1;", "192.0.2.53;2001:db8::53;"];
    assert_eq!(text, expected);
}

#[test]
fn fifty_addresses_lose_the_link_local_ones_first_where_there_is_no_room() {
    let ips: Vec<String> = (1..=50).map(|number| format!("2001:db8:1234:5678::{number:x}")).collect();
    let mut addresses: Vec<(&str, u8, u32)> = vec![("fe80::5", 64, GIVEN)];
    addresses.extend(ips.iter().map(|ip| (ip.as_str(), 64, GIVEN)));
    let machine = Machine::new(vec![on(nic(2, "eth0", 3), &addresses)], Vec::new());
    let info = machine.ask(&mac_of(3)).unwrap();
    assert_eq!(info.addresses.len(), 51);
    assert_eq!(info.addresses[50].ip.to_string(), "fe80::5");
    assert!(!kvp::raw::is_cut(&info, Version::new(5, 0)));
    assert!(kvp::raw::is_cut(&info, Version::new(4, 0)) && kvp::chardev::is_cut(&info));
    let text = as_text(&info);
    let (ips, subnets) = (text[0].split(';').count(), text[1].split(';').count());
    assert!(text[0].len() > 1023 - 25 && !text[0].contains("fe80"), "{}", text[0]);
    assert_eq!(ips, subnets);
    let few = IpInfo { addresses: info.addresses[..ips].to_vec(), ..info };
    assert!(!kvp::raw::is_cut(&few, Version::new(4, 0)));
}

#[test]
fn servers_of_a_link_come_before_those_for_all_and_resolv_conf_is_last() {
    let mut machine = Machine::new(Vec::new(), Vec::new());
    let table = || Table::of(vec![nic(2, "eth0", 3), nic(3, "eth1", 4)], Vec::new());
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let dns = |machine: &Machine, number| machine.ask(&mac_of(number)).unwrap().dns;
    machine.network.update(&table(), &[ip("10.0.0.53")]);
    assert_eq!((dns(&machine, 3), dns(&machine, 4)), (vec![ip("10.0.0.53")], vec![ip("10.0.0.53")]));
    let mut servers =
        Servers::for_all(vec![ip("10.9.9.9"), ip("127.0.0.53"), ip("::1"), ip("::ffff:127.0.0.1")]);
    servers.add(2, ip("10.0.2.53"));
    servers.add(2, ip("127.0.0.1"));
    servers.add(2, ip("10.0.2.53"));
    machine.network.told = servers;
    machine.network.update(&table(), &[ip("10.0.0.53")]);
    assert_eq!((dns(&machine, 3), dns(&machine, 4)), (vec![ip("10.0.2.53")], vec![ip("10.9.9.9")]));
}

#[test]
fn a_cut_is_noted_until_all_fits_again() {
    let mut network = usual().network;
    for cut in [true, true, false, true] {
        for written in ["00:15:5D:01:02:03", "00155d010203"] {
            network.note_cut(written, cut);
        }
        assert_eq!(network.cut.len(), usize::from(cut));
    }
}

#[test]
fn an_adapter_is_coming_while_its_device_has_no_interface() {
    const GUID: &str = "11111111-2222-3333-4444-555555555555";
    let guid: Guid = GUID.parse().unwrap();
    let mut machine = Machine::new(Vec::new(), Vec::new());
    assert!(!machine.network.is_coming(guid), "no such device");
    let device = machine.sysfs.path().join("bus/vmbus/devices").join(GUID);
    fs::create_dir_all(&device).unwrap();
    assert!(machine.network.is_coming(guid));
    fs::create_dir_all(device.join("net/eth0")).unwrap();
    assert!(machine.network.is_coming(guid), "made, and not announced yet");
    machine.network.select(Selection::new(Vec::new(), vec!["eth0".to_owned()]));
    machine.become_so(vec![nic(2, "eth0", 3)], Vec::new());
    assert!(!machine.network.is_coming(guid), "there, but the host is not shown it");
}
