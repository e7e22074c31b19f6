use super::*;
use crate::backend::cases::{automatic, fixed, injection};
use crate::backend::ifupdown::changed;

fn injected(text: &str, interface: &str) -> String {
    let wanted = injection(fixed("192.0.2.7/24", "192.0.2.1", "192.0.2.53"), automatic(None));
    changed(&[text.to_owned()], text, interface, &wanted).remove(0)
}

#[test]
fn a_file_that_nobody_else_has_changed_comes_back_to_the_byte() {
    for before in [
        "",
        "auto lo",
        "auto lo\n",
        "auto lo\n\n",
        "# a\nauto eth0\niface eth0 inet dhcp\n\n# b\niface eth0 inet6 static\n  address 2001:db8::1/64\n# c\n",
        "iface eth0 inet static\n address 198.51.100.7/24\n\n\niface eth0 inet static\n address 198.51.100.8/24",
        "iface eth0 inet dhcp\niface eth1 inet dhcp\n",
    ] {
        let now = injected(before, "eth0");
        assert_ne!(now, before);
        assert_eq!(restored(Some(before), Some(&now), "eth0").as_deref(), Some(before), "{before}");
        assert_eq!(restored(Some(before), Some(before), "eth0").as_deref(), Some(before));
        assert_eq!(restored(Some(before), None, "eth0").as_deref(), Some(before));
    }
    let new = injected("", "eth0");
    assert_eq!(restored(None, Some(&new), "eth0"), None);
}

#[test]
fn a_stanza_that_was_added_after_an_injection_stays() {
    let vlan =
        "\nauto vlan5\niface vlan5 inet static\n    address 198.51.100.9/24\n    vlan-raw-device eth0\n";
    for before in [
        "auto eth0\niface eth0 inet dhcp\n    mtu 1400\n",
        "auto lo\niface lo inet loopback\n\n# our uplink\nauto eth0\niface eth0 inet dhcp\n\niface eth0 inet6 auto\n",
    ] {
        let now = injected(before, "eth0") + vlan;
        let back = restored(Some(before), Some(&now), "eth0").unwrap();
        assert!(back.ends_with(vlan) && back.contains("iface eth0 inet dhcp\n"), "{back}");
        assert!(!back.contains("192.0.2."), "{back}");
        assert_eq!(
            restored(Some(before), Some(&back), "eth0").as_deref(),
            Some(back.as_str()),
            "twice is once"
        );
    }
    let now = injected("auto lo\n", "eth0") + vlan;
    assert_eq!(restored(Some("auto lo\n"), Some(&now), "eth0"), Some(format!("auto lo\n{vlan}")));
    let now = injected("", "eth0") + vlan;
    assert_eq!(restored(None, Some(&now), "eth0").as_deref(), Some(vlan));
}

#[test]
fn the_way_back_of_one_interface_leaves_that_of_another() {
    let before = "iface eth0 inet dhcp\n\niface eth1 inet dhcp\n";
    let first = injected(before, "eth0");
    let both = injected(&first, "eth1");
    let second = restored(Some(before), Some(&both), "eth0").unwrap();
    assert_eq!(second, injected(before, "eth1"));
    assert_eq!(restored(Some(&first), Some(&both), "eth1").as_deref(), Some(first.as_str()));
    let last = restored(Some(&first), Some(&second), "eth1").unwrap();
    assert_eq!(last, before);
}
