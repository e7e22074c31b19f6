use super::*;
use crate::backend::cases::{fixed, injection, keep};
use crate::backend::tests_support::{put, roots, target, world};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn our_file_comes_before_the_owners() {
    for (owner, ours) in [
        (None, Some("00-hv-utils-eth0.network")),
        (Some("/etc/systemd/network/50-a.network"), Some("00-hv-utils-eth0.network")),
        (Some("/etc/systemd/network/00-a.network"), Some("0-hv-utils-eth0.network")),
        (Some("/etc/systemd/network/-a.network"), Some("+hv-utils-eth0.network")),
        (Some("/etc/systemd/network/!!.network"), None),
    ] {
        let expected = ours.map(|ours| format!("/etc/systemd/network/{ours}"));
        assert_eq!(path_before(owner, "eth0").ok(), expected, "{owner:?}");
    }
}

#[test]
fn claims() {
    let (_kept, roots) = roots();
    let networkd = Networkd::new(world(&roots));
    let claim = || run(networkd.claimed(&target()));
    put(&roots.etc.join("systemd/network/a.network"), "[Match]\nName=eth0\n");
    assert_eq!(claim(), Claim::None, "nobody starts it");
    put(&roots.etc.join("systemd/system/multi-user.target.wants/systemd-networkd.service"), "");
    assert_eq!(claim(), Claim::AtStart);
    put(&roots.run.join("systemd/netif/state"), "");
    assert_eq!(claim(), Claim::AtStart, "it has not seen the link yet");
    for (conditions, expected) in [
        ("Name=eth0\nKind=!*\nVirtualization=vm", Claim::AtStart),
        ("Name=eth0\nHost=web*", Claim::AtStart),
        ("Property=ID_NET_NAME=x", Claim::AtStart),
        ("Name=eth0\nVirtualization=!vm", Claim::None),
        ("Name=eth1\nHost=web*", Claim::None),
    ] {
        put(&roots.etc.join("systemd/network/a.network"), &format!("[Match]\n{conditions}\n"));
        assert_eq!(claim(), expected, "{conditions}");
    }
    put(&roots.etc.join("systemd/network/a.network"), "[Match]\nName=eth0\n");
    let link = roots.run.join("systemd/netif/links/2");
    for (state, expected) in [
        ("ADMIN_STATE=pending\n", Claim::AtStart),
        ("ADMIN_STATE=unmanaged\n", Claim::None),
        ("ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/a.network\n", Claim::Now),
        ("ADMIN_STATE=failed\nNETWORK_FILE=/etc/systemd/network/a.network\n", Claim::Now),
        ("ADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\n", Claim::None),
    ] {
        put(&link, state);
        assert_eq!(claim(), expected, "{state}");
    }
    assert!(matches!(run(networkd.readable(&target())), Readiness::NotYet(_)));
}

#[test]
fn injections_do_not_pile_up_and_go_away_without_a_trace() {
    let (_kept, roots) = roots();
    let networkd = Networkd::new(world(&roots));
    let ours = roots.etc.join("systemd/network/00-hv-utils-eth0.network");
    let owner = roots.etc.join("systemd/network/a.network");
    put(&owner, "[Match]\nName=eth0\n[Network]\nAddress=198.51.100.7/24\nDomains=a\n");
    put(&roots.sysfs.join("class/net/eth0/addr_assign_type"), "0\n");
    let inject = |ipv4, ipv6| {
        let snapshot = run(networkd.remember(&target())).unwrap();
        networkd.put(&target(), &injection(ipv4, ipv6), &snapshot).unwrap();
        (snapshot, fs::read_to_string(&ours).unwrap())
    };
    let (before, first) = inject(keep(), fixed("2001:db8::7/64", "", ""));
    let (_, second) = inject(fixed("192.0.2.7/24", "", ""), keep());
    let (between, third) = inject(fixed("192.0.2.7/24", "", ""), keep());
    assert!(first.contains("Address=198.51.100.7/24") && !second.contains("Address=198.51.100.7/24"));
    assert!(second.contains("Address=2001:db8::7/64") && second.contains("PermanentMACAddress="));
    assert_eq!(second, third);
    // The administrator's later change counts at the next injection.
    put(&owner, "[Match]\nName=eth0\n[Network]\nDomains=b\n");
    let (_, fourth) = inject(fixed("192.0.2.7/24", "", ""), keep());
    assert_eq!(fourth, second.replace("Domains=a", "Domains=b"));
    fs::remove_file(&owner).unwrap();
    let (_, fifth) = inject(fixed("192.0.2.9/24", "", ""), keep());
    assert!(fifth.contains("Domains=b") && fifth.matches("Address=192").count() == 1);
    run(networkd.put_back(&target(), &between, false)).unwrap();
    assert_eq!(fs::read_to_string(&ours).unwrap(), second);
    run(networkd.put_back(&target(), &before, false)).unwrap();
    assert!(!ours.exists());
}
