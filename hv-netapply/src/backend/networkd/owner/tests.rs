use super::*;
use crate::backend::tests_support::{put, roots, target};

#[test]
fn networkd_says_which_file() {
    let state =
        LinkState::parse("# private\nADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/a.network\n");
    assert!(state.is_managed() && !state.is_undecided());
    assert_eq!(state.file.as_deref(), Some("/etc/systemd/network/a.network"));
    assert!(!LinkState::parse("ADMIN_STATE=unmanaged\n").is_managed());
    assert!(LinkState::parse("ADMIN_STATE=pending\n").is_undecided());
    assert!(is_netplans("/run/systemd/network/10-netplan-eth0.network"));
    assert!(!is_netplans("/etc/systemd/network/10-netplan-eth0.network"));
}

#[test]
fn the_first_that_fits_by_name_is_predicted() {
    let (_kept, roots) = roots();
    assert_eq!(predict(&roots, &target()), None);
    put(&roots.usr.join("lib/systemd/network/80-all.network"), "[Match]\nType=ether\n");
    assert_eq!(predict(&roots, &target()).as_deref(), Some("/usr/lib/systemd/network/80-all.network"));
    put(&roots.etc.join("systemd/network/50-eth.network"), "[Match]\nName=eth*\n");
    put(&roots.run.join("systemd/network/20-other.network"), "[Match]\nName=en*\n");
    assert_eq!(predict(&roots, &target()).as_deref(), Some("/etc/systemd/network/50-eth.network"));
    // A drop-in widens it, and an empty file takes one away.
    put(&roots.usr.join("lib/systemd/network/20-other.network.d/a.conf"), "[Match]\nName=eth0\n");
    assert_eq!(predict(&roots, &target()).as_deref(), Some("/run/systemd/network/20-other.network"));
    put(&roots.etc.join("systemd/network/20-other.network"), "");
    assert_eq!(predict(&roots, &target()).as_deref(), Some("/etc/systemd/network/50-eth.network"));
}

#[test]
fn drop_ins_come_after_the_file_and_the_strongest_of_a_name_counts() {
    let (_kept, roots) = roots();
    put(&roots.usr.join("lib/systemd/network/a.network"), "[Network]\nx=file\n");
    put(&roots.usr.join("lib/systemd/network/a.network.d/10.conf"), "[Network]\nx=weak\n");
    put(&roots.etc.join("systemd/network/a.network.d/10.conf"), "[Network]\nx=strong\n");
    put(&roots.run.join("systemd/network/a.network.d/05.conf"), "[Network]\nx=first\n");
    let found = sections(&roots, "/usr/lib/systemd/network/a.network");
    let values: Vec<_> = found.iter().filter_map(|section| section.value("x")).collect();
    assert_eq!(values, ["file", "first", "strong"]);
}
