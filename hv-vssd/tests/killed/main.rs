//! Daemon and guardian, killed at every step of a freeze: nothing stays frozen, and no host is told what is not so.
//!
//! The step is seen in the record of the freeze; what is killed at which step, and how often, is printed as a table. After each
//! kill writers on every filesystem go on, what somebody else has frozen is still frozen, and the next start does what the one
//! before could not. HV_VSSD_KILL_MORE=10 kills ten times as often.

#![expect(clippy::unwrap_used, reason = "a test, its helpers too, fails by panicking")]

mod guarding;
#[path = "../support/record.rs"]
mod record;
mod sweep;
mod table;

#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use hv_utils_core::wire::vss::Operation;

use record::{Record, Stage};
use support::writers::Writers;
use support::{Guest, Kind, World, until, world};
use sweep::{DISKS, Moment, Sweep, Victim};

/// Every moment of a freeze and its thaw.
fn moments() -> Vec<Moment> {
    let stages = [Stage::Prepared, Stage::Written(1), Stage::Written(DISKS), Stage::Begun, Stage::Attempting];
    let freezing = (1..=DISKS).map(Stage::Frozen);
    let thawing = (0..=DISKS).map(Stage::Thawed).chain([Stage::Over]);
    let asked = (0..6).map(|count| Moment::Asked(count * 300));
    let thaw_asked = (0..4).map(|count| Moment::ThawAsked(count * 300));
    [Moment::Idle]
        .into_iter()
        .chain(asked)
        .chain(stages.into_iter().chain(freezing).map(Moment::Freezing))
        .chain([Moment::Told])
        .chain(thaw_asked)
        .chain(thawing.map(Moment::Thawing))
        .chain([Moment::Thawed])
        .collect()
}

/// Names how many times as often as in every run is killed: for campaigns.
const MORE: &str = "HV_VSSD_KILL_MORE";

fn rounds(usual: usize) -> usize {
    usual * std::env::var(MORE).map_or(1, |more| more.parse().unwrap())
}

fn killed(test: &'static str, victim: Victim, rounds: usize) {
    world(test, async move |world: World| {
        let mut sweep = Sweep::start(world).await;
        for round in 0..self::rounds(rounds) {
            for moment in moments() {
                sweep.kill(victim, moment, round).await;
            }
        }
        sweep.end(test);
    });
}

#[test]
fn a_daemon_that_is_killed_leaves_it_to_the_guardian() {
    killed("a_daemon_that_is_killed_leaves_it_to_the_guardian", Victim::Daemon, 4);
}

#[test]
fn a_guardian_that_is_killed_leaves_it_to_the_daemon() {
    killed("a_guardian_that_is_killed_leaves_it_to_the_daemon", Victim::Guardian, 2);
}

#[test]
fn both_that_are_killed_leave_it_to_the_next_start() {
    killed("both_that_are_killed_leave_it_to_the_next_start", Victim::Both, 3);
}

#[test]
fn a_recovery_that_is_killed_is_gone_on_with_by_the_next() {
    const TEST: &str = "a_recovery_that_is_killed_is_gone_on_with_by_the_next";
    world(TEST, async |world: World| {
        let mut sweep = Sweep::start(world).await;
        for round in 0..rounds(3) as u64 {
            let delays = (0..12).map(|number| Duration::from_micros(number * 400 + round * 130));
            sweep.kill_recoveries(delays).await;
        }
        sweep.end(TEST);
    });
}

#[test]
fn what_somebody_else_has_frozen_is_not_thawed_by_those_who_clean_up() {
    const TEST: &str = "what_somebody_else_has_frozen_is_not_thawed_by_those_who_clean_up";
    world(TEST, async |world: World| {
        let mut sweep = Sweep::start_with_foreign(world).await;
        let stages = [
            Stage::Prepared,
            Stage::Written(1),
            Stage::Begun,
            Stage::Attempting,
            Stage::Frozen(1),
            Stage::Frozen(3),
            Stage::Thawed(1),
            Stage::Over,
        ];
        for round in 0..rounds(2) {
            for victim in [Victim::Daemon, Victim::Guardian, Victim::Both] {
                for stage in stages {
                    sweep.kill(victim, Moment::Freezing(stage), round).await;
                }
            }
        }
        sweep.end(TEST);
    });
}

