use super::*;
use crate::backend::cases::{automatic, fifty, fixed, injection, keep, servers};

const OTHERS: &str = "addresses:\n- \"198.51.100.7/24\":\n    lifetime: \"0\"\n- \"2001:db8:9::7/64\"\nnameservers:\n  addresses:\n  - 198.51.100.53\n  - 2001:db8:9::53\n  search:\n  - a\ndhcp4: false\ngateway6: fe80::9\nroutes:\n- metric: 50\n  to: \"default\"\n  via: \"198.51.100.1\"\n- to: \"10.0.0.0/8\"\n  via: \"198.51.100.2\"\n- to: \"2001:db8:77::/48\"\n  via: \"fe80::2\"\n";
const BEGIN: &str = "network:\n  version: 2\n  ethernets:\n    id0:";

fn changed(wanted: &Injection) -> Change {
    let others = Definition::parse(OTHERS);
    change("id0", &others, &others, wanted)
}

#[test]
fn each_injection_is_this_text() {
    let v6_address = "      - \"2001:db8:9::7/64\"\n";
    let v6_server = "      nameservers:\n        addresses:\n        - 2001:db8:9::53\n";
    let v6_route = "      - to: \"2001:db8:77::/48\"\n        via: \"fe80::2\"\n";
    for (what, ipv4, ipv6, gone, expected) in [
        (
            "one address of IPv4",
            fixed("192.0.2.7/24", "192.0.2.1", "192.0.2.53"),
            keep(),
            vec!["addresses: null", "nameservers: {addresses: null}", "routes: null"],
            format!(
                "\n      dhcp4: false\n      addresses:\n{v6_address}      - \"192.0.2.7/24\"\n{v6_server}        - \"192.0.2.53\"\n      routes:\n{v6_route}      - to: \"0.0.0.0/0\"\n        via: \"192.0.2.1\"\n        metric: 50\n"
            ),
        ),
        (
            "two addresses and two gateways",
            fixed("192.0.2.7/24 192.0.2.8/32", "192.0.2.1 203.0.113.1", ""),
            keep(),
            vec!["addresses: null", "nameservers: {addresses: null}", "routes: null"],
            format!(
                "\n      dhcp4: false\n      addresses:\n{v6_address}      - \"192.0.2.7/24\"\n      - \"192.0.2.8/32\"\n{v6_server}      routes:\n{v6_route}      - to: \"0.0.0.0/0\"\n        via: \"192.0.2.1\"\n        metric: 50\n      - to: \"0.0.0.0/0\"\n        via: \"203.0.113.1\"\n        metric: 51\n        on-link: true\n"
            ),
        ),
        (
            "IPv6",
            keep(),
            fixed("2001:db8::7/48", "2001:db8::1 fe80::1", "2001:db8::53"),
            vec!["addresses: null", "nameservers: {addresses: null}", "gateway6: null"],
            "\n      dhcp6: false\n      accept-ra: false\n      addresses:\n      - \"198.51.100.7/24\":\n          lifetime: \"0\"\n      - \"2001:db8::7/48\"\n      nameservers:\n        addresses:\n        - 198.51.100.53\n        - \"2001:db8::53\"\n      routes:\n      - to: \"::/0\"\n        via: \"2001:db8::1\"\n      - to: \"::/0\"\n        via: \"fe80::1\"\n        metric: 1025\n".to_owned(),
        ),
        (
            "both, no gateways",
            fixed("192.0.2.7/24", "", ""),
            fixed("2001:db8::7/64", "", ""),
            vec!["addresses: null", "nameservers: {addresses: null}", "routes: null", "gateway6: null"],
            format!(
                "\n      dhcp4: false\n      dhcp6: false\n      accept-ra: false\n      addresses:\n      - \"192.0.2.7/24\"\n      - \"2001:db8::7/64\"\n      routes:\n{v6_route}"
            ),
        ),
        (
            "automatic",
            automatic(None),
            automatic(None),
            vec!["addresses: null", "routes: null", "gateway6: null"],
            format!(
                "\n      dhcp4: true\n      dhcp6: true\n      accept-ra: true\n      routes:\n      - to: \"10.0.0.0/8\"\n        via: \"198.51.100.2\"\n{v6_route}"
            ),
        ),
        (
            "automatic with servers",
            automatic(Some("192.0.2.53")),
            automatic(None),
            vec!["addresses: null", "nameservers: {addresses: null}", "routes: null", "gateway6: null"],
            format!(
                "\n      dhcp4: true\n      dhcp6: true\n      accept-ra: true\n      dhcp4-overrides:\n        use-dns: false\n      dhcp6-overrides:\n        use-dns: false\n{v6_server}        - \"192.0.2.53\"\n      routes:\n      - to: \"10.0.0.0/8\"\n        via: \"198.51.100.2\"\n{v6_route}"
            ),
        ),
        (
            "servers alone",
            keep(),
            servers("2001:db8::53"),
            vec!["nameservers: {addresses: null}"],
            "\n      dhcp6-overrides:\n        use-dns: false\n      nameservers:\n        addresses:\n        - 198.51.100.53\n        - \"2001:db8::53\"\n".to_owned(),
        ),
        ("nothing", keep(), keep(), vec![], " {}\n".to_owned()),
    ] {
        let found = changed(&injection(ipv4, ipv6));
        assert_eq!(found.text, format!("{HEAD}{BEGIN}{expected}"), "{what}");
        assert_eq!(found.gone, gone, "{what}");
    }
}

