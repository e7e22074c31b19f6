//! SIGKILL at any moment: the next start leads back to what was there, or finds it confirmed.

use std::time::Duration;

use hv_utils_core::netapply::{Outcome, Reply, Request};
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
            assert!(machine.is_quiet(), "kill {kill}");
            assert!(!machine.path("state/hv-netapply/resume").exists(), "kill {kill}");
        }
    });
}

/// Nobody was told yet: it goes.
#[test]
fn before_the_promise() {
    inside("killed before the promise", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        program.kill();
        let _next = machine.start();
        assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
        assert_eq!(machine.shown(), BEFORE);
    });
}

/// Once it is promised it stays, at whatever moment, unless whoever asked could not tell the host.
#[test]
fn at_any_moment_after_the_promise() {
    inside("killed after the promise", async |links| {
        let machine = Machine::new(links).await;
        for kill in 0..40_u64 {
            let mut program = machine.start();
            let caller = machine.call().await;
            caller.apply(&simple()).await.unwrap();
            assert_eq!(caller.ask(&Request::Promise).await, Some(Reply::Done));
            caller.say(&Request::Confirm);
            tokio::time::sleep(Duration::from_micros(100 * kill)).await;
            program.kill();
            let _next = machine.start();
            assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
            assert_eq!(machine.shown(), AFTER, "kill {kill}");
            let record = machine.history().records.pop().unwrap();
            assert_eq!(record.outcome, Outcome::Applied, "kill {kill}");
            let reverted = machine.call().await.ask(&Request::Revert { interface: None }).await;
            assert_eq!(reverted, Some(Reply::Done), "kill {kill}");
            assert_eq!(machine.shown(), BEFORE, "kill {kill}");
        }
    });
}

/// The host could not be told, and the one who promised dies.
#[test]
fn what_was_promised_in_vain_is_cancelled_in_another_conversation() {
    inside("cancelled after a kill", async |links| {
        let machine = Machine::new(links).await;
        let mut program = machine.start();
        let caller = machine.call().await;
        caller.apply(&simple()).await.unwrap();
        assert_eq!(caller.ask(&Request::Promise).await, Some(Reply::Done));
        program.kill();
        let _next = machine.start();
        assert_eq!(machine.call().await.ask(&Request::Cancel).await, Some(Reply::Done));
        assert_eq!(machine.shown(), BEFORE);
        let again = machine.call().await.ask(&Request::Cancel).await;
        assert!(matches!(again, Some(Reply::Failed(_))), "{again:?}");
    });
}

#[test]
fn at_any_moment_of_reverting() {
    inside("killed while reverting", async |links| {
        let machine = Machine::new(links).await;
        for kill in 0..40_u64 {
            let mut program = machine.start();
            machine.inject(&simple()).await;
            let caller = machine.call().await;
            caller.say(&Request::Revert { interface: None });
            tokio::time::sleep(Duration::from_micros(200 * kill)).await;
            program.kill();
            let _next = machine.start();
            assert_eq!(machine.call().await.ask(&Request::Resume).await, Some(Reply::Done));
            let stands = machine.history().standing().is_some();
            let there: &[&str] = if stands { &AFTER } else { &BEFORE };
            assert_eq!(machine.shown(), there, "kill {kill}");
            if stands {
                let again = machine.call().await.ask(&Request::Revert { interface: None }).await;
                assert_eq!(again, Some(Reply::Done), "kill {kill}");
                assert_eq!(machine.shown(), BEFORE, "kill {kill}");
            }
        }
    });
}
