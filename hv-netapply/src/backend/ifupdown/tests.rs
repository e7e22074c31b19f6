use super::*;
use crate::backend::cases::{fixed, injection, keep};
use crate::backend::tests_support::{put, roots, target, world};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn claims() {
    let (_kept, roots) = roots();
    let ifupdown = Ifupdown::new(world(&roots));
    put(&roots.etc.join("network/interfaces"), "iface eth0 inet dhcp\n");
    assert_eq!(ifupdown.claimed(&target()), Claim::None, "not installed");
    put(&roots.usr.join("sbin/ifup"), "");
    assert_eq!(ifupdown.claimed(&target()), Claim::AtStart);
    let state = roots.run.join("network/ifstate");
    for (text, claim) in
        [("lo=lo\neth0=eth0\n", Claim::Now), ("eth0=home\n", Claim::AtStart), ("", Claim::AtStart)]
    {
        put(&state, text);
        assert_eq!(ifupdown.claimed(&target()), claim, "{text}");
    }
    put(&roots.etc.join("network/interfaces"), "iface eth01 inet dhcp\n");
    assert_eq!(ifupdown.claimed(&target()), Claim::None);
}

#[test]
fn new_stanzas_say_that_they_are_to_start() {
    let wanted = injection(fixed("192.0.2.7/24", "192.0.2.1", ""), keep());
    let stanza = "iface eth0 inet static\n    address 192.0.2.7/24\n    gateway 192.0.2.1\n";
    let head = "# By hv-netapply: eth0 as the Hyper-V host wants it.\n";
    for (text, flat, expected) in [
        ("", "auto lo\n", format!("{head}auto eth0\n{stanza}")),
        ("", "allow-hotplug eth0\n", format!("{head}{stanza}")),
        ("auto lo", "auto lo", format!("auto lo\n\n{head}auto eth0\n{stanza}")),
    ] {
        assert_eq!(changed(&[text.to_owned()], flat, "eth0", &wanted), [expected]);
    }
}

#[test]
fn a_snapshot_has_the_files_of_the_interface_or_the_one_that_will_be() {
    let (_kept, roots) = roots();
    let ifupdown = Ifupdown::new(world(&roots));
    let network = roots.etc.join("network");
    let files = || -> Vec<_> { run(async { ifupdown.remember(&target()) }).unwrap().files };
    put(&network.join("interfaces"), "auto lo\n");
    assert_eq!(files()[0].path, network.join("interfaces"));
    put(&network.join("interfaces"), "source /etc/network/interfaces.d/*\n");
    put(&network.join("interfaces.d/other"), "iface eth1 inet dhcp\n");
    assert_eq!(files()[0].path, network.join("interfaces.d/hv-utils-eth0"));
    put(&network.join("interfaces.d/a"), "iface eth0 inet dhcp\n");
    put(&network.join("interfaces.d/b"), "iface eth0 inet6 auto\n");
    let found: Vec<_> = files().into_iter().map(|saved| saved.path).collect();
    let resolv = roots.etc.join("resolv.conf");
    assert_eq!(found, [network.join("interfaces.d/a"), network.join("interfaces.d/b"), resolv]);
    put(&roots.usr.join("sbin/resolvconf"), "");
    assert_eq!(files().len(), 2, "resolvconf makes it");
}
