//! Whoever asked changes their mind, goes away, or is told too late; the interface goes; somebody else calls meanwhile.

use hv_utils_core::netapply::{Injection, Kind, Outcome, Plan, Reply, Request};
use hv_utils_core::testing::namespace::inside;
use hv_utils_core::testing::scripts::script;

use crate::support::{Machine, injection, plan, simple, until};

const BEFORE: [&str; 1] = ["198.51.100.7/24"];

/// IPv6 is tested for duplicates for so long that there is time to do something in the middle.
fn slow(machine: &Machine) -> Injection {
    machine.links.look_for_duplicates("eth0", 8);
    injection(plan(&[("192.0.2.7", 24)], &[]), plan(&[("2001:db8::7", 64)], &[]))
}

/// The half of it that is there at once.
async fn half(machine: &Machine) {
    until("the IPv4 address", || machine.shown().contains(&"192.0.2.7/24".to_owned())).await;
}

async fn back(machine: &Machine) {
    until("what was before", || machine.shown() == BEFORE).await;
}

async fn settled(machine: &Machine, outcome: Outcome) {
    let reached = || {
        machine.path("state/hv-netapply/history.json").exists()
            && machine.history().records.last().is_some_and(|record| record.outcome == outcome)
    };
    until("the record of it", reached).await;
}

#[test]
fn cancelled() {
    inside("cancelled", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        assert_eq!(caller.ask(&Request::Cancel).await, Some(Reply::Done));
        assert_eq!(machine.shown(), BEFORE);
        assert_eq!(machine.history().records.last().map(|record| record.outcome), Some(Outcome::Failed));
    });
}

#[test]
fn gone_after_it_was_applied() {
    inside("gone after applied", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        drop(caller);
        back(&machine).await;
        settled(&machine, Outcome::Failed).await;
    });
}

#[test]
fn gone_in_the_middle() {
    inside("gone in the middle", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let caller = machine.call().await;
        caller.say(&Request::Apply { injection: slow(&machine), within_ms: 22_000 });
        half(&machine).await;
        drop(caller);
        back(&machine).await;
        settled(&machine, Outcome::Failed).await;
        assert!(program.is_alive());
    });
}

#[test]
fn told_to_end_in_the_middle() {
    inside("told to end", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let caller = machine.call().await;
        caller.say(&Request::Apply { injection: slow(&machine), within_ms: 22_000 });
        half(&machine).await;
        program.terminate();
        assert_eq!(machine.shown(), BEFORE);
        assert!(machine.is_quiet());
    });
}

#[test]
fn the_interface_goes_in_the_middle() {
    inside("interface goes", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let caller = machine.call().await;
        caller.say(&Request::Apply { injection: slow(&machine), within_ms: 22_000 });
        half(&machine).await;
        machine.links.remove(machine.eth0).await;
        let Some(Reply::Failed(failed)) = caller.hear().await else { panic!("it cannot have been applied") };
        // What is seen first depends on the moment: no interface, or no device to be told anything.
        assert_eq!(failed.kind, Kind::NotApplied, "{failed}");
        assert!(program.is_alive());
        assert!(machine.is_quiet());
        assert!(!machine.path("state/hv-netapply/resume").exists());
    });
}

#[test]
fn one_at_a_time() {
    inside("one at a time", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let first = machine.call().await;
        first.apply(&simple()).await.unwrap();
        let refused = machine.call().await.apply(&simple()).await.unwrap_err();
        assert!(refused.starts_with("Busy"), "{refused}");
        let revert = machine.call().await.ask(&Request::Revert { interface: None }).await;
        assert!(matches!(revert, Some(Reply::Failed(_))), "{revert:?}");
        assert_eq!(first.ask(&Request::Promise).await, Some(Reply::Done));
        assert_eq!(first.ask(&Request::Confirm).await, Some(Reply::Done));
        assert_eq!(machine.shown(), ["192.0.2.7/24", "default4 192.0.2.1 100"]);
    });
}

#[test]
fn nonsense_ends_the_conversation_only() {
    inside("nonsense", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let first = machine.call().await.ask(&Request::Confirm).await;
        assert!(matches!(first, Some(Reply::Failed(_))), "{first:?}");
        for packet in [b"{".to_vec(), b"\"apply\"".to_vec(), vec![b'['; 70_000]] {
            let caller = machine.call().await;
            caller.say_bytes(&packet);
            assert_eq!(caller.hear().await, None);
        }
        assert!(program.is_alive());
        assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
    });
}

#[test]
fn hooks_are_told_afterwards() {
    inside("hooks", async |links| {
        let machine = Machine::new(links).await;
        let hooks = machine.path("etc/hv-utils/ip.d");
        std::fs::create_dir_all(&hooks).unwrap();
        let out = machine.path("out");
        let hook = |name: &str, mode: u32, text: &str| script(&hooks.join(name), mode, text);
        hook("10-fails", 0o755, "exit 3");
        hook("20-writable", 0o777, &format!("touch {}/never", machine.path("").display()));
        let put = format!(
            "echo $HV_IP_EVENT $HV_IP_INTERFACE $HV_IP_IPV4 >{0}.new; cat >>{0}.new; mv {0}.new {0}",
            out.display()
        );
        hook("30-tells", 0o755, &put);
        let _program = machine.start();
        machine.inject(&injection(plan(&[("192.0.2.7", 24)], &[]), Plan::default())).await;
        until("what the hook has written", || out.exists()).await;
        let told = std::fs::read_to_string(&out).unwrap();
        let (line, json) = told.split_once('\n').unwrap();
        assert_eq!(line, "applied eth0 192.0.2.7/24");
        assert_eq!(serde_json::from_str::<serde_json::Value>(json).unwrap()["outcome"], "applied");
        assert!(!machine.path("never").exists(), "a hook that anybody can change was run");
    });
}

#[test]
fn after_the_promise_only_a_cancel_undoes() {
    inside("after the promise", async |links| {
        let machine = Machine::new(links).await;
        let _program = machine.start();
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        assert_eq!(caller.ask(&Request::Promise).await, Some(Reply::Done));
        assert_eq!(caller.ask(&Request::Cancel).await, Some(Reply::Done));
        assert_eq!(machine.shown(), BEFORE);
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        assert_eq!(caller.ask(&Request::Promise).await, Some(Reply::Done));
        drop(caller);
        settled(&machine, Outcome::Applied).await;
        assert_eq!(machine.shown(), ["192.0.2.7/24", "default4 192.0.2.1 100"]);
    });
}