#[test]
fn a_daemon_that_is_killed_while_a_hook_runs_has_frozen_nothing() {
    world("a_daemon_that_is_killed_while_a_hook_runs_has_frozen_nothing", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let guest = Guest::prepare(world, "");
        for phase in ["freeze", "thaw"].into_iter().cycle().take(10) {
            let waits = "touch $W/waits; while [ ! -e $W/go ]; do sleep 0.01; done; rm -f $W/waits";
            guest.hook("10-waits", &format!("[ $1 = {phase} ] || exit 0; {waits}"));
            let mut host = guest.run().await;
            host.ask(Operation::FREEZE).await;
            if phase == "thaw" {
                assert!(host.answer().await.1.is_ok());
                host.ask(Operation::THAW).await;
            }
            until("the hook waits", || guest.path("waits").exists());
            guest.kill();
            drop(host);
            guest.guardian_gone();
            disks.iter().for_each(|disk| assert!(!disk.thaw()));
            std::fs::write(guest.path("go"), "").unwrap();
            support::processes::wait_gone("10-waits");
            assert!(!guest.path("waits").exists(), "it ran to its end");
            std::fs::remove_file(guest.path("hooks/10-waits")).unwrap();
            std::fs::remove_file(guest.path("go")).unwrap();
            let owed = guest.owes();
            let mut host = guest.run().await;
            assert_eq!(host.status(Operation::THAW).await.is_ok(), !owed, "{phase}");
            assert!(host.status(Operation::THAW).await.is_ok());
            assert!(host.status(Operation::FREEZE).await.is_ok());
            assert!(host.status(Operation::THAW).await.is_ok());
            drop(host);
            assert_eq!(guest.end(), Some(0));
        }
    });
}

#[test]
fn hooks_that_have_prepared_hear_of_the_thaw_from_the_next_start() {
    world("hooks_that_have_prepared_hear_of_the_thaw_from_the_next_start", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let guest = Guest::prepare(world, "");
        guest.hook("10-says", "echo $1 >> $W/said");
        guest.hook(
            "20-waits",
            "[ $1 = freeze ] || exit 0; touch $W/waits; while [ -e $W/stay ]; do sleep 0.01; done",
        );
        for while_frozen in [true, false] {
            let _ = std::fs::remove_file(guest.path("said"));
            if !while_frozen {
                std::fs::write(guest.path("stay"), "").unwrap();
            }
            let mut host = guest.run().await;
            host.ask(Operation::FREEZE).await;
            if while_frozen {
                assert!(host.answer().await.1.is_ok());
            }
            until("the last hook runs", || guest.path("waits").exists());
            guest.kill();
            guest.guardian_gone();
            let _ = std::fs::remove_file(guest.path("stay"));
            support::processes::wait_gone("20-waits");
            std::fs::remove_file(guest.path("waits")).unwrap();
            drop(host);
            let host = guest.run().await;
            until("the first hook hears of it", || guest.text("said") == "freeze\nthaw\n");
            drop(host);
            assert_eq!(guest.end(), Some(0));
            disks.iter().for_each(|disk| assert!(!disk.thaw()));
        }
    });
}

#[test]
fn one_that_hangs_on_the_way_holds_the_others_no_longer_than_the_deadline() {
    world("one_that_hangs_on_the_way_holds_the_others_no_longer_than_the_deadline", async |world: World| {
        let lower = world.disk_sized("lower", Kind::Ext4, 64);
        let upper = world.disk_in(&lower.mount, "upper", Kind::Ext4);
        let others = world.disks(2, "d", Kind::Ext4);
        let config = format!("exclude = [{:?}]\nmax-frozen-secs = 5", lower.mount);
        let (guest, mut host) = Guest::start(world, &config).await;
        let writers = Writers::start(&guest, [&others[0], &others[1], &upper]);
        let record = || Record::open(&guest.record());
        // Whether it hangs is a race, which the first round wins here.
        for _ in 0..10 {
            host.ask(Operation::FREEZE).await;
            until("the freeze begins", || record().is_some_and(|record| record.stage() >= Stage::Begun));
            // Somebody else freezes what one of them lies on, which is none of ours.
            lower.freeze();
            writers.wait_in_writes(writers.all());
            if host.answer_soon().await.is_some() {
                assert!(lower.thaw());
                host.status(Operation::THAW).await;
                writers.go_on();
                continue;
            }
            writers.go_on_of([0, 1]);
            assert!(lower.thaw());
            let late = host.answer().await.1.is_ok();
            // All were frozen before that, and what was late is the answer: then it has not lasted.
            assert_eq!(host.status(Operation::THAW).await.is_ok(), !late);
            writers.go_on();
            if !late {
                break;
            }
        }
        others.iter().chain([&upper]).for_each(|disk| assert!(!disk.thaw()));
        assert!(host.status(Operation::FREEZE).await.is_ok());
        assert!(host.status(Operation::THAW).await.is_ok());
    });
}
