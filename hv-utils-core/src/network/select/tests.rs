//! Tables of interfaces as they are found on machines, and what the host is told about them.

use super::*;
use crate::network::HardwareAddress;
use crate::network::RouteFamily;
use crate::network::message::{Event, LinkNews};
use crate::network::route::RouteNews;

/// A machine, interface by interface: index, name, kind, and then what is different from a plain one.
#[derive(Default)]
struct Machine(Table);

#[derive(Clone, Copy, Default)]
struct More {
    device: bool,
    down: bool,
    lower: u32,
    elsewhere: bool,
    master: u32,
}

const NIC: More = More { device: true, down: false, lower: 0, elsewhere: false, master: 0 };
const VIRTUAL: More = More { device: false, ..NIC };

impl Machine {
    fn link(mut self, index: u32, name: &str, kind: Kind, more: More) -> Self {
        let flags = u32::from(!more.down) | if name == "lo" { 8 } else { 0 };
        let news = LinkNews {
            index,
            name: name.into(),
            hardware: HardwareAddress::default(),
            permanent: None,
            flags,
            kind,
            has_parent: more.device,
            lower: Some(more.lower).filter(|lower| *lower > 0),
            lower_elsewhere: more.elsewhere,
            master: Some(more.master).filter(|master| *master > 0),
        };
        assert!(self.0.apply(Event::Link(news), |_| false));
        self
    }

    fn address(self, index: u32, ip: &str) -> Self {
        self.flagged(index, ip, 0, 0x80)
    }

    fn flagged(mut self, index: u32, ip: &str, scope: u8, flags: u32) -> Self {
        let address = Address { ip: ip.parse().unwrap(), prefix: 24, scope, flags };
        assert!(self.0.apply(Event::Address(index, address), |_| false));
        self
    }

    /// A default route; its gateway does not matter here.
    fn route(mut self, interface: u32, table: u32, metric: u32) -> Self {
        let (family, protocol) = (RouteFamily::V4, 4);
        let route = Route { family, gateway: None, interface, table, metric, protocol, source: None };
        let news = RouteNews { ways: vec![route], ..RouteNews::default() };
        assert!(self.0.apply(Event::Route(news), |_| false));
        self
    }

    /// The NICs, each with what is shown of it.
    fn nics(&self, selection: &Selection) -> Vec<(String, Vec<String>)> {
        let name = |link: &Link| link.name.to_string();
        let nics = selection.nics(&self.0);
        nics.iter().map(|nic| (name(nic.link), nic.shown.iter().map(|link| name(link)).collect())).collect()
    }

    /// A NIC with one address, and the loopback.
    fn usual() -> Self {
        Machine::default()
            .link(1, "lo", Kind::Plain, VIRTUAL)
            .flagged(1, "127.0.0.1", 254, 0x80)
            .flagged(1, "::1", 254, 0x80)
            .link(2, "eth0", Kind::Plain, NIC)
            .address(2, "192.0.2.10")
    }

    fn shown(&self, selection: &Selection) -> Vec<String> {
        selection.shown(&self.0).iter().map(|link| link.name.to_string()).collect()
    }

    fn names(&self) -> Vec<String> {
        self.shown(&Selection::default())
    }

    fn ipv4(&self) -> String {
        Selection::default().ipv4(&self.0, 1022).text
    }

    fn ipv6(&self) -> String {
        Selection::default().ipv6(&self.0, 1022).text
    }
}

#[test]
fn the_usual_machine_shows_its_nic() {
    let machine = Machine::usual();
    assert_eq!(machine.names(), ["eth0"]);
    assert_eq!((machine.ipv4().as_str(), machine.ipv6().as_str()), ("192.0.2.10", ""));
}

#[test]
fn containers_and_virtual_machines_inside_are_not_shown() {
    let machine = Machine::usual()
        .link(3, "docker0", Kind::Stacked, VIRTUAL)
        .address(3, "172.17.0.1")
        .link(4, "veth1a2b3c4", Kind::Veth, More { lower: 2, elsewhere: true, master: 3, ..VIRTUAL })
        .link(5, "virbr0", Kind::Stacked, VIRTUAL)
        .address(5, "192.168.122.1")
        .link(6, "vnet0", Kind::Other, More { master: 5, ..VIRTUAL })
        .link(7, "tun0", Kind::Other, VIRTUAL)
        .address(7, "10.8.0.2")
        .link(8, "flannel.1", Kind::Other, More { lower: 2, ..VIRTUAL })
        .address(8, "10.244.0.0")
        .link(9, "cali12345678901", Kind::Veth, More { lower: 3, elsewhere: true, ..VIRTUAL })
        .link(10, "dummy0", Kind::Dummy, VIRTUAL)
        .address(10, "169.254.20.10");
    assert_eq!(machine.names(), ["eth0"]);
}

