use std::net::IpAddr;

use hv_utils_core::netapply::{Network, Plan};

use super::kernel::within;
use super::*;

fn network(ip: &str, prefix: u8) -> Network {
    Network { ip: ip.parse().unwrap(), prefix }
}

#[test]
fn a_gateway_is_on_the_link_or_in_a_subnet() {
    let inside: [(&str, u8, &str, bool); 7] = [
        ("192.0.2.7", 24, "192.0.2.1", true),
        ("192.0.2.7", 24, "192.0.3.1", false),
        ("192.0.2.7", 32, "192.0.2.1", false),
        ("192.0.2.7", 0, "203.0.113.1", true),
        ("2001:db8::7", 64, "2001:db8::1", true),
        ("2001:db8::7", 64, "fe80::1", true),
        ("2001:db8::7", 128, "2001:db8::1", false),
    ];
    for (ip, prefix, gateway, expected) in inside {
        let gateway: IpAddr = gateway.parse().unwrap();
        assert_eq!(within(network(ip, prefix), gateway), expected, "{ip}/{prefix} {gateway}");
    }
}

#[test]
fn several_gateways_have_rising_metrics_and_families_stand_for_themselves() {
    let gateways = vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
    let injection = Injection {
        adapter: String::new(),
        ipv4: Plan {
            addressing: Addressing::Static(vec![network("192.0.2.7", 24)]),
            gateways: gateways.clone(),
            dns: None,
        },
        ipv6: Plan::default(),
    };
    let wanted = Wanted::of(&injection);
    let ipv4 = wanted.ipv4.unwrap();
    assert_eq!(ipv4.gateways, vec![(gateways[0], 100), (gateways[1], 101)]);
    assert_eq!(wanted.ipv6, None);
    assert_eq!(wanted.routers, None);
}

#[test]
fn what_is_kept_goes_with_another_backend_and_comes_back_with_its_way_back() {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    let adapter = "f8b3781a-1e82-4818-a1c3-63d806ec15bb";
    let path = state.static_file(adapter);
    for before in [Some("{}"), None] {
        let _ = std::fs::remove_file(&path);
        if let Some(text) = before {
            std::fs::write(&path, text).unwrap();
        }
        let mut snapshot = Snapshot::default();
        Netlink::remember(&state, &mut snapshot, adapter).unwrap();
        assert_eq!(snapshot.files, []);
        Netlink::forget(&state, adapter).unwrap();
        Netlink::forget(&state, adapter).unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "another's").unwrap();
        Netlink::bring_back(&snapshot).unwrap();
        assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), before);
    }
    Netlink::bring_back(&Snapshot::default()).unwrap();
}
