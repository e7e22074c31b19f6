//! The list as the host enumerates it.

use super::*;

fn machine() -> Machine {
    Machine { system: "Linux".into(), release: "6.12.95+deb12-amd64".into(), machine: "x86_64".into() }
}

fn facts() -> Facts {
    Facts {
        fqdn: "web1.example.com".into(),
        services_version: "3.1".into(),
        ipv4: "192.0.2.10;192.0.2.11".into(),
        ipv6: "2001:db8::5;fe80::1".into(),
        os: OsRelease { name: "Debian GNU/Linux".into(), version_id: "12".into(), ..OsRelease::default() },
        drop_ins: vec![("Owner".into(), "me".into())],
    }
}

fn text(items: &[(String, String)]) -> Vec<(&str, &str)> {
    items.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

#[test]
fn the_first_ten_are_in_the_order_of_every_guest() {
    assert_eq!(
        text(&assemble(&machine(), &facts())),
        [
            ("FullyQualifiedDomainName", "web1.example.com"),
            ("IntegrationServicesVersion", "3.1"),
            ("NetworkAddressIPv4", "192.0.2.10;192.0.2.11"),
            ("NetworkAddressIPv6", "2001:db8::5;fe80::1"),
            ("OSBuildNumber", "6.12.95+deb12-amd64"),
            ("OSName", "Debian GNU/Linux"),
            ("OSMajorVersion", "12"),
            ("OSMinorVersion", ""),
            ("OSVersion", "6.12.95+deb12"),
            ("ProcessorArchitecture", "x86_64"),
            ("CSDVersion", ""),
            ("Owner", "me"),
        ]
    );
}

#[test]
fn what_is_not_known_is_empty_and_the_ten_stay_in_their_places() {
    let items = assemble(&machine(), &Facts::default());
    assert_eq!(items.len(), 11);
    assert_eq!(text(&items)[5..7], [("OSName", "Linux"), ("OSMajorVersion", "")]);
}

#[test]
fn further_items_are_there_where_the_system_has_them() {
    let mut facts = facts();
    facts.os = OsRelease {
        id: "sles".into(),
        version: "15-SP5".into(),
        variant_id: "cloud".into(),
        vendor_name: "SUSE".into(),
        ..OsRelease::default()
    };
    let items = assemble(&machine(), &facts);
    assert_eq!(
        text(&items)[10..],
        [
            ("CSDVersion", "Service Pack 5"),
            ("ServicePackMajor", "5"),
            ("OSEditionId", "cloud"),
            ("OSVendor", "SUSE"),
            ("Owner", "me"),
        ]
    );
    facts.os.vendor_name.clear();
    facts.os.id.clear();
    assert_eq!(
        text(&assemble(&machine(), &facts))[10..],
        [("CSDVersion", ""), ("OSEditionId", "cloud"), ("Owner", "me")]
    );
}

#[test]
fn values_end_with_the_last_character_that_fits_whole() {
    for (value, expected) in [
        ("x".repeat(1022), "x".repeat(1022)),
        ("x".repeat(1023), "x".repeat(1022)),
        ("\u{1f600}".repeat(511), "\u{1f600}".repeat(511)),
        ("x".to_owned() + &"\u{1f600}".repeat(511), "x".to_owned() + &"\u{1f600}".repeat(510)),
    ] {
        let mut facts = facts();
        facts.os.name = value;
        assert_eq!(assemble(&machine(), &facts)[5].1, expected);
    }
}

#[test]
fn differences_are_told_once_each() {
    let item = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let changed = |key: &str, value: &str| Change::Changed { key: key.to_owned(), value: value.to_owned() };
    let old = [item("a", "1"), item("b", "2"), item("c", "3")];
    let new = [item("c", "3"), item("b", "two"), item("d", "")];
    let removed = Change::Removed { key: "a".to_owned() };
    assert_eq!(differences(&old, &new), [changed("b", "two"), changed("d", ""), removed]);
    assert_eq!(differences(&new, &new), []);
    assert_eq!(differences(&[], &new).len(), 3);
}
