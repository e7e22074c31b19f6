//! What was there comes back as it was: lifetimes, labels, routes with all they had; and what was not touched never goes.

use std::process::Command;

use hv_utils_core::netapply::{Addressing, Injection, Plan, Reply, Request};
use hv_utils_core::testing::namespace::inside;

use crate::support::{Machine, injection, plan, simple, until};

/// `ip` of iproute2: another's view of the kernel.
fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All routes through the link but the kernel's own, sorted.
fn routes() -> Vec<String> {
    let mut routes = Vec::new();
    for family in ["-4", "-6"] {
        let shown = ip(&format!("{family} route show table all dev eth0"));
        let own = |line: &&str| line.contains("proto kernel") || line.contains("table local");
        routes.extend(shown.lines().filter(|line| !own(line)).map(|line| line.trim().to_owned()));
    }
    routes.sort();
    routes
}

async fn apply_and_undo(machine: &Machine, wanted: &Injection) {
    let caller = machine.call().await;
    caller.apply(wanted).await.unwrap();
    assert_eq!(caller.ask(&Request::Cancel).await, Some(Reply::Done));
}

#[test]
fn what_routers_taught_survives_ipv4_alone_and_automatic_ipv6() {
    inside("learned routes", async |links| {
        let machine = Machine::new(links).await;
        ip("-6 route add default via fe80::1 dev eth0 proto ra metric 1024");
        let before = routes();
        let mut program = machine.start();
        apply_and_undo(&machine, &simple()).await;
        assert_eq!(routes(), before);
        machine.inject(&simple()).await;
        let reverted = machine.call().await.ask(&Request::Revert { interface: None }).await;
        assert_eq!((reverted, routes()), (Some(Reply::Done), before.clone()));
        let automatic = Plan { addressing: Addressing::Automatic, ..Plan::default() };
        machine.inject(&injection(plan(&[("192.0.2.7", 24)], &[]), automatic)).await;
        assert_eq!(routes(), before);
        program.terminate();
        machine.links.remove_address(machine.eth0, "192.0.2.7", 24).await;
        let _program = machine.start();
        assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
        until("what is kept", || machine.shown().contains(&"192.0.2.7/24".to_owned())).await;
        assert_eq!(routes(), before);
    });
}

#[test]
fn what_routers_taught_comes_back_after_static_ipv6() {
    inside("learned routes forgotten", async |links| {
        let machine = Machine::new(links).await;
        ip("-6 route add default via fe80::1 dev eth0 proto ra metric 1024");
        let before = routes();
        let _program = machine.start();
        apply_and_undo(&machine, &injection(Plan::default(), plan(&[("2001:db8::7", 64)], &["fe80::2"])))
            .await;
        assert_eq!(routes(), before);
    });
}

#[test]
fn an_undone_lease_still_ends_and_a_label_comes_back() {
    inside("lifetimes and labels", async |links| {
        let machine = Machine::new(links).await;
        machine.configure("[network]\nbackend = \"netlink\"\n");
        ip("addr flush dev eth0 scope global");
        ip("addr add 198.51.100.7/24 dev eth0 valid_lft 600 preferred_lft 300");
        ip("addr add 203.0.113.7/24 dev eth0 label eth0:mine");
        let _program = machine.start();
        // Gone and come back.
        apply_and_undo(&machine, &simple()).await;
        // Made permanent, and passing again.
        apply_and_undo(&machine, &injection(plan(&[("198.51.100.7", 24)], &[]), Plan::default())).await;
        let shown = ip("-4 -o addr show dev eth0");
        let lease = shown.lines().find(|line| line.contains("198.51.100.7/24")).unwrap();
        assert!(lease.contains("dynamic") && !lease.contains("forever"), "{shown}");
        assert!(shown.contains("203.0.113.7/24 scope global eth0:mine"), "{shown}");
    });
}

#[test]
fn all_routes_come_back_with_all_they_had() {
    inside("routes", async |links| {
        let machine = Machine::new(links).await;
        machine.links.address(machine.eth0, "2001:db8:5::7", 64).await;
        machine.settled(machine.eth0).await;
        for route in [
            "-4 route add default via 198.51.100.1 dev eth0 proto static metric 50 mtu 1300 src 198.51.100.7",
            "-4 route add 203.0.113.0/24 via 198.51.100.254 dev eth0 src 198.51.100.7 mtu 1400 metric 7",
            "-4 route add default via 198.51.100.2 dev eth0 table 100",
            "-4 route add default dev eth0 scope link metric 900",
            "-6 route add default via 2001:db8:5::1 dev eth0 proto static metric 50",
            "-6 route add 2001:db8:9::/48 via 2001:db8:5::2 dev eth0 mtu 1400",
        ] {
            ip(route);
        }
        let before = routes();
        let _program = machine.start();
        apply_and_undo(
            &machine,
            &injection(
                plan(&[("192.0.2.7", 24)], &["192.0.2.1"]),
                plan(&[("2001:db8::7", 64)], &["2001:db8::1"]),
            ),
        )
        .await;
        assert_eq!(routes(), before);
        assert_eq!(machine.shown().iter().filter(|line| line.contains('/')).count(), 2);
    });
}
