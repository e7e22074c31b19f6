//! Links that nobody here may configure: tables of the kernel's, without a kernel.

use hv_utils_core::network::{Address, HardwareAddress, Link, Route, RouteFamily};

use super::*;
use crate::backend::tests_support::target;

const PERMANENT: u32 = 0x80;

fn link(index: u32, name: &str, kind: Kind, master: Option<u32>) -> Link {
    Link {
        index,
        name: name.into(),
        hardware: HardwareAddress::default(),
        permanent: None,
        up: true,
        carrier: true,
        loopback: false,
        kind,
        device: false,
        lower: None,
        lower_elsewhere: false,
        master,
        addresses: Vec::new(),
    }
}

fn with_address(flags: u32, ip: &str) -> Link {
    let address = Address { ip: ip.parse().unwrap(), prefix: 24, scope: 0, flags };
    Link { addresses: vec![address], ..link(2, "eth0", Kind::Plain, None) }
}

fn route(interface: u32, protocol: u8) -> Route {
    Route {
        family: RouteFamily::V4,
        gateway: Some("192.0.2.1".parse().unwrap()),
        interface,
        table: Route::MAIN,
        metric: 0,
        protocol,
        source: None,
    }
}

#[test]
fn a_port_is_refused_and_a_member_of_a_vrf_is_not() {
    for (kind, refused) in [(Kind::Stacked, true), (Kind::Other, false)] {
        let table =
            Table::of(vec![link(2, "eth0", Kind::Plain, Some(9)), link(9, "over", kind, None)], vec![]);
        let stands = stands_alone(&target(), &table);
        assert_eq!(stands.is_err(), refused, "{kind:?}");
        if let Err(error) = stands {
            assert!(error.to_string().starts_with("eth0 is a port of over: "), "{error}");
        }
    }
    let alone = Table::of(vec![link(2, "eth0", Kind::Plain, None)], vec![]);
    assert_eq!(stands_alone(&target(), &alone), Ok(()));
}

#[test]
fn a_link_of_an_unknown_dhcp_client_is_not_taken_for_nobodys() {
    let cases = [
        (with_address(PERMANENT, "192.0.2.7"), vec![], false),
        (with_address(0, "192.0.2.7"), vec![], true),
        // A router's announcement is nobody's.
        (with_address(0, "2001:db8::7"), vec![], false),
        (with_address(PERMANENT, "192.0.2.7"), vec![route(2, 16)], true),
        (with_address(PERMANENT, "192.0.2.7"), vec![route(2, 3), route(3, 16)], false),
    ];
    for (position, (link, routes, refused)) in cases.into_iter().enumerate() {
        let result = has_no_client(&target(), &Table::of(vec![link], routes));
        assert_eq!(result.is_err(), refused, "case {position}");
    }
}
