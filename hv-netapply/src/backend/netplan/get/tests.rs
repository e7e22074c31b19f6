use super::*;

const PRINTED: &str = "match:\n  name: \"eth*\"\naddresses:\n- \"192.0.2.10/24\":\n    label: \"eth0:x\"\n    lifetime: \"0\"\n- \"192.0.2.9/24\"\nnameservers:\n  addresses:\n  - 192.0.2.53\n  - 2001:db8::53\n  search:\n  - a\ngateway6: 2001:db8:1::1\ndhcp4: false\ndhcp4-overrides:\n  route-metric: 100\nroutes:\n- to: \"default\"\n  via: \"192.0.2.1\"\n- metric: 7\n  to: '10.0.0.0/8'\n";

#[test]
fn what_netplan_prints_is_understood() {
    let definition = Definition::parse(PRINTED);
    assert_eq!(definition.value("dhcp4"), Some("false"));
    assert_eq!(definition.value("gateway6"), Some("2001:db8:1::1"));
    assert_eq!(definition.value("addresses"), None);
    assert_eq!(definition.nested("dhcp4-overrides").value("route-metric"), Some("100"));
    let heads: Vec<_> = definition.items("addresses").iter().map(Item::head).collect();
    assert_eq!(heads, ["192.0.2.10/24", "192.0.2.9/24"]);
    let servers = definition.nested("nameservers").items("addresses");
    assert_eq!(servers.iter().map(Item::head).collect::<Vec<_>>(), ["192.0.2.53", "2001:db8::53"]);
    let routes = definition.items("routes");
    assert_eq!(routes[0].field("via").as_deref(), Some("192.0.2.1"));
    assert_eq!(routes[1].field("to").as_deref(), Some("10.0.0.0/8"));
    assert_eq!(routes[1].field("metric").as_deref(), Some("7"));
    assert_eq!(routes[0].field("metric"), None);
}

#[test]
fn nothing_is_nothing() {
    for text in ["null\n", "", "{}\n"] {
        assert!(Definition::parse(text).is_empty(), "{text}");
    }
}
