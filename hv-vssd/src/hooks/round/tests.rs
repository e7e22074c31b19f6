//! Rounds whose hooks are units, at a double of systemd's: who runs what when the bus goes and comes, and what must have ended
//! before what.

use std::time::Duration;

use super::*;
use crate::hooks::{Options, Runner};
use double::{DONE, Play, World, connect, short};

#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../../hv-utils-core/tests/support/systemd.rs"]
mod double;

/// One hook, a link to `true`, run by the world's systemd.
struct Place {
    hooks: Hooks,
    world: World,
    _kept: tempfile::TempDir,
}

impl Place {
    async fn new(test: &str, plays: &[Play]) -> Option<Self> {
        let world = World::new(test, plays).await?;
        let kept = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/true", kept.path().join("1")).unwrap();
        let time = Duration::from_secs(30);
        let options =
            Options { directory: kept.path().to_path_buf(), time, runner: Runner::Systemd, go_on: false };
        let hooks = Hooks { patience: Duration::from_secs(50), ..Hooks::new(options) };
        hooks.over(connect(&world.bus).await);
        Some(Self { hooks, world, _kept: kept })
    }

    async fn over_another_bus(&mut self) {
        self.world.restart().await;
        self.hooks.over(connect(&self.world.bus).await);
    }

    async fn back(&self, phase: Phase) -> Round {
        self.hooks.run(phase, Some(&self.hooks.begun())).await
    }