#[test]
fn what_stands_on_a_nic_is_shown_beside_it() {
    let machine = Machine::usual()
        .link(3, "eth1", Kind::Plain, NIC)
        .link(4, "eth2", Kind::Plain, NIC)
        .link(5, "bond0", Kind::Stacked, VIRTUAL)
        .link(6, "br0", Kind::Stacked, VIRTUAL)
        .link(7, "bond0.7", Kind::Stacked, More { lower: 5, master: 6, ..VIRTUAL })
        .link(8, "macvlan0", Kind::Stacked, More { lower: 2, ..VIRTUAL })
        .link(9, "vnet0", Kind::Other, More { master: 6, ..VIRTUAL })
        .link(3, "eth1", Kind::Plain, More { master: 5, ..NIC })
        .link(4, "eth2", Kind::Plain, More { master: 5, ..NIC });
    assert_eq!(machine.names(), ["eth0", "macvlan0", "eth1", "bond0", "br0", "bond0.7", "eth2"]);
}

#[test]
fn a_vf_and_its_synthetic_nic_give_each_address_once() {
    let machine = Machine::usual()
        .link(3, "enP1s1", Kind::Plain, More { master: 2, ..NIC })
        .flagged(3, "fe80::1", 253, 0x80)
        .flagged(2, "fe80::1", 253, 0x80);
    assert_eq!(machine.names(), ["eth0", "enP1s1"]);
    assert_eq!(machine.ipv6(), "fe80::1");
}

#[test]
fn a_ring_of_interfaces_comes_to_an_end() {
    let machine = Machine::usual().link(3, "a", Kind::Stacked, More { lower: 4, ..VIRTUAL }).link(
        4,
        "b",
        Kind::Stacked,
        More { lower: 3, master: 3, ..VIRTUAL },
    );
    assert_eq!(machine.names(), ["eth0"]);
    let machine = machine.link(2, "eth0", Kind::Plain, More { master: 4, ..NIC });
    assert_eq!(machine.names(), ["eth0", "a", "b"]);
}

#[test]
fn interfaces_that_are_switched_off_are_not_shown() {
    let machine = Machine::usual().link(2, "eth0", Kind::Plain, More { down: true, ..NIC });
    assert!(machine.names().is_empty());
}

#[test]
fn patterns_have_the_last_word() {
    let machine = Machine::usual()
        .link(3, "eth1", Kind::Plain, NIC)
        .link(4, "wg0", Kind::Other, VIRTUAL)
        .link(5, "wg1", Kind::Other, More { down: true, ..VIRTUAL });
    let word = |include: &[&str], exclude: &[&str]| {
        let own = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect();
        machine.shown(&Selection::new(own(include), own(exclude)))
    };
    assert_eq!(word(&["wg*"], &[]), ["eth0", "eth1", "wg0"]);
    assert_eq!(word(&[], &["eth1"]), ["eth0"]);
    assert_eq!(word(&["*"], &["eth*"]), ["wg0"]);
    assert_eq!(word(&["lo"], &[]), ["eth0", "eth1"], "the loopback leads nowhere, whoever asks for it");
    assert_eq!(word(&["*"], &["*"]), [""; 0]);
}

#[test]
fn a_bridge_on_an_excluded_nic_is_still_shown() {
    let machine = Machine::usual().link(3, "br0", Kind::Stacked, VIRTUAL).link(
        2,
        "eth0",
        Kind::Plain,
        More { master: 3, ..NIC },
    );
    assert_eq!(machine.shown(&Selection::new(vec![], vec!["eth0".to_owned()])), ["br0"]);
}

#[test]
fn a_container_shows_its_uplink_and_not_its_own_containers() {
    let machine = Machine::default()
        .link(1, "lo", Kind::Plain, VIRTUAL)
        .link(2, "eth0", Kind::Veth, More { lower: 9, elsewhere: true, ..VIRTUAL })
        .link(3, "docker0", Kind::Stacked, VIRTUAL)
        .link(4, "vethabc", Kind::Veth, More { lower: 2, elsewhere: true, master: 3, ..VIRTUAL })
        .link(5, "eth0.7", Kind::Stacked, More { lower: 2, ..VIRTUAL })
        .link(6, "tun0", Kind::Other, VIRTUAL);
    assert_eq!(machine.names(), ["eth0", "eth0.7"]);
}

