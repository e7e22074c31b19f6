//! How hooks and what they have started come to their end: in time, out of time, with a round that is given up, at a thaw.
//!
//! A process is known to be gone when a pipe that it had open has come to its end.

use std::time::Duration;

use hv_vssd::hooks::{Hooks, Options, Round};
use hv_vssd::report::Phase;

use crate::support::{Place, results, run};

/// Opens `$life`, ignores requests to end, and so does what it starts; waits for ever.
const STUBBORN: &str =
    "trap '' TERM\nexec 9>\"$life\"\n(sleep 1000; sleep 1000) &\necho up >&9\nsleep 1000\nsleep 1000";
/// Leaves a process running that has `$life` open.
const LEAVING: &str =
    "case $1 in freeze) ;; *) exit 0 ;; esac\nexec 9>\"$life\"\necho up >&9\nsleep 1000 & exit";

#[test]
fn a_hook_that_hangs_and_ignores_requests_is_ended_with_all_it_has_started() {
    run(async {
        let place = Place::new();
        place.put("1", STUBBORN);
        place.put_logging(&[("2", "0")]);
        let life = place.watch_life();
        let hooks = Hooks::new(Options { time: Duration::from_secs(4), ..place.options() });
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(results(&round), [("1", "took longer than 4 s")]);
        life.end().await;
    });
}

#[test]
fn a_hook_that_hangs_can_tidy_up_when_it_is_asked_to_end() {
    run(async {
        let place = Place::new();
        place.put("1", "trap 'echo bye; exit 0' TERM\nsleep 1000 &\nwait");
        let hooks = Hooks::new(Options { time: Duration::from_secs(4), ..place.options() });
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(results(&round), [("1", "took longer than 4 s")]);
        assert_eq!(round.reports[0].output, "bye\n");
    });
}

#[test]
fn a_round_that_is_given_up_ends_the_hook_that_runs_with_all_it_has_started() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("0", "0"), ("2", "0")]);
        place.put("1", STUBBORN);
        let hooks = place.hooks();
        let mut life = place.watch_life();
        tokio::select! {
            _ = hooks.run(Phase::Freeze, None) => panic!("it hangs"),
            line = life.line() => assert_eq!(line, "up"),
        }
        life.end().await;
        assert_eq!(place.log(), "0 freeze\n");
        assert_eq!(hooks.begun(), ["0", "1"]);
        let kept = Round { reports: hooks.take_given_up(), failure: None };
        assert_eq!(results(&kept), [("0", "ok"), ("1", "ended: the freeze was given up")]);
        assert_eq!(hooks.take_given_up(), []);
    });
}

#[test]
fn what_a_freeze_has_left_running_lives_until_the_thaw() {
    run(async {
        let place = Place::new();
        place.put("1", LEAVING);
        let hooks = place.hooks();
        let mut life = place.watch_life();
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(results(&round), [("1", "ok")]);
        assert_eq!(life.line().await, "up");
        hooks.run(Phase::FreezeFailed, Some(&hooks.begun())).await;
        assert!(!life.is_over());
        hooks.run(Phase::Thaw, Some(&hooks.begun())).await;
        life.end().await;
    });
}

#[test]
fn what_a_freeze_has_left_running_may_go_on_writing() {
    run(async {
        let place = Place::new();
        // Who writes into a pipe that nobody reads any more does not come to the end of its lines.
        let writing = "n=0; while [ $n -lt 50 ]; do n=$((n + 1)); echo $n; sleep 0.01; done";
        place.put("1", &format!("exec 9>\"$life\"\n({writing}; echo written >&9; sleep 1000) & exit"));
        let hooks = place.hooks();
        let mut life = place.watch_life();
        hooks.run(Phase::Freeze, None).await;
        assert_eq!(life.line().await, "written");
        hooks.run(Phase::Thaw, Some(&["1".to_owned()])).await;
        life.end().await;
    });
}

#[test]
fn what_a_failed_freeze_has_left_running_is_ended_at_once() {
    run(async {
        let place = Place::new();
        place.put("1", "exec 9>\"$life\"\necho up >&9\nsleep 1000 &\nexit 1");
        let hooks = place.hooks();
        let life = place.watch_life();
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(results(&round), [("1", "exit code 1")]);
        life.end().await;
    });
}

#[test]
fn with_the_last_of_the_hooks_goes_what_they_have_left_running() {
    run(async {
        let place = Place::new();
        place.put("1", LEAVING);
        let life = place.watch_life();
        let hooks = place.hooks();
        hooks.run(Phase::Freeze, None).await;
        drop(hooks);
        life.end().await;
    });
}
