//! Who has begun is known to a daemon after this one, whatever this one died at.
//!
//! A daemon that dies is one whose hooks are dropped: nothing of it tidies up.

use std::fs;

use hv_vssd::hooks::{Hooks, Options};
use hv_vssd::report::Phase;

use crate::support::{Place, results, run};

const BOOT: &str = "0c8d4a0e-4a5f-4f5c-8f0d-1f3d0c1b2a39";

/// The hooks of a daemon that runs in `run`.
fn daemon(place: &Place) -> Hooks {
    let run_dir = place.path("run");
    fs::create_dir_all(&run_dir).unwrap();
    place.hooks().remember_in(&run_dir, BOOT)
}

fn file(place: &Place) -> Option<String> {
    fs::read_to_string(place.path("run/hv-vssd.prepared")).ok()
}

#[test]
fn a_hook_is_remembered_before_it_runs_and_until_all_are_thawed() {
    run(async {
        let place = Place::new();
        for name in ["1", "2"] {
            place.put(name, "cat \"${log%/*}/run/hv-vssd.prepared\"");
        }
        let hooks = daemon(&place);
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(round.reports[0].output, format!("{BOOT}\n\"1\"\n"));
        assert_eq!(round.reports[1].output, format!("{BOOT}\n\"1\"\n\"2\"\n"));
        let failed = hooks.run(Phase::FreezeFailed, Some(&hooks.begun())).await;
        assert_eq!(failed.reports[1].output, format!("{BOOT}\n\"1\"\n\"2\"\n"));
        let thaw = hooks.run(Phase::Thaw, Some(&hooks.begun())).await;
        assert_eq!(thaw.reports[1].output, format!("{BOOT}\n\"1\"\n\"2\"\n"));
        assert_eq!(file(&place), None);
        // What we have begun ourselves is not left behind.
        assert_eq!(hooks.left_behind(), None);
    });
}

#[test]
fn what_a_daemon_that_died_in_a_hook_has_begun_is_thawed_by_the_next() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0"), ("3", "0")]);
        place.put(
            "2",
            "exec 9>\"$life\"\n[ $1 = thaw ] || { echo up >&9; sleep 1000; }\necho \"2 $1\" >>\"$log\"",
        );
        let mut life = place.watch_life();
        let hooks = daemon(&place);
        tokio::select! {
            _ = hooks.run(Phase::Freeze, None) => panic!("it hangs"),
            line = life.line() => assert_eq!(line, "up"),
        }
        drop(hooks);
        life.end().await;
        fs::remove_file(place.path("life")).unwrap();
        let next = daemon(&place);
        let names = next.left_behind().unwrap();
        assert_eq!(names, ["1", "2"]);
        assert_eq!(results(&next.run(Phase::Thaw, Some(&names)).await), [("2", "ok"), ("1", "ok")]);
        assert_eq!(place.log(), "1 freeze\n2 thaw\n1 thaw\n");
        assert_eq!((next.left_behind(), file(&place)), (None, None));
    });
}

#[test]
fn a_thaw_of_all_ends_what_was_left_behind_too() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0")]);
        daemon(&place).run(Phase::Freeze, None).await;
        let next = daemon(&place);
        assert!(next.left_behind().is_some());
        next.run(Phase::Thaw, None).await;
        assert_eq!((next.left_behind(), file(&place)), (None, None));
    });
}

#[test]
fn what_was_left_behind_is_not_lost_by_another_freeze() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0")]);
        daemon(&place).run(Phase::Freeze, None).await;
        fs::rename(place.hooks_dir().join("1"), place.hooks_dir().join("2")).unwrap();
        let next = daemon(&place);
        next.run(Phase::Freeze, None).await;
        assert_eq!(next.begun(), ["1", "2"]);
        drop(next);
        assert_eq!(daemon(&place).left_behind().unwrap(), ["1", "2"]);
    });
}

#[test]
fn a_name_that_is_gone_is_told_and_the_others_are_thawed() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0"), ("2", "0")]);
        daemon(&place).run(Phase::Freeze, None).await;
        fs::remove_file(place.hooks_dir().join("2")).unwrap();
        let next = daemon(&place);
        let round = next.run(Phase::Thaw, next.left_behind().as_deref()).await;
        assert!(round.reports[0].result.starts_with("was not run: it cannot be read: No such file"));
        assert_eq!((round.reports[1].result.as_str(), &round.failure), ("ok", &None));
        assert_eq!(file(&place), None);
    });
}

#[test]
fn another_boot_has_left_nothing_behind() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0")]);
        daemon(&place).run(Phase::Freeze, None).await;
        assert_eq!(place.hooks().remember_in(&place.path("run"), "another").left_behind(), None);
    });
}

#[test]
fn what_cannot_be_remembered_is_not_begun_and_fails_the_freeze() {
    run(async {
        let place = Place::new();
        place.put_logging(&[("1", "0")]);
        let options = Options { go_on: true, ..place.options() };
        let hooks = Hooks::new(options).remember_in(&place.path("no-such-directory"), BOOT);
        let failure = hooks.run(Phase::Freeze, None).await.failure.unwrap();
        assert!(failure.starts_with("which hooks have begun cannot be remembered: "), "{failure}");
        assert_eq!((place.log().as_str(), hooks.begun()), ("", vec![]));
    });
}
