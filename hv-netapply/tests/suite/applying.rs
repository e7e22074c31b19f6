//! An injection comes into force, is repeated, reverted, kept over a restart; or is refused with nothing changed.

use hv_utils_core::netapply::{Addressing, Outcome, Plan, Reply, Request};
use hv_utils_core::testing::namespace::inside;

use crate::support::{Machine, injection, plan, simple, until};

const BEFORE: [&str; 1] = ["198.51.100.7/24"];

#[test]
fn both_families_with_several_gateways() {
    inside("both families", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let ipv4 = plan(&[("192.0.2.7", 24), ("192.0.2.8", 24)], &["192.0.2.1", "203.0.113.1"]);
        let wanted = injection(ipv4, plan(&[("2001:db8::7", 64)], &["2001:db8::1", "fe80::1"]));
        let step = machine.inject(&wanted).await;
        assert_eq!(
            (step.interface.as_str(), step.backend.as_str(), step.pending),
            ("eth0", "netlink", false)
        );
        let expected = [
            "192.0.2.7/24",
            "192.0.2.8/24",
            "2001:db8::7/64",
            "default4 192.0.2.1 100",
            "default4 203.0.113.1 101",
            "default6 2001:db8::1 100",
            "default6 fe80::1 101",
        ];
        assert_eq!(machine.shown(), expected);
        let record = machine.history().records.pop().unwrap();
        assert_eq!((record.outcome, record.injection), (Outcome::Applied, wanted));
    });
}

#[test]
fn fifty_addresses_on_one_link() {
    inside("fifty addresses", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let ips: Vec<String> = (1..=50).map(|last| format!("192.0.2.{last}")).collect();
        let addresses: Vec<(&str, u8)> = ips.iter().map(|ip| (ip.as_str(), 24)).collect();
        machine.inject(&injection(plan(&addresses, &["192.0.2.254"]), Plan::default())).await;
        assert_eq!(machine.shown().len(), 51);
        // The first of a subnet carries the others: taking it away must not take them.
        machine.inject(&injection(plan(&addresses[1..], &["192.0.2.254"]), Plan::default())).await;
        assert_eq!(machine.shown().len(), 50);
    });
}

#[test]
fn a_repeated_injection_changes_nothing_and_keeps_the_first_way_back() {
    inside("repeated injection", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        machine.inject(&simple()).await;
        machine.inject(&simple()).await;
        assert_eq!(machine.shown(), ["192.0.2.7/24", "default4 192.0.2.1 100"]);
        let reverted = machine.call().await.ask(&Request::Revert { interface: None }).await;
        assert_eq!(reverted, Some(Reply::Done));
        assert_eq!(machine.shown(), BEFORE);
        let outcomes: Vec<_> = machine.history().records.iter().map(|record| record.outcome).collect();
        assert_eq!(outcomes, [Outcome::Reverted, Outcome::Reverted], "nothing of it stands");
        let again = machine.call().await.ask(&Request::Revert { interface: None }).await;
        assert!(matches!(again, Some(Reply::Failed(_))), "{again:?}");
    });
}

#[test]
fn the_other_family_is_left_alone() {
    inside("other family", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        machine.inject(&injection(Plan::default(), plan(&[("2001:db8::7", 64)], &[]))).await;
        machine.inject(&simple()).await;
        assert_eq!(machine.shown(), ["192.0.2.7/24", "2001:db8::7/64", "default4 192.0.2.1 100"]);
    });
}

#[test]
fn what_is_kept_is_applied_again_at_the_next_start() {
    inside("kept over a restart", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        machine.inject(&simple()).await;
        program.terminate();
        // As after a reboot.
        machine.links.remove_address(machine.eth0, "192.0.2.7", 24).await;
        assert_eq!(machine.shown(), [""; 0]);
        assert!(machine.path("state/hv-netapply/resume").exists());
        let _program = machine.start();
        assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
        let is_there = || machine.shown() == ["192.0.2.7/24", "default4 192.0.2.1 100"];
        until("what is kept", is_there).await;
    });
}

#[test]
fn an_adapter_that_nobody_has_is_refused() {
    inside("unknown adapter", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let mut unknown = simple();
        unknown.adapter = "00000000-1e82-4818-a1c3-63d806ec15bb".to_owned();
        let refused = machine.call().await.apply(&unknown).await.unwrap_err();
        assert!(refused.starts_with("NoSuchAdapter"), "{refused}");
        assert_eq!(machine.shown(), BEFORE);
    });
}

#[test]
fn dhcp_without_a_manager_is_refused_with_nothing_changed() {
    inside("dhcp without a manager", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let ipv4 = Plan { addressing: Addressing::Automatic, ..Plan::default() };
        let refused = machine.call().await.apply(&injection(ipv4, Plan::default())).await.unwrap_err();
        assert!(refused.starts_with("NotSupported"), "{refused}");
        assert_eq!(machine.shown(), BEFORE);
        assert!(!machine.path("state/hv-netapply/resume").exists());
    });
}

