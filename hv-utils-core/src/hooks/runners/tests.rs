//! What runs hooks as buses come and go, and what is said about it.

use super::*;
use crate::hooks::systemd::double::{World, connect};

const OWNER: Owner = Owner { daemon: "hv-shutdownd", units: "hv-shutdown-hook" };

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

#[test]
fn a_systemd_that_comes_while_it_is_waited_for_is_found() {
    run(async {
        let Some(mut world) = World::new("a_systemd_that_comes", &[]).await else { return };
        let runners = Runners::new(OWNER, Runner::Systemd);
        runners.over(connect(&world.bus).await);
        assert!(matches!(runners.means().await, Means::Systemd(_)));
        world.bus.stop();
        assert!(runners.systemd().await.is_err());
        let waiting = {
            let runners = runners.clone();
            tokio::spawn(async move { runners.systemd_in_time(Duration::from_secs(50)).await.is_ok() })
        };
        tokio::task::yield_now().await;
        world.restart().await;
        runners.over(connect(&world.bus).await);
        assert!(waiting.await.unwrap());
    });
}

#[test]
fn a_systemd_that_does_not_come_is_given_up_with_the_reason() {
    run(async {
        let runners = Runners::new(OWNER, Runner::Systemd);
        let why = runners.systemd_in_time(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(why, "there is no bus to ask systemd over");
        let Means::None(same) = runners.means().await else { panic!("nothing can run them") };
        assert_eq!(same, why);
    });
}

#[test]
fn what_is_said_once_is_remembered_within_bounds() {
    run(async {
        let booted = tempfile::tempdir().unwrap();
        let runners = Runners::new(OWNER, Runner::Auto).booted_at(booted.path());
        for _ in 0..2 {
            assert!(matches!(runners.means().await, Means::Direct));
        }
        assert_eq!(runners.said().len(), 1);
        for number in 0..2 * SAID {
            runners.once(number.to_string());
        }
        assert!(runners.said().len() <= SAID);
    });
}
