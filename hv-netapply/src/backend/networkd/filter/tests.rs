use super::*;
use crate::backend::cases::{automatic, fixed, injection, keep, servers};
use crate::backend::networkd::file::{parse, write};

fn rest(text: &str, wanted: &Injection) -> Rest {
    Rest::of(parse(text), wanted)
}

#[test]
fn a_family_that_is_not_spoken_of_keeps_everything() {
    let text = "\n[Network]\nAddress=192.0.2.7/24\nAddress=2001:db8::7/64\nGateway=192.0.2.1\nGateway=fe80::1\n\n[Address]\nAddress=192.0.2.8/24\n\n[Route]\nGateway=192.0.2.1\n";
    assert_eq!(write(&rest(text, &injection(keep(), keep())).sections), text);
    let v6 = rest(text, &injection(keep(), automatic(None)));
    assert_eq!(
        write(&v6.sections),
        text.replace("Address=2001:db8::7/64\n", "").replace("Gateway=fe80::1\n", "")
    );
}

#[test]
fn routes_that_stay_and_those_that_go() {
    let wanted = injection(fixed("192.0.2.7/24", "192.0.2.1", ""), keep());
    for (route, stays) in [
        ("Gateway=198.51.100.1", false),
        ("Destination=0.0.0.0/0\nGateway=198.51.100.1", false),
        ("Gateway=_dhcp4", false),
        ("MultiPathRoute=198.51.100.1@eth0 10", false),
        ("Destination=0.0.0.0/0\nScope=link", false),
        ("Gateway=192.0.2.9\nTable=100", true),
        ("Gateway=198.51.100.1\nTable=100", false),
        ("Gateway=fe80::1", true),
        ("Gateway=_ipv6ra", true),
        ("Destination=10.0.0.0/8\nGateway=192.0.2.9", true),
        ("Destination=10.0.0.0/8\nGateway=198.51.100.9", false),
        ("Destination=10.0.0.0/8\nGateway=198.51.100.9\nGatewayOnLink=yes", true),
        ("Destination=10.0.0.0/8\nPreferredSource=198.51.100.7", false),
        ("Destination=10.0.0.0/8\nPreferredSource=192.0.2.7", true),
        ("Destination=10.0.0.0/8\nType=blackhole", true),
        ("Destination=0.0.0.0/0\nType=blackhole", true),
    ] {
        let found = rest(&format!("[Route]\n{route}\n"), &wanted);
        assert_eq!(!found.sections.is_empty(), stays, "{route}");
    }
}

#[test]
fn servers_go_by_family() {
    let text = "[Network]\nDNS=192.0.2.53 2001:db8::53\nDNS=192.0.2.54:5353%eth0#name [2001:db8::54]:53#name\nDNS=odd\nDNS=\n";
    let found = rest(text, &injection(servers(""), keep()));
    assert_eq!(
        write(&found.sections),
        "\n[Network]\nDNS=2001:db8::53\nDNS=[2001:db8::54]:53#name\nDNS=odd\nDNS=\n"
    );
    let found = rest(text, &injection(keep(), servers("")));
    assert_eq!(
        write(&found.sections),
        "\n[Network]\nDNS=192.0.2.53\nDNS=192.0.2.54:5353%eth0#name\nDNS=odd\nDNS=\n"
    );
}

#[test]
fn metrics_are_those_of_the_default_route_or_of_dhcp() {
    let wanted = injection(fixed("192.0.2.7/24", "", ""), automatic(None));
    let text = "[Route]\nGateway=198.51.100.1\nMetric=50\n[DHCPv4]\nRouteMetric=70\n[IPv6AcceptRA]\nRouteMetric=80\n";
    assert_eq!(rest(text, &wanted).metric, [Some(50), Some(80)]);
    assert_eq!(rest("[DHCPv4]\nRouteMetric=70\n", &wanted).metric, [Some(70), None]);
}

#[test]
fn what_keeps_old_addresses_goes_with_them() {
    let text = "[Network]\nKeepConfiguration=yes\n[DHCP]\nCriticalConnection=true\n[DHCPv4]\nCriticalConnection=true\n";
    let text = format!("\n{}", text.replace("\n[", "\n\n["));
    assert_eq!(write(&rest(&text, &injection(automatic(None), keep())).sections), "");
    assert_eq!(write(&rest(&text, &injection(servers(""), keep())).sections), text);
}