#[test]
fn the_administrator_can_forbid_it() {
    inside("forbidden", async |links| {
        let machine = Machine::new(links).await;
        machine.configure("[network]\nhost-may-configure = false\n");
        let _program = machine.start();
        let refused = machine.call().await.apply(&simple()).await.unwrap_err();
        assert!(refused.starts_with("NotSupported"), "{refused}");
        assert_eq!(machine.shown(), BEFORE);
    });
}

#[test]
fn an_address_that_another_machine_has_is_undone() {
    inside("duplicate address", async |links| {
        let (eth0, other) = links.veth("eth0", "other").await;
        links.up(eth0).await;
        links.up(other).await;
        let machine = Machine::over(links, eth0).await;
        let _program = machine.start();
        machine.links.address(other, "2001:db8::7", 64).await;
        machine.settled(other).await;
        let wanted = injection(plan(&[("192.0.2.7", 24)], &[]), plan(&[("2001:db8::7", 64)], &[]));
        let refused = machine.call().await.apply(&wanted).await.unwrap_err();
        assert!(refused.contains("another machine"), "{refused}");
        assert_eq!(machine.shown(), BEFORE);
    });
}

#[test]
fn without_a_carrier_it_is_there_as_far_as_the_kernel_goes() {
    inside("no carrier", async |links| {
        let (eth0, switch) = links.veth("eth0", "switch").await;
        links.up(eth0).await;
        let machine = Machine::over(links, eth0).await;
        let _program = machine.start();
        let wanted = injection(plan(&[("192.0.2.7", 24)], &[]), plan(&[("2001:db8::7", 64)], &[]));
        machine.inject(&wanted).await;
        assert_eq!(machine.shown(), ["192.0.2.7/24", "2001:db8::7/64"]);
        machine.links.up(switch).await;
        machine.settled(eth0).await;
    });
}

#[test]
fn injections_are_taken_back_one_after_the_other() {
    inside("taken back one after the other", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        machine.inject(&simple()).await;
        machine.inject(&injection(plan(&[("192.0.2.9", 24)], &[]), Plan::default())).await;
        let revert = Request::Revert { interface: Some("eth0".to_owned()) };
        assert_eq!(machine.call().await.ask(&revert).await, Some(Reply::Done));
        assert_eq!(machine.shown(), ["192.0.2.7/24", "default4 192.0.2.1 100"]);
        assert_eq!(machine.call().await.ask(&revert).await, Some(Reply::Done));
        assert_eq!(machine.shown(), BEFORE);
        assert_eq!(machine.history().standing(), None);
    });
}

#[test]
fn failures_of_the_host_do_not_take_the_way_back_away() {
    inside("many failures", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        machine.inject(&simple()).await;
        let ipv4 = Plan { addressing: Addressing::Automatic, ..Plan::default() };
        for _ in 0..70 {
            let refused = machine.call().await.apply(&injection(ipv4.clone(), Plan::default())).await;
            assert!(refused.is_err());
        }
        assert!(machine.history().standing().is_some());
        let reverted = machine.call().await.ask(&Request::Revert { interface: None }).await;
        assert_eq!(reverted, Some(Reply::Done));
        assert_eq!(machine.shown(), BEFORE);
    });
}

#[test]
fn a_port_of_a_bridge_is_refused_with_nothing_changed() {
    inside("port of a bridge", async |links| {
        let bridge = links.bridge("br0").await;
        let machine = Machine::new(links).await;
        machine.links.enslave(machine.eth0, bridge).await;
        let _program = machine.start();
        let refused = machine.call().await.apply(&simple()).await.unwrap_err();
        assert!(refused.starts_with("NotSupported: eth0 is a port of br0"), "{refused}");
        assert_eq!(machine.shown(), BEFORE);
    });
}

/// A journal, a reboot, and another NIC that has the number of the first.
#[test]
fn a_way_back_never_goes_to_another_adapter() {
    inside("another adapter", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        program.kill();
        machine.identity("eth0", "00000000-1e82-4818-a1c3-63d806ec15bb");
        let before = machine.shown();
        let _next = machine.start();
        assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
        assert_eq!(machine.shown(), before);
    });
}

#[test]
fn a_link_with_a_lease_is_left_to_its_client_unless_netlink_is_asked_for_by_name() {
    inside("unknown dhcp client", async |links| {
        let machine = Machine::new(links).await;
        machine.links.remove_address(machine.eth0, "198.51.100.7", 24).await;
        machine.links.passing_address(machine.eth0, "198.51.100.7", 24, 600, 600).await;
        let mut program = machine.start();
        let refused = machine.call().await.apply(&simple()).await.unwrap_err();
        assert!(refused.starts_with("NotSupported: eth0 has its address from a DHCP client"), "{refused}");
        assert_eq!(machine.shown(), BEFORE);
        program.terminate();
        machine.configure("[network]\nbackend = \"netlink\"\n");
        let _program = machine.start();
        machine.inject(&simple()).await;
        assert_eq!(machine.shown(), ["192.0.2.7/24", "default4 192.0.2.1 100"]);
    });
}