#[test]
fn a_machine_whose_nic_is_unplugged_does_not_show_docker_instead() {
    let machine = Machine::default()
        .link(1, "lo", Kind::Plain, VIRTUAL)
        .link(3, "docker0", Kind::Stacked, VIRTUAL)
        .address(3, "172.17.0.1")
        .link(4, "vethabc", Kind::Veth, More { lower: 2, elsewhere: true, master: 3, ..VIRTUAL });
    assert!(machine.names().is_empty());
}

#[test]
fn a_test_machine_shows_its_dummy() {
    let machine = Machine::default().link(2, "dummy0", Kind::Dummy, VIRTUAL).address(2, "10.0.0.5");
    assert_eq!(machine.ipv4(), "10.0.0.5");
}

#[test]
fn addresses_come_interface_by_interface_and_link_local_ones_last() {
    let machine = Machine::usual()
        .link(3, "eth1", Kind::Plain, NIC)
        .address(3, "198.51.100.7")
        .flagged(3, "169.254.3.4", 0, 0x80)
        .flagged(2, "169.254.1.2", 253, 0x80)
        .flagged(2, "fe80::2", 253, 0x80)
        .flagged(3, "fe80::3", 253, 0x80)
        .address(3, "2001:db8:1::3")
        .address(2, "2001:db8::2");
    assert_eq!(machine.ipv4(), "192.0.2.10;198.51.100.7;169.254.1.2;169.254.3.4");
    assert_eq!(machine.ipv6(), "2001:db8::2;2001:db8:1::3;fe80::2;fe80::3");
}

#[test]
fn stable_addresses_come_before_those_that_will_go() {
    let machine = Machine::usual()
        .flagged(2, "2001:db8::d", 0, 0x20)
        .flagged(2, "2001:db8::1", 0, 0x01)
        .flagged(2, "2001:db8::5", 0, 0x00)
        .flagged(2, "2001:db8::c", 0, 0x21)
        .flagged(2, "fd00::5", 0, 0x80)
        .flagged(2, "192.0.2.9", 0, 0x81)
        .flagged(2, "192.0.2.200", 0, 0x80)
        .flagged(2, "192.0.2.8", 0, 0xa0);
    assert_eq!(machine.ipv6(), "2001:db8::5;fd00::5;2001:db8::1;2001:db8::c;2001:db8::d");
    assert_eq!(machine.ipv4(), "192.0.2.10;192.0.2.200;192.0.2.9;192.0.2.8");
}

#[test]
fn ipv6_order_does_not_depend_on_the_order_of_arrival() {
    let one = Machine::usual().address(2, "2001:db8::5").address(2, "2001:db8::4");
    let other = Machine::usual().address(2, "2001:db8::4").address(2, "2001:db8::5");
    assert_eq!(one.ipv6(), other.ipv6());
}

#[test]
fn addresses_that_are_nobodys_or_not_certain_are_not_told() {
    let machine = Machine::usual()
        .flagged(2, "2001:db8::1", 0, 0x40)
        .flagged(2, "2001:db8::2", 0, 0x48)
        .flagged(2, "2001:db8::3", 0, 0x44)
        .flagged(2, "2001:db8::4", 0, 0x08)
        .flagged(2, "127.0.0.2", 0, 0x80)
        .flagged(2, "192.0.2.77", 254, 0x80)
        .flagged(2, "0.0.0.0", 0, 0x80)
        .flagged(2, "224.0.0.5", 0, 0x80)
        .flagged(2, "ff02::5", 0, 0x80);
    assert_eq!((machine.ipv4().as_str(), machine.ipv6().as_str()), ("192.0.2.10", ""));
}

#[test]
fn a_text_ends_with_the_last_address_that_fits_whole() {
    let mut machine = Machine::usual();
    for number in 1..=200 {
        machine = machine.address(2, &format!("10.0.0.{number}"));
    }
    let whole = Selection::default().ipv4(&machine.0, 100_000);
    assert_eq!((whole.text.split(';').count(), whole.left_out), (201, 0));
    let cut = Selection::default().ipv4(&machine.0, 1022);
    assert!(cut.text.len() <= 1022 && cut.text.len() > 1022 - 11, "{}", cut.text.len());
    assert!(whole.text.starts_with(&format!("{};", cut.text)));
    assert_eq!(cut.text.split(';').count() + cut.left_out, 201);
    for (units, text, left_out) in
        [(10, "192.0.2.10", 200), (9, "", 201), (18, "192.0.2.10", 200), (19, "192.0.2.10;10.0.0.1", 199)]
    {
        let expected = Joined { text: text.to_owned(), left_out };
        assert_eq!(Selection::default().ipv4(&machine.0, units), expected, "{units}");
    }
}