    /// Until a call that is so in short.
    async fn until(&mut self, call: &str) {
        while short(&self.world.call().await) != call {}
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(100), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

fn results(round: &Round) -> Vec<&str> {
    round.reports.iter().map(|report| report.result.as_str()).collect()
}

#[test]
fn what_an_earlier_freeze_has_left_is_stopped_before_a_freeze_and_after_a_thaw() {
    run(async {
        let Some(mut place) = Place::new("what_an_earlier_freeze_has_left", &[]).await else { return };
        place.world.unit("hv-vss-hook-old-9-0.service", "active");
        assert_eq!(results(&place.hooks.run(Phase::Freeze, None).await), ["ok"]);
        assert_eq!(place.world.told(), ["list all", "stop old", "stopped old", "start 1 freeze"]);
        assert_eq!(results(&place.back(Phase::Thaw).await), ["ok"]);
        assert_eq!(place.world.told(), ["start 1 thaw", "list all", "stop 1", "stopped 1"]);
    });
}

#[test]
fn a_thaw_waits_for_the_bus_over_which_its_freeze_was_run() {
    run(async {
        let Some(mut place) = Place::new("a_thaw_waits_for_the_bus", &[]).await else { return };
        place.hooks.run(Phase::Freeze, None).await;
        place.world.told();
        place.world.bus.stop();
        let (hooks, begun) = (place.hooks.clone(), place.hooks.begun());
        let thaw = tokio::spawn(async move { hooks.run(Phase::Thaw, Some(&begun)).await });
        tokio::task::yield_now().await;
        place.over_another_bus().await;
        assert_eq!(results(&thaw.await.unwrap()), ["ok"]);
        assert_eq!(place.world.told(), ["start 1 thaw", "list all", "stop 1", "stopped 1"]);
    });
}

#[test]
fn where_no_bus_comes_the_daemon_runs_the_thaw_and_what_is_left_is_stopped_when_one_comes() {
    run(async {
        let Some(mut place) = Place::new("where_no_bus_comes", &[]).await else { return };
        place.hooks.patience = Duration::from_millis(50);
        place.hooks.run(Phase::Freeze, None).await;
        place.world.told();
        place.world.bus.stop();
        assert_eq!(results(&place.back(Phase::FreezeFailed).await), ["ok"]);
        assert_eq!(results(&place.back(Phase::Thaw).await), ["ok"]);
        assert!(place.hooks.begun().is_empty());
        place.over_another_bus().await;
        place.until("stopped 1").await;
    });
}

#[test]
fn a_bus_that_comes_during_a_freeze_ends_nothing_of_it() {
    run(async {
        let Some(mut place) = Place::new("a_bus_that_comes", &[]).await else { return };
        place.hooks.run(Phase::Freeze, None).await;
        place.world.told();
        place.over_another_bus().await;
        assert!(place.hooks.state().tidying.is_none());
        assert_eq!(results(&place.back(Phase::Thaw).await), ["ok"]);
        assert_eq!(place.world.told()[0], "start 1 thaw");
    });
}

#[test]
fn a_freeze_on_whose_way_the_bus_went_is_stopped_before_its_thaw_is_run() {
    run(async {
        let Some(mut place) = Place::new("a_freeze_on_whose_way", &[Play::Hangs]).await else { return };
        let hooks = place.hooks.clone();
        let freeze = tokio::spawn(async move { hooks.run(Phase::Freeze, None).await });
        place.until("start 1 freeze").await;
        place.world.bus.stop();
        assert_eq!(results(&freeze.await.unwrap()), [BUS_GONE]);
        place.over_another_bus().await;
        assert_eq!(results(&place.back(Phase::FreezeFailed).await), ["ok"]);
        assert_eq!(place.world.told(), ["stop 1", "stopped 1", "start 1 freeze-failed"]);
    });
}

#[test]
fn a_thaw_on_whose_way_the_bus_went_is_run_again() {
    run(async {
        let Some(mut place) = Place::new("a_thaw_on_whose_way", &[DONE, Play::Hangs]).await else { return };
        place.hooks.run(Phase::Freeze, None).await;
        let (hooks, begun) = (place.hooks.clone(), place.hooks.begun());
        let thaw = tokio::spawn(async move { hooks.run(Phase::Thaw, Some(&begun)).await });
        place.until("start 1 thaw").await;
        place.world.bus.stop();
        place.over_another_bus().await;
        assert_eq!(results(&thaw.await.unwrap()), ["ok"]);
        let told = place.world.told();
        assert_eq!(told[..3], ["stop 1", "stopped 1", "start 1 thaw"]);
    });
}

#[test]
fn a_freeze_that_was_given_up_has_ended_before_its_thaw_begins_and_is_told() {
    run(async {
        let Some(mut place) = Place::new("a_freeze_that_was_given_up", &[Play::Hangs]).await else { return };
        place.world.hold();
        let hooks = place.hooks.clone();
        tokio::select! {
            _ = hooks.run(Phase::Freeze, None) => panic!("it hangs"),
            () = place.until("start 1 freeze") => {}
        }
        let given_up: Vec<_> =
            hooks.take_given_up().into_iter().map(|report| (report.name, report.result)).collect();
        assert_eq!(given_up, [("1".to_owned(), GIVEN_UP.to_owned())]);
        assert_eq!(hooks.take_given_up(), []);
        let begun = hooks.begun();
        let thaw = tokio::spawn(async move { hooks.run(Phase::Thaw, Some(&begun)).await });
        place.until("stop 1").await;
        // Time for a thaw that does not wait: it would be the next call.
        tokio::time::sleep(Duration::from_millis(200)).await;
        place.world.release();
        assert_eq!(results(&thaw.await.unwrap()), ["ok"]);
        assert_eq!(place.world.told()[..2], ["stopped 1", "start 1 thaw"]);
    });
}

#[test]
fn a_freeze_of_a_daemon_before_us_is_stopped_before_its_thaw_is_run() {
    run(async {
        let Some(mut place) = Place::new("a_freeze_of_a_daemon_before_us", &[]).await else { return };
        place.world.unit("hv-vss-hook-1-9-0.service", "activating");
        place.world.unit("hv-vss-hook-lock-9-1.service", "active");
        let names = ["1".to_owned()];
        assert_eq!(results(&place.hooks.run(Phase::Thaw, Some(&names)).await), ["ok"]);
        let told = place.world.told();
        let expected = [
            r#"list ["activating"]"#,
            "stop 1",
            "stopped 1",
            "start 1 thaw",
            "list all",
            "stop lock",
            "stopped lock",
        ];
        assert_eq!(told, expected);
    });
}
