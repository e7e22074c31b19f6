//! SIGKILL at any moment: the next start leads back to what was there, or finds it confirmed.

use std::time::Duration;

use hv_utils_core::netapply::{Reply, Request};
use hv_utils_core::testing::namespace::inside;

use crate::support::{Machine, simple};

const BEFORE: [&str; 1] = ["198.51.100.7/24"];
const AFTER: [&str; 2] = ["192.0.2.7/24", "default4 192.0.2.1 100"];

/// From the request on, in steps that are shorter than what the program does between two of its writes.
#[test]
fn at_any_moment_of_applying() {
    inside("killed while applying", async |links| {
        let machine = Machine::new(links).await;
        for kill in 0..60_u64 {
            let mut program = machine.start();
            let caller = machine.call().await;
            caller.say(&Request::Apply { injection: simple(), within_ms: 22_000 });
            tokio::time::sleep(Duration::from_micros(300 * kill)).await;
            program.kill();
            let _next = machine.start();
            assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
            assert_eq!(machine.shown(), BEFORE, "kill {kill}");
            assert!(!machine.path("state/hv-netapply/transaction.json").exists(), "kill {kill}");
            assert!(!machine.path("state/hv-netapply/resume").exists(), "kill {kill}");
        }
    });
}

/// Whoever asked has told the host; the confirmation reaches the next instance.
#[test]
fn between_the_answer_and_its_confirmation() {
    inside("killed before the confirmation", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        program.kill();
        assert_eq!(caller.ask(&Request::Confirm).await, None);
        let _next = machine.start();
        assert_eq!(machine.call().await.ask(&Request::Confirm).await, Some(Reply::Done));
        assert_eq!(machine.shown(), AFTER);
    });
}

#[test]
fn at_any_moment_of_confirming() {
    inside("killed while confirming", async |links| {
        let machine = Machine::new(links).await;
        for kill in 0..40_u64 {
            let mut program = machine.start();
            let caller = machine.call().await;
            caller.apply(&simple()).await.unwrap();
            caller.say(&Request::Confirm);
            tokio::time::sleep(Duration::from_micros(200 * kill)).await;
            program.kill();
            let done = caller.hear().await;
            let _next = machine.start();
            let again = machine.call().await.ask(&Request::Confirm).await;
            if done.is_none() {
                // Not told: then the next instance is asked, which knows, or has it done already.
                assert!(again.is_some());
            }
            assert_eq!(machine.shown(), AFTER, "kill {kill}");
            let reverted = machine.call().await.ask(&Request::Revert { interface: None }).await;
            assert_eq!(reverted, Some(Reply::Done), "kill {kill}");
            assert_eq!(machine.shown(), BEFORE, "kill {kill}");
        }
    });
}