#[test]
fn link_local_addresses_are_the_first_to_be_left_out() {
    let machine = Machine::usual().flagged(2, "fe80::1", 253, 0x80).address(2, "2001:db8::5");
    let cut = Selection::default().ipv6(&machine.0, 12);
    assert_eq!(cut, Joined { text: "2001:db8::5".to_owned(), left_out: 1 });
}

fn nic(name: &str, shown: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), shown.iter().map(ToString::to_string).collect())
}

#[test]
fn the_nic_with_the_best_default_route_comes_first() {
    let machine = Machine::usual()
        .link(3, "eth1", Kind::Plain, NIC)
        .address(3, "198.51.100.7")
        .link(4, "eth1.7", Kind::Stacked, More { lower: 3, ..VIRTUAL })
        .link(5, "tun0", Kind::Other, VIRTUAL);
    assert_eq!(machine.names(), ["eth0", "eth1", "eth1.7"], "without routes by number");
    let machine = machine.route(5, 254, 1).route(2, 100, 2);
    assert_eq!(machine.names(), ["eth0", "eth1", "eth1.7"], "a tunnel's route is nobody's");
    let machine = machine.route(4, 254, 100);
    assert_eq!(
        machine.names(),
        ["eth1", "eth1.7", "eth0"],
        "the main table first, whatever stands on the NIC"
    );
    assert_eq!(machine.ipv4(), "198.51.100.7;192.0.2.10");
    let all = Selection::default();
    assert_eq!(machine.nics(&all), [nic("eth1", &["eth1", "eth1.7"]), nic("eth0", &["eth0"])]);
    let machine = machine.route(2, 254, 50);
    assert_eq!(machine.names(), ["eth0", "eth1", "eth1.7"]);
    let excluding = Selection::new(Vec::new(), vec!["eth0".to_owned()]);
    assert_eq!(machine.nics(&excluding), [nic("eth1", &["eth1", "eth1.7"])]);
}

#[test]
fn a_nic_is_one_also_when_it_is_switched_off() {
    let machine = Machine::usual().link(2, "eth0", Kind::Plain, More { down: true, ..NIC }).link(
        3,
        "docker0",
        Kind::Stacked,
        VIRTUAL,
    );
    assert_eq!(machine.nics(&Selection::default()), [nic("eth0", &[])]);
    assert_eq!(Machine::default().nics(&Selection::default()), []);
}

#[test]
fn what_stands_on_two_nics_is_shown_with_both() {
    let machine = Machine::usual()
        .link(3, "eth1", Kind::Plain, NIC)
        .link(5, "bond0", Kind::Stacked, VIRTUAL)
        .link(6, "bond0.7", Kind::Stacked, More { lower: 5, ..VIRTUAL })
        .link(2, "eth0", Kind::Plain, More { master: 5, ..NIC })
        .link(3, "eth1", Kind::Plain, More { master: 5, ..NIC });
    let both = ["bond0", "bond0.7"];
    let expected =
        [nic("eth0", &[&["eth0"], &both[..]].concat()), nic("eth1", &[&["eth1"], &both[..]].concat())];
    assert_eq!(machine.nics(&Selection::default()), expected);
}

#[test]
fn both_families_are_in_one_order() {
    let machine = Machine::usual()
        .flagged(2, "fe80::2", 253, 0x80)
        .flagged(2, "169.254.1.2", 253, 0x80)
        .address(2, "2001:db8::5")
        .flagged(2, "2001:db8::1", 0, 0x01)
        .flagged(2, "192.0.2.9", 0, 0x81)
        .link(3, "eth0.7", Kind::Stacked, More { lower: 2, ..VIRTUAL })
        .address(3, "10.7.0.5")
        .address(3, "192.0.2.10");
    let nics = Selection::default().nics(&machine.0);
    let told: Vec<String> = in_order(&nics[0].shown).iter().map(|address| address.ip.to_string()).collect();
    let expected = "192.0.2.10 192.0.2.9 2001:db8::5 2001:db8::1 10.7.0.5 169.254.1.2 fe80::2"
        .split(' ')
        .collect::<Vec<_>>();
    assert_eq!(told, expected);
}
