//! Which default routes count as wanted, and which as too many.

use hv_utils_core::network::HardwareAddress;

use super::*;
use crate::backend::cases::{fixed, injection, keep};

const PERMANENT: u32 = 0x80;

fn link(index: u32, kind: Kind, master: Option<u32>) -> Link {
    let address = Address { ip: "192.0.2.7".parse().unwrap(), prefix: 24, scope: 0, flags: PERMANENT };
    Link {
        index,
        name: format!("eth{index}").into(),
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
        addresses: vec![address],
    }
}

fn route(gateway: &str, table: u32) -> Route {
    let gateway = Some(gateway.parse().unwrap());
    Route { family: RouteFamily::V4, gateway, interface: 2, table, metric: 100, protocol: 4, source: None }
}

#[test]
fn routes_of_other_tables_are_neither_wanted_nor_too_many() {
    let wanted = injection(fixed("192.0.2.7/24", "192.0.2.1", ""), keep());
    let see = |routes| look(&wanted, 2, &Table::of(vec![link(2, Kind::Plain, None)], routes));
    assert_eq!(see(vec![route("192.0.2.1", Route::MAIN)]), Seen::There);
    assert_eq!(see(vec![route("192.0.2.1", Route::MAIN), route("192.0.2.9", 100)]), Seen::There);
    let missing = Seen::NotYet("there is no default route by 192.0.2.1 on eth2".to_owned());
    assert_eq!(see(vec![route("192.0.2.1", 100)]), missing);
    let surplus = Seen::NotYet("there is still a default route by 192.0.2.9 on eth2".to_owned());
    assert_eq!(see(vec![route("192.0.2.1", Route::MAIN), route("192.0.2.9", Route::MAIN)]), surplus);
}

#[test]
fn the_table_of_a_vrf_counts_for_its_members() {
    let wanted = injection(fixed("192.0.2.7/24", "192.0.2.1", ""), keep());
    let links = vec![link(2, Kind::Plain, Some(9)), link(9, Kind::Other, None)];
    assert_eq!(look(&wanted, 2, &Table::of(links, vec![route("192.0.2.1", 10)])), Seen::There);
}
