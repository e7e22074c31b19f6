use super::*;
use crate::backend::cases::{automatic, fifty, fixed, injection, keep, servers};
use crate::backend::networkd::file::parse;

const OWNER: &str = "[Match]\nName=eth*\n[Link]\nMTUBytes=1400\n[Network]\nDHCP=yes\nAddress=198.51.100.7/24\nAddress=2001:db8:9::7/64\nDNS=198.51.100.53\nDomains=example.org\n[DHCPv4]\nRouteMetric=70\nUseDNS=yes\n[Route]\nGateway=fe80::9\n";
const KEPT: &str = "\n[Match]\nName=eth0\nPermanentMACAddress=00:15:5d:00:04:0a\n\n[Link]\nMTUBytes=1400\n";

fn nic() -> Nic {
    Nic { interface: "eth0".to_owned(), mac: "00:15:5d:00:04:0a".to_owned(), permanent: true }
}

fn text(base: &str, wanted: &Injection) -> String {
    let header = Header { origin: Some("/etc/systemd/network/a.network".to_owned()), wanted: wanted.clone() };
    compose(&nic(), &header, parse(base))
}

/// What follows the head.
fn body(text: &str) -> &str {
    &text[text.find("\n[Match]").unwrap()..]
}

#[test]
fn each_injection_is_this_text() {
    let v6_kept = "Address=2001:db8:9::7/64\nDNS=198.51.100.53\nDomains=example.org\n";
    let route = "\n[Route]\nGateway=fe80::9\n";
    let dhcp = "\n[DHCPv4]\nRouteMetric=70\n";
    let dhcp_dns = "\n[DHCPv4]\nRouteMetric=70\nUseDNS=yes\n";
    let without_dns = |text: &str| text.replace("DNS=198.51.100.53\n", "");
    for (what, ipv4, ipv6, expected) in [
        (
            "one address of IPv4",
            fixed("192.0.2.7/24", "192.0.2.1", "192.0.2.53"),
            keep(),
            format!(
                "{KEPT}\n[Network]\n{}{dhcp}{route}\n[Network]\nDHCP=ipv6\nAddress=192.0.2.7/24\nDNS=192.0.2.53\n\n[Route]\nGateway=192.0.2.1\nMetric=70\n",
                without_dns(v6_kept)
            ),
        ),
        (
            "two addresses and two gateways",
            fixed("192.0.2.7/24 192.0.2.8/32", "192.0.2.1 203.0.113.1", ""),
            keep(),
            format!(
                "{KEPT}\n[Network]\n{}{dhcp}{route}\n[Network]\nDHCP=ipv6\nAddress=192.0.2.7/24\nAddress=192.0.2.8/32\n\n[Route]\nGateway=192.0.2.1\nMetric=70\n\n[Route]\nGateway=203.0.113.1\nMetric=71\nGatewayOnLink=yes\n",
                without_dns(v6_kept)
            ),
        ),
        (
            "IPv6",
            keep(),
            fixed("2001:db8::7/48", "2001:db8::1 fe80::1", "2001:db8::53"),
            format!(
                "{KEPT}\n[Network]\nAddress=198.51.100.7/24\nDNS=198.51.100.53\nDomains=example.org\n{dhcp_dns}\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nAddress=2001:db8::7/48\nDNS=2001:db8::53\n\n[Route]\nGateway=2001:db8::1\n\n[Route]\nGateway=fe80::1\nMetric=1025\n"
            ),
        ),
        (
            "both",
            fixed("192.0.2.7/24", "", ""),
            fixed("2001:db8::7/64", "", ""),
            format!(
                "{KEPT}\n[Network]\nDomains=example.org\n{dhcp}\n[Network]\nDHCP=no\nIPv6AcceptRA=no\nAddress=192.0.2.7/24\nAddress=2001:db8::7/64\n"
            ),
        ),
        (
            "automatic",
            automatic(None),
            automatic(None),
            format!(
                "{KEPT}\n[Network]\nDNS=198.51.100.53\nDomains=example.org\n{dhcp_dns}\n[Network]\nDHCP=yes\nIPv6AcceptRA=yes\n",
            ),
        ),
        (
            "automatic with servers",
            automatic(Some("192.0.2.53")),
            automatic(Some("2001:db8::53")),
            format!(
                "{KEPT}\n[Network]\nDomains=example.org\n{dhcp}\n[Network]\nDHCP=yes\nIPv6AcceptRA=yes\nDNS=192.0.2.53\nDNS=2001:db8::53\n\n[DHCPv4]\nUseDNS=no\n\n[IPv6AcceptRA]\nUseDNS=no\n\n[DHCPv6]\nUseDNS=no\n"
            ),
        ),
        (
            "servers alone",
            servers("192.0.2.53"),
            keep(),
            format!(
                "{KEPT}\n[Network]\nDHCP=yes\nAddress=198.51.100.7/24\n{}{dhcp}{route}\n[Network]\nDNS=192.0.2.53\n\n[DHCPv4]\nUseDNS=no\n",
                without_dns(v6_kept)
            ),
        ),
    ] {
        let wanted = injection(ipv4, ipv6);
        let first = text(OWNER, &wanted);
        assert_eq!(body(&first), expected, "{what}");
        // Our own text as the base, where the owner's file is gone: nothing piles up but sections that say the same.
        let second = text(&first, &wanted);
        assert_eq!(parse_flat(&second), parse_flat(&text(&second, &wanted)), "{what}");
    }
}

fn parse_flat(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    parse(text).into_iter().map(|section| (section.name, section.entries)).collect()
}

#[test]
fn without_an_owner_it_is_a_plain_file() {
    let header = Header { origin: None, wanted: injection(fixed("192.0.2.7/24", "192.0.2.1", ""), keep()) };
    let nic = Nic { interface: "e[0]".to_owned(), mac: String::new(), permanent: false };
    let text = compose(&nic, &header, Vec::new());
    assert_eq!(
        body(&text),
        "\n[Match]\nName=e?0?\n\n[Network]\nDHCP=no\nAddress=192.0.2.7/24\n\n[Route]\nGateway=192.0.2.1\n"
    );
    assert!(!text.contains("Instead of"));
}

#[test]
fn link_local_addresses_are_touched_where_they_have_to_be() {
    let set = injection(fixed("192.0.2.7/24", "", ""), automatic(None));
    for (before, ipv4_only, both) in [
        ("yes", Some("ipv6"), Some("ipv6")),
        ("no", None, Some("ipv6")),
        ("ipv4", Some("no"), Some("ipv6")),
        ("ipv6", None, None),
    ] {
        let base = format!("[Network]\nLinkLocalAddressing={before}\n");
        let last = |wanted: &Injection| {
            let sections = parse(&text(&base, wanted));
            sections.last().unwrap().value("LinkLocalAddressing").map(str::to_owned)
        };
        assert_eq!(last(&injection(fixed("192.0.2.7/24", "", ""), keep())).as_deref(), ipv4_only, "{before}");
        assert_eq!(last(&set).as_deref(), both, "{before}");
    }
}

#[test]
fn fifty_addresses_are_fifty_lines() {
    let text = text(OWNER, &injection(fifty(), keep()));
    assert_eq!(text.matches("\nAddress=192.0.2.").count(), 50);
}
