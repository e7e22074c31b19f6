use super::*;
use crate::backend::tests_support::{put, roots, target};

#[test]
fn an_ifcfg_file_is_for_a_link_by_name_or_address_unless_it_says_otherwise() {
    // What it says; whether it is for eth0, is taken by itself, leaves the link to others
    for (text, fit, taken, left) in [
        ("DEVICE=eth0\n", true, true, false),
        ("DEVICE=\"eth0\" # this\nONBOOT=yes\nTYPE=Ethernet\n", true, true, false),
        ("DEVICE=eth0\nONBOOT='no'\n", true, false, false),
        ("DEVICE=eth1\nNM_CONTROLLED=no\n", false, false, false),
        ("HWADDR=00:15:5D:00:04:0A\n", true, true, false),
        ("HWADDR=00:15:5D:00:04:0B\nNM_CONTROLLED=no\n", false, false, false),
        ("DEVICE=eth0\nNM_CONTROLLED=no\n", true, false, true),
        ("DEVICE=eth0\nNM_CONTROLLED=no\nNM_CONTROLLED=yes\n", true, true, false),
        ("#DEVICE=eth1\nNM_CONTROLLED=no\n", true, false, false),
        ("DEVICE=eth0\nTYPE=Bridge\nNM_CONTROLLED=no\n", false, false, false),
    ] {
        let (_kept, roots) = roots();
        put(&roots.etc.join("sysconfig/network-scripts/ifcfg-x"), text);
        put(&roots.etc.join("sysconfig/network-scripts/ifcfg-x.rpmsave"), "DEVICE=eth0\nNM_CONTROLLED=no\n");
        assert_eq!(!fitting(&roots, &target()).is_empty(), fit, "{text}");
        assert_eq!(preferred(&roots, &target()).is_some(), taken, "{text}");
        assert_eq!(is_left_alone(&roots, &target()), left, "{text}");
    }
}

#[test]
fn the_one_with_the_highest_priority_is_preferred() {
    let (_kept, roots) = roots();
    let scripts = roots.etc.join("sysconfig/network-scripts");
    assert_eq!(preferred(&roots, &target()), None);
    put(&scripts.join("ifcfg-a"), "DEVICE=eth0\nAUTOCONNECT_PRIORITY=7\nMASTER=bond0\n");
    put(&scripts.join("ifcfg-b"), "DEVICE=eth0\n");
    let found = preferred(&roots, &target()).unwrap();
    assert_eq!((found.path, found.profile.priority), (scripts.join("ifcfg-a"), 7));
    assert_eq!(found.profile.port_of, "bond");
}
