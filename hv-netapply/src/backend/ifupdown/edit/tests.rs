use super::super::text::{parse, write};
use super::*;
use crate::backend::cases::{automatic, fifty, fixed, injection, keep, servers as dns};

const HEAD: &str = "# mine\nauto lo eth0\niface lo inet loopback\n\nallow-hotplug eth0\n";
const TAIL: &str = "\n# another's\niface eth1 inet static\n  address 198.51.100.9/24\n  gateway 198.51.100.1";

fn change(middle: &str, wanted: &Injection) -> (String, Vec<Stanza>) {
    let mut files = vec![parse(&format!("{HEAD}{middle}{TAIL}"))];
    let homeless = edit(&mut files, "eth0", wanted);
    (write(&files[0]), homeless)
}

/// What is between head and tail, which are there to the byte; the second time changes nothing.
fn changed(middle: &str, wanted: &Injection) -> String {
    let (text, homeless) = change(middle, wanted);
    assert_eq!(homeless, []);
    let inner = text.strip_prefix(HEAD).and_then(|text| text.strip_suffix(TAIL));
    let inner = inner.unwrap_or_else(|| panic!("head or tail changed:\n{text}")).to_owned();
    assert_eq!(change(&inner, wanted).0, text, "twice is once");
    inner
}

const STATIC: &str = "iface eth0 inet static\n\taddress 198.51.100.7\n\tnetmask 255.255.255.0\n\tgateway 198.51.100.1\n\tmtu 1400\n\t# hooks\n\tpre-up echo \\\n\t  a\n\tup ip route add default via 198.51.100.2 metric 5\n\tdns-nameservers 198.51.100.53 2001:db8:9::53\niface eth0 inet6 static\n\taddress 2001:db8:9::7/64\n\taccept_ra 2\n";
const STATIC_V6: &str = "iface eth0 inet6 static\n\taddress 2001:db8:9::7/64\n\taccept_ra 2\n";
const KEPT: &str = "\tmtu 1400\n\t# hooks\n\tpre-up echo \\\n\t  a\n";

#[test]
fn each_injection_is_this_text() {
    for (what, ipv4, ipv6, expected) in [
        (
            "one address of IPv4",
            fixed("192.0.2.7/24", "192.0.2.1", "192.0.2.53"),
            keep(),
            format!(
                "iface eth0 inet static\n\taddress 192.0.2.7/24\n\tgateway 192.0.2.1\n{KEPT}\tdns-nameservers 192.0.2.53 2001:db8:9::53\n{STATIC_V6}"
            ),
        ),
        (
            "two addresses and two gateways",
            fixed("192.0.2.7/24 192.0.2.8/32", "192.0.2.1 203.0.113.1", ""),
            keep(),
            format!(
                "iface eth0 inet static\n\taddress 192.0.2.7/24\n\tgateway 192.0.2.1\n\tup ip route add default via 203.0.113.1 dev eth0 metric 1 onlink\n{KEPT}\tdns-nameservers 2001:db8:9::53\niface eth0 inet static\n    address 192.0.2.8/32\n{STATIC_V6}"
            ),
        ),
        (
            "IPv6",
            keep(),
            fixed("2001:db8::7/48 2001:db8::8/48", "fe80::1 2001:db8::1", "2001:db8::53"),
            format!(
                "{}iface eth0 inet6 static\n\taddress 2001:db8::7/48\n\tgateway fe80::1\n\tup ip -6 route add default via 2001:db8::1 dev eth0 metric 1025 onlink\n\taccept_ra 0\n\tdns-nameservers 2001:db8::53\niface eth0 inet6 static\n    address 2001:db8::8/48\n    dad-attempts 0\n",
                STATIC.replace(STATIC_V6, "").replace(" 2001:db8:9::53", "")
            ),
        ),
        (
            "both, no gateways",
            fixed("192.0.2.7/24", "", ""),
            fixed("2001:db8::7/64", "", ""),
            format!(
                "iface eth0 inet static\n\taddress 192.0.2.7/24\n{KEPT}iface eth0 inet6 static\n\taddress 2001:db8::7/64\n\taccept_ra 0\n"
            ),
        ),
        (
            "automatic",
            automatic(None),
            automatic(None),
            format!("iface eth0 inet dhcp\n{KEPT}\tdns-nameservers 2001:db8:9::53\niface eth0 inet6 auto\n"),
        ),
        (
            "automatic with servers",
            automatic(Some("192.0.2.53")),
            keep(),
            format!("iface eth0 inet dhcp\n{KEPT}\tdns-nameservers 192.0.2.53 2001:db8:9::53\n{STATIC_V6}"),
        ),
        (
            "servers alone",
            keep(),
            dns("2001:db8::53 2001:db8::54"),
            format!("{}\tdns-nameservers 2001:db8::53 2001:db8::54\n", STATIC.replace(" 2001:db8:9::53", "")),
        ),
        ("nothing", keep(), keep(), STATIC.to_owned()),
    ] {
        assert_eq!(changed(STATIC, &injection(ipv4, ipv6)), expected, "{what}");
    }
}

