use super::*;

fn network(text: &str) -> Network {
    let (ip, prefix) = text.split_once('/').unwrap();
    Network { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
}

#[test]
fn a_gateway_is_a_neighbour_in_a_subnet_or_on_the_link() {
    for (gateway, networks, neighbour) in [
        ("192.0.2.1", vec!["192.0.2.7/24"], true),
        ("192.0.3.1", vec!["192.0.2.7/24"], false),
        ("192.0.3.1", vec!["192.0.2.7/24", "192.0.3.7/31"], false),
        ("192.0.3.1", vec!["192.0.2.7/23"], true),
        ("192.0.2.8", vec!["192.0.2.7/32"], false),
        ("203.0.113.1", vec!["192.0.2.7/0"], true),
        ("192.0.2.1", vec!["2001:db8::1/0"], false),
        ("2001:db8::1", vec!["2001:db8::7/64"], true),
        ("2001:db8:1::1", vec!["2001:db8::7/64"], false),
        ("fe80::1", vec![], true),
        ("192.0.2.1", vec![], false),
    ] {
        let networks: Vec<_> = networks.into_iter().map(network).collect();
        assert_eq!(is_neighbour(gateway.parse().unwrap(), &networks), neighbour, "{gateway} {networks:?}");
    }
}

#[test]
fn the_family_of_a_text() {
    assert_eq!(Family::of_text("192.0.2.1/24"), Some(Family::V4));
    assert_eq!(Family::of_text("::/0"), Some(Family::V6));
    assert_eq!(Family::of_text("_dhcp4"), None);
}
