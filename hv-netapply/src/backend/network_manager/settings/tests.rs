use super::*;
use crate::backend::network_manager::keyfile::Keyfile;
use crate::backend::network_manager::stored;

pub(in crate::backend::network_manager) fn target() -> Target {
    Target {
        interface: "eth0".to_owned(),
        index: 2,
        mac: "00:15:5d:00:04:01".to_owned(),
        adapter: "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned(),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ips(text: &str) -> Vec<IpAddr> {
    text.split_whitespace().map(ip).collect()
}

/// A plan in words: `dhcp` or addresses, gateways, DNS servers ("-": nothing is said).
pub(in crate::backend::network_manager) fn plan(addressing: &str, gateways: &str, dns: &str) -> Plan {
    let network = |word: &str| {
        let (ip, prefix) = word.split_once('/').unwrap();
        Network { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
    };
    Plan {
        addressing: match addressing {
            "-" => Addressing::Keep,
            "dhcp" => Addressing::Automatic,
            words => Addressing::Static(words.split_whitespace().map(network).collect()),
        },
        gateways: ips(gateways),
        dns: (dns != "-").then(|| ips(dns)),
    }
}

pub(in crate::backend::network_manager) fn injection(ipv4: Plan, ipv6: Plan) -> Injection {
    Injection { adapter: target().adapter, ipv4, ipv6 }
}

fn silent() -> Plan {
    Plan::default()
}

/// As GetSettings of 1.42 gives it, with the deprecated forms.
fn office() -> Settings {
    let section = |pairs: Vec<(&str, OwnedVariant)>| {
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Section>()
    };
    let address = section(vec![("address", text("192.0.2.30")), ("prefix", 24u32.into())]);
    let route = |dest: &str, prefix: u32| {
        section(vec![("dest", text(dest)), ("prefix", prefix.into()), ("next-hop", text("192.0.2.2"))])
    };
    Settings::from([
        (
            "connection".to_owned(),
            section(vec![
                ("id", text("office")),
                ("uuid", text("6e7d4f0e-0000-4000-8000-000000000001")),
                ("type", text(ETHERNET)),
                ("interface-name", text("eth0")),
                ("timestamp", 1u64.into()),
            ]),
        ),
        (
            "ipv4".to_owned(),
            section(vec![
                ("method", text("manual")),
                ("address-data", list([address])),
                ("addresses", owned(Variant::from(vec![vec![0u32, 24, 0]]))),
                ("gateway", text("192.0.2.1")),
                ("route-data", list([route("203.0.113.0", 24), route("0.0.0.0", 0)])),
                ("routes", owned(Variant::from(vec![vec![0u32, 24, 0, 0]]))),
                ("dns", owned(Variant::from(vec![0u32]))),
                ("dns-data", owned(Variant::from(vec!["192.0.2.53"]))),
                ("dns-search", owned(Variant::from(vec!["lab.example"]))),
                ("may-fail", false.into()),
            ]),
        ),
        ("ipv6".to_owned(), section(vec![("method", text("auto")), ("addr-gen-mode", 1i32.into())])),
    ])
}

/// A section in one line: what tests compare.
fn shown(settings: &Settings, family: Family) -> String {
    let section = &settings[family.section()];
    let pair = |route: &Section, keys: &[&str]| {
        let values = keys.iter().filter_map(|key| route.get(*key)).map(|value| format!("{}", **value));
        values.collect::<Vec<_>>().join(" ").replace('"', "")
    };
    let all = |key: &str, keys: &[&str]| {
        let Some(items) = section.get(key) else { return "none".to_owned() };
        let items = Vec::<Section>::try_from(items.try_clone().unwrap()).unwrap();
        items.iter().map(|item| pair(item, keys)).collect::<Vec<_>>().join(", ")
    };
    let gateway = string(section, "gateway");
    let dns = section.get("dns").map_or("none".to_owned(), |dns| format!("{}", **dns));
    format!(
        "{} [{}] gw [{gateway}] routes [{}] dns {dns} only {:?}",
        string(section, "method"),
        all("address-data", &["address", "prefix"]),
        all("route-data", &["dest", "prefix", "next-hop", "metric", "onlink"]),
        section.get("ignore-auto-dns").and_then(|value| bool::try_from(value).ok()),
    )
}

fn number(ip: [u8; 4]) -> u32 {
    u32::from_ne_bytes(ip)
}

#[test]
fn each_form_of_an_injection_on_the_bus() {
    let dns = number([192, 0, 2, 99]);
    let old = "routes [203.0.113.0 uint32 24 192.0.2.2]";
    let both = "routes [203.0.113.0 uint32 24 192.0.2.2, 0.0.0.0 uint32 0 192.0.2.2] dns [uint32 0]";
    let table = [
        // one address, DNS left alone
        (
            plan("192.0.2.7/24", "192.0.2.1", "-"),
            format!("manual [192.0.2.7 uint32 24] gw [192.0.2.1] {old} dns [uint32 0] only None"),
        ),
        // two addresses and gateways, the second one off the subnets
        (
            plan("192.0.2.7/24 198.51.100.7/25", "192.0.2.1 198.51.100.200", "192.0.2.99"),
            format!(
                "manual [192.0.2.7 uint32 24, 198.51.100.7 uint32 25] gw [192.0.2.1] routes [203.0.113.0 uint32 24 \
                 192.0.2.2, 0.0.0.0 uint32 0 198.51.100.200 uint32 1100 true] dns [uint32 {dns}] only Some(true)"
            ),
        ),
        // no gateway, no DNS
        (
            plan("192.0.2.7/24", "", ""),
            format!("manual [192.0.2.7 uint32 24] gw [] {old} dns @au [] only Some(true)"),
        ),
        // DHCP: the DNS servers came with the old addresses
        (plan("dhcp", "", "-"), format!("auto [none] gw [] {old} dns none only None")),
        (
            plan("dhcp", "", "192.0.2.99"),
            format!("auto [none] gw [] {old} dns [uint32 {dns}] only Some(true)"),
        ),
        // DNS only
        (
            plan("-", "", "192.0.2.99"),
            format!(
                "manual [192.0.2.30 uint32 24] gw [192.0.2.1] routes [203.0.113.0 uint32 24 192.0.2.2, 0.0.0.0 uint32 0 \
                 192.0.2.2] dns [uint32 {dns}] only Some(true)"
            ),
        ),
        (silent(), format!("manual [192.0.2.30 uint32 24] gw [192.0.2.1] {both} only None")),
    ];
    for (ipv4, wanted) in table {
        let after = inject(&office(), &target(), &injection(ipv4.clone(), silent()));
        assert_eq!(shown(&after, Family::V4), wanted, "{ipv4:?}");
        assert_eq!(after["ipv6"], office()["ipv6"], "{ipv4:?}");
        assert_eq!(after["connection"], office()["connection"]);
        for key in ["dns-search", "may-fail"] {
            assert_eq!(after["ipv4"][key], office()["ipv4"][key]);
        }
        if ipv4.addressing != Addressing::Keep {
            assert!(
                ["addresses", "routes"].iter().all(|key| !after["ipv4"].contains_key(*key)),
                "they would win"
            );
        }
        if ipv4.dns.is_some() {
            assert!(!after["ipv4"].contains_key("dns-data"));
        }
    }
}

#[test]
fn ipv6_alone_and_both_families() {
    let ipv6 = plan("2001:db8::7/64", "fe80::1 2001:db8::1", "2001:db8::53");
    let after = inject(&office(), &target(), &injection(silent(), ipv6.clone()));
    let server = ip("2001:db8::53");
    let IpAddr::V6(server) = server else { unreachable!() };
    let bytes: Vec<_> = server.octets().iter().map(|byte| format!("0x{byte:02x}")).collect();
    let wanted = format!(
        "manual [2001:db8::7 uint32 64] gw [fe80::1] routes [:: uint32 0 2001:db8::1 uint32 1100] dns [[byte {}]] only Some(true)",
        bytes.join(", ")
    );
    assert_eq!(shown(&after, Family::V6), wanted);
    assert_eq!(after["ipv6"]["addr-gen-mode"], office()["ipv6"]["addr-gen-mode"]);
    assert_eq!(after["ipv4"], office()["ipv4"]);
    let both = inject(&office(), &target(), &injection(plan("192.0.2.7/24", "", "-"), ipv6));
    assert_eq!(shown(&both, Family::V6), wanted);
    assert!(shown(&both, Family::V4).starts_with("manual [192.0.2.7 uint32 24] gw []"));
}

#[test]
fn a_gateway_is_used_and_metrics_follow_the_profiles_own() {
    let mut settings = office();
    let ipv4 = settings.get_mut("ipv4").unwrap();
    ipv4.insert("never-default".to_owned(), true.into());
    ipv4.insert("route-metric".to_owned(), 50i64.into());
    let wanted = injection(plan("192.0.2.7/24", "192.0.2.1 192.0.2.2 192.0.2.3", "-"), silent());
    let after = inject(&settings, &target(), &wanted);
    assert!(!after["ipv4"].contains_key("never-default"));
    let line = shown(&after, Family::V4);
    assert!(
        line.contains("0.0.0.0 uint32 0 192.0.2.2 uint32 1050, 0.0.0.0 uint32 0 192.0.2.3 uint32 2050]"),
        "{line}"
    );
}

#[test]
fn a_profile_for_any_link_is_bound_to_the_one_that_gets_addresses() {
    let mut settings = office();
    settings.get_mut("connection").unwrap().remove("interface-name");
    let after = inject(&settings, &target(), &injection(plan("192.0.2.7/24", "", "-"), silent()));
    assert_eq!(string(&after["connection"], "interface-name"), "eth0");
}

#[test]
fn a_new_profile_has_all_that_one_needs() {
    let ipv4 = plan("192.0.2.7/24", "192.0.2.1", "192.0.2.99");
    let after = inject(&fresh(&target(), 0), &target(), &injection(ipv4, silent()));
    let connection = &after["connection"];
    assert_eq!(string(connection, "id"), "hv-utils eth0");
    assert_eq!(string(connection, "uuid"), target().adapter);
    assert_eq!(string(&after["ipv6"], "method"), "auto");
    assert!(!connection.contains_key("autoconnect-priority"));
    assert!(fresh(&target(), 6)["connection"].contains_key("autoconnect-priority"));
    let profile = profile(&after);
    assert!(profile.fits(&target()) && profile.is_bound() && profile.autoconnect);
    assert_eq!(profile.mac, target().mac);
}

#[test]
fn a_profile_survives_being_kept() {
    assert_eq!(decode(&encode(&office())), Some(office()));
    assert_eq!(decode("0"), None);
    assert_eq!(decode("zz"), None);
    let mut later = office();
    later.get_mut("connection").unwrap().insert("timestamp".to_owned(), 2u64.into());
    assert!(same(&office(), &later) && same_ip(&office(), &later));
    later.get_mut("ipv4").unwrap().remove("may-fail");
    assert!(!same(&office(), &later) && !same_ip(&office(), &later));
}

#[test]
fn bus_and_file_say_the_same_of_whose_a_profile_is() {
    let file = "[connection]\nid=x\nuuid=u\ntype=ethernet\nmulti-connect=3\nautoconnect=false\nautoconnect-priority=-7\n\
                slave-type=bond\n[ethernet]\nmac-address=00:15:5D:00:04:01\n";
    let from_file = stored::profile(&Keyfile::parse(file));
    let mut settings = fresh(&target(), -7);
    let connection = settings.get_mut("connection").unwrap();
    connection.remove("interface-name");
    connection.insert("uuid".to_owned(), text("u"));
    connection.insert("multi-connect".to_owned(), 3i32.into());
    connection.insert("autoconnect".to_owned(), false.into());
    connection.insert("slave-type".to_owned(), text("bond"));
    let from_bus = profile(&settings);
    assert_eq!(from_bus, Profile { mac: from_file.mac.to_lowercase(), ..from_file });
    assert!(from_bus.shared && from_bus.port_of == "bond" && from_bus.fits(&target()));
}

#[test]
fn the_subnets_decide_what_is_on_the_link() {
    let networks = |text: &str| match plan(text, "", "-").addressing {
        Addressing::Static(networks) => networks,
        _ => unreachable!(),
    };
    let cases = [
        ("192.0.2.7/24", "192.0.2.1", true),
        ("192.0.2.7/24", "192.0.3.1", false),
        ("192.0.2.7/32", "192.0.2.1", false),
        ("192.0.2.7/0", "203.0.113.1", true),
        ("192.0.2.7/24", "2001:db8::1", false),
        ("192.0.2.7/24", "fe80::1", true),
        ("2001:db8::7/64", "2001:db8::1", true),
        ("2001:db8::7/128", "2001:db8::1", false),
    ];
    for (own, gateway, on_link) in cases {
        assert_eq!(is_on_link(&networks(own), ip(gateway)), on_link, "{own} {gateway}");
    }
}
