//! Which hooks run, in which order, and what a failure of one means for the others.

use std::time::Duration;

use hv_vssd::hooks::{Hooks, Options, Round};
use hv_vssd::report::Phase;

use crate::support::{Place, begun, results, run};

#[test]
fn freeze_is_in_the_order_of_names_and_thaw_in_reverse() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("20-b", "0"), ("10-a", "0"), ("Z", "0"), ("a", "0")]);
        let hooks = place.hooks();
        assert_eq!(hooks.names().unwrap(), ["10-a", "20-b", "Z", "a"]);
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(results(&round), [("10-a", "ok"), ("20-b", "ok"), ("Z", "ok"), ("a", "ok")]);
        assert_eq!(round.failure, None);
        assert!(round.reports.iter().all(|report| report.phase == Phase::Freeze && report.took_us > 0));
        let back = hooks.run(Phase::Thaw, Some(&begun(&round))).await;
        assert_eq!(results(&back), [("a", "ok"), ("Z", "ok"), ("20-b", "ok"), ("10-a", "ok")]);
        assert_eq!(
            place.log(),
            "10-a freeze\n20-b freeze\nZ freeze\na freeze\na thaw\nZ thaw\n20-b thaw\n10-a thaw\n"
        );
    });
}

#[test]
fn a_failure_ends_a_freeze_and_names_the_hook() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0"), ("2", "3"), ("3", "0")]);
        let hooks = place.hooks();
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(round.failure.as_deref(), Some("hook 2: exit code 3"));
        assert_eq!(results(&round), [("1", "ok"), ("2", "exit code 3")]);
        // It may have done half of its work.
        assert_eq!(hooks.begun(), ["1", "2"]);
        hooks.run(Phase::FreezeFailed, Some(&begun(&round))).await;
        hooks.run(Phase::Thaw, Some(&begun(&round))).await;
        assert_eq!(place.log(), "1 freeze\n2 freeze\n2 freeze-failed\n1 freeze-failed\n2 thaw\n1 thaw\n");
        assert!(hooks.begun().is_empty());
    });
}

#[test]
fn a_failure_that_is_to_be_ignored_is_told_and_ends_nothing() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "1"), ("2", "0")]);
        let round = Hooks::new(Options { go_on: true, ..place.options() }).run(Phase::Freeze, None).await;
        assert_eq!(round.failure, None);
        assert_eq!(results(&round), [("1", "exit code 1"), ("2", "ok")]);
    });
}

#[test]
fn on_the_way_back_all_are_run_whatever_fails() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0"), ("2", "1"), ("3", "2")]);
        for phase in [Phase::FreezeFailed, Phase::Thaw] {
            let names = ["1".to_owned(), "2".to_owned(), "3".to_owned()];
            let round = place.hooks().run(phase, Some(&names)).await;
            assert_eq!(results(&round), [("3", "exit code 2"), ("2", "exit code 1"), ("1", "ok")]);
            assert_eq!(round.failure, None);
        }
    });
}

#[test]
fn after_a_daemon_that_died_all_there_are_hear_of_the_thaw() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0"), ("2", "0")]);
        let round = place.hooks().run(Phase::Thaw, None).await;
        assert_eq!(results(&round), [("2", "ok"), ("1", "ok")]);
    });
}

#[test]
fn who_has_not_begun_is_not_run_on_the_way_back() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0"), ("2", "0")]);
        let hooks = place.hooks();
        assert_eq!(hooks.run(Phase::Thaw, Some(&[])).await, Round::default());
        assert_eq!(results(&hooks.run(Phase::Thaw, Some(&["1".to_owned()])).await), [("1", "ok")]);
    });
}

#[test]
fn a_hook_that_has_gone_since_its_freeze_is_told() {
    run(async {
        let place = Place::new();
        let round = place.hooks().run(Phase::Thaw, Some(&["1".to_owned()])).await;
        let result = &round.reports[0].result;
        assert!(result.starts_with("was not run: it cannot be read: No such file"), "{result}");
    });
}

#[test]
fn no_directory_is_no_hooks() {
    run(async {
        let place = Place::new();
        let options = Options { directory: place.path("none"), ..place.options() };
        let hooks = Hooks::new(options);
        assert_eq!(hooks.names(), Ok(vec![]));
        for phase in [Phase::Freeze, Phase::FreezeFailed, Phase::Thaw] {
            assert_eq!(hooks.run(phase, None).await, Round::default());
        }
    });
}

#[test]
fn a_hook_that_others_can_change_is_not_run_and_fails_the_freeze() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0"), ("2", "0")]);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(place.hooks_dir().join("1"), mode).unwrap();
        let hooks = place.hooks();
        let round = hooks.run(Phase::Freeze, None).await;
        let path = std::fs::canonicalize(place.hooks_dir().join("1")).unwrap();
        let path = path.display();
        let why = format!("hook 1: was not run: others than root can change {path}: chmod go-w {path}");
        assert_eq!(round.failure, Some(why));
        assert_eq!((place.log().as_str(), hooks.begun()), ("", vec![]));
        assert_eq!(hooks.names().unwrap(), ["2"]);
    });
}

#[test]
fn a_directory_that_others_can_change_fails_the_freeze() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0")]);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        std::fs::set_permissions(place.hooks_dir(), mode).unwrap();
        let round = place.hooks().run(Phase::Freeze, None).await;
        let failure = round.failure.unwrap();
        assert!(failure.starts_with("others than root can change "), "{failure}");
        assert_eq!(place.log(), "");
        let going_on = Hooks::new(Options { go_on: true, ..place.options() });
        assert_eq!(going_on.run(Phase::Freeze, None).await, Round::default());
    });
}

#[test]
fn odd_names_are_run_as_they_are() {
    run(async {
        let place = Place::new();
        let odd = ["10 two words", "20-$HOME`id`;x", "30\nline", "40-\u{e9}"];
        place.put_logging(&odd.map(|name| (name, "0")));
        let round = place.hooks().run(Phase::Freeze, None).await;
        assert_eq!(results(&round), odd.map(|name| (name, "ok")));
        let lines: String = odd.iter().map(|name| format!("{name} freeze\n")).collect();
        assert_eq!(place.log(), lines);
    });
}

#[test]
fn clones_are_the_same_hooks_and_a_round_can_be_a_task() {
    fn is_sendable<T: Send>(value: T) -> T {
        value
    }
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0")]);
        let hooks = place.hooks().frozen_at_most(Duration::from_secs(5));
        let other = hooks.clone();
        is_sendable(async move { other.run(Phase::Freeze, None).await }).await;
        assert_eq!(hooks.begun(), ["1"]);
    });
}