#[test]
fn what_is_automatic_stays_as_it_is() {
    let text = "iface eth0 inet dhcp\n  metric 7\niface eth0 inet6 dhcp\n  accept_ra 2\n";
    assert_eq!(changed(text, &injection(automatic(None), automatic(None))), text);
}

#[test]
fn metrics_go_on_from_the_stanzas_own() {
    let text = changed(
        "iface eth0 inet dhcp\n  metric 7\n",
        &injection(fixed("192.0.2.7/24", "192.0.2.1 192.0.2.2", ""), keep()),
    );
    assert!(text.contains("metric 8 onlink\n  metric 7\n"), "{text}");
}

#[test]
fn fewer_addresses_keep_the_options_of_the_others() {
    let text = "iface eth0 inet static\n  address 198.51.100.7/24\n  mtu 1400\niface eth0 inet static\n  address 198.51.100.8/24\n  mtu 1300\n  up a\n  up b\n";
    let wanted = injection(fixed("192.0.2.7/24", "", ""), keep());
    let expected = "iface eth0 inet static\n  address 192.0.2.7/24\n  mtu 1400\n  up a\n  up b\n";
    assert_eq!(changed(text, &wanted), expected);
}

#[test]
fn a_second_family_comes_after_the_first_and_a_first_one_has_no_home() {
    let wanted = injection(keep(), fixed("2001:db8::7/64", "", ""));
    let text = changed("iface eth0 inet dhcp\n", &wanted);
    assert_eq!(
        text,
        "iface eth0 inet dhcp\niface eth0 inet6 static\n    address 2001:db8::7/64\n    accept_ra 0\n"
    );
    let (text, homeless) = change("", &wanted);
    assert_eq!((text, homeless.len()), (format!("{HEAD}{TAIL}"), 1));
    let (_, homeless) = change("", &injection(dns("192.0.2.53"), keep()));
    assert_eq!(homeless[0].head, "iface eth0 inet manual\n");
    assert_eq!(homeless[0].value("dns-nameservers"), Some("192.0.2.53"));
}

#[test]
fn hooks_that_set_a_default_route_and_others() {
    for (hook, family, is) in [
        ("up ip route add default via 192.0.2.1", Family::V4, true),
        ("post-up /sbin/ip -4 r replace default via 192.0.2.1 dev eth0 || true", Family::V4, true),
        ("up route add default gw 192.0.2.1", Family::V4, true),
        ("up ip route add default via 192.0.2.1", Family::V6, false),
        ("up ip -6 route add default via fe80::1 dev eth0", Family::V6, true),
        ("down route -A inet6 del default gw fe80::1", Family::V6, true),
        ("up ip route add default via 192.0.2.1 table 7", Family::V4, false),
        ("up ip route add 10.0.0.0/8 via 192.0.2.1", Family::V4, false),
        ("up ip route add default via 192.0.2.1; other", Family::V4, false),
        ("up other route default", Family::V4, false),
        ("address default", Family::V4, false),
    ] {
        let line = super::super::text::logical_lines(hook).remove(0);
        assert_eq!(is_default_route(&line, family), is, "{hook} {family:?}");
    }
}

#[test]
fn fifty_addresses_are_fifty_stanzas() {
    let text = changed(STATIC, &injection(fifty(), keep()));
    assert_eq!(text.matches("iface eth0 inet static").count(), 50);
}