#[test]
fn a_list_that_only_grows_stays_where_it_is() {
    let others = Definition::parse("dhcp4: true\naddresses:\n- \"2001:db8:9::7/64\"\n");
    let wanted = injection(fixed("192.0.2.7/24", "", ""), keep());
    let found = change("id0", &others, &others, &wanted);
    assert_eq!(found.gone, Vec::<&str>::new());
    assert_eq!(found.gone_later, ["dhcp4: null"]);
    assert!(found.text.ends_with("      addresses:\n      - \"192.0.2.7/24\"\n"), "{}", found.text);
}

/// As netplan prints a definition that is in one file alone.
fn printed(text: &str) -> Definition {
    let body = text.split_once("id0:\n").unwrap().1;
    Definition::parse(&body.lines().map(|line| format!("{}\n", &line[6..])).collect::<String>())
}

#[test]
fn what_our_file_says_of_the_other_family_stays() {
    let others = Definition::parse("dhcp4: true\n");
    let first = change(
        "id0",
        &others,
        &others,
        &injection(keep(), fixed("2001:db8::7/64", "fe80::1", "2001:db8::53")),
    );
    let merged = printed(&first.text);
    let wanted = injection(fixed("192.0.2.7/24", "", ""), keep());
    let second = change("id0", &merged, &others, &wanted);
    for kept in ["dhcp6: false", "accept-ra: false", "2001:db8::7/64", "via: \"fe80::1\"", "2001:db8::53"] {
        assert!(second.text.contains(kept), "{kept}: {}", second.text);
    }
    let third = change("id0", &printed(&second.text), &others, &wanted);
    assert_eq!(third, second, "twice is once");
}

#[test]
fn servers_that_were_refused_come_again_with_plain_dhcp() {
    let others = Definition::parse("dhcp4: true\n");
    let first = change("id0", &others, &others, &injection(automatic(Some("192.0.2.53")), keep()));
    let merged = printed(&first.text);
    let silent = change("id0", &merged, &others, &injection(keep(), fixed("2001:db8::7/64", "", "")));
    assert!(silent.text.contains("use-dns: false"), "{}", silent.text);
    let plain = change("id0", &merged, &others, &injection(automatic(None), keep()));
    assert!(!plain.text.contains("use-dns"), "{}", plain.text);
}

#[test]
fn what_keeps_old_addresses_is_taken_back() {
    let others = Definition::parse("critical: true\n");
    let found = change("id0", &others, &others, &injection(automatic(None), keep()));
    assert!(found.text.contains("      critical: false\n"));
}

#[test]
fn fifty_addresses_are_fifty_items() {
    assert_eq!(changed(&injection(fifty(), keep())).text.matches("\n      - \"192.0.2.").count(), 50);
}
