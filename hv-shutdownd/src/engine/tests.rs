//! The rules, by table: each flag and version, each refusal with its number, each request at each phase of another.

mod anything;

use hv_utils_core::wire::Version;
use hv_utils_core::wire::shutdown::{Action, Request, encode};

use super::*;

const V1_0: Version = Version::new(1, 0);
const V3_0: Version = Version::new(3, 0);
const V3_1: Version = Version::new(3, 1);
const V3_2: Version = Version::new(3, 2);

fn request(action: Action, force: bool) -> Request {
    Request { action, force, reason: 0x8000_0000, timeout_secs: 0, text: String::new() }
}

fn power_off(force: bool) -> Request {
    request(Action::PowerOff, force)
}

fn body(flags: u32) -> Vec<u8> {
    let mut body = encode(&power_off(false));
    body[8..12].copy_from_slice(&flags.to_le_bytes());
    body
}

fn engine() -> Engine {
    Engine::new(Rules::default())
}

/// The status of a refusal; `None`: it is none.
fn refused(step: &Step) -> Option<u32> {
    match step {
        Step::Refuse(refusal) => Some(refusal.status().0),
        _ => None,
    }
}

/// With this running, as far as that.
fn at(phase: Phase, request: &Request) -> Engine {
    let mut engine = engine();
    if engine.request(request) != Step::Begin {
        assert_eq!(engine.seen(request, Seen::default()), Step::Begin);
    }
    if phase == Phase::Telling {
        return engine;
    }
    assert!(engine.told(true));
    if phase == Phase::Preparing {
        return engine;
    }
    engine.prepared();
    if phase == Phase::Begun {
        assert_eq!(engine.acted(true), After::Watch);
    }
    assert_eq!(engine.running().unwrap().1, phase);
    engine
}

const PHASES: [Phase; 4] = [Phase::Telling, Phase::Preparing, Phase::Acting, Phase::Begun];
const ACTIONS: [Action; 3] = [Action::PowerOff, Action::Restart, Action::Hibernate];

#[test]
fn each_flag_at_each_version_is_looked_at_begun_or_refused() {
    const FAIL: u32 = 0x8000_4005;
    const NOT_SUPPORTED: u32 = 0x8007_0032;
    for (version, statuses) in [
        (
            V1_0,
            [None, None, Some(NOT_SUPPORTED), Some(NOT_SUPPORTED), Some(NOT_SUPPORTED), Some(NOT_SUPPORTED)],
        ),
        (
            V3_0,
            [None, None, Some(NOT_SUPPORTED), Some(NOT_SUPPORTED), Some(NOT_SUPPORTED), Some(NOT_SUPPORTED)],
        ),
        (V3_1, [None, None, None, None, Some(NOT_SUPPORTED), Some(NOT_SUPPORTED)]),
        (V3_2, [None; 6]),
    ] {
        for (flags, expected) in (0..).zip(statuses) {
            let (step, asked) = engine().receive(&body(flags), version);
            assert_eq!(refused(&step), expected, "{flags} at {version}");
            assert_eq!(asked.is_some(), expected.is_none());
            let forced = flags & 1 == 1;
            match (flags, expected) {
                (_, Some(_)) => {}
                // Forced, and nothing else to be known: at once.
                (1 | 3, None) => assert_eq!(step, Step::Begin),
                _ => {
                    let what = Look { inhibitors: !forced, hibernation: flags & 4 != 0 };
                    assert_eq!(step, Step::Look(what), "{flags} at {version}");
                }
            }
        }
        for flags in [6, 7, 8, 9, 16, 0x100, 0x8000_0000, 0x8000_0001, u32::MAX] {
            let (step, asked) = engine().receive(&body(flags), version);
            assert_eq!((refused(&step), asked), (Some(FAIL), None), "{flags} at {version}");
        }
        for length in [0, 4, 8, 11] {
            let (step, _) = engine().receive(&body(0)[..length], version);
            assert_eq!(refused(&step), Some(FAIL), "{length} bytes at {version}");
        }
        assert!(refused(&engine().receive(&body(0)[..12], version).0).is_none(), "the text is optional");
    }
}

#[test]
fn an_inhibitor_refuses_what_is_not_forced() {
    let seen = || Seen { objections: vec!["backup (writes)".to_owned()], ..Seen::default() };
    for action in ACTIONS {
        let step = engine().seen(&request(action, false), seen());
        assert_eq!(refused(&step), Some(0x8007_04f7), "{action}");
        let Step::Refuse(refusal) = step else { unreachable!() };
        assert_eq!(refusal.to_string(), "inhibited by backup (writes)");
        assert_eq!(engine().seen(&request(action, true), seen()), Step::Begin, "{action}");
    }
}

#[test]
fn inhibitors_are_not_asked_where_they_do_not_count() {
    let rules = Rules { respect_inhibitors: false, ..Rules::default() };
    assert_eq!(Engine::new(rules).request(&power_off(false)), Step::Begin);
    let hibernate = request(Action::Hibernate, false);
    let step = Engine::new(rules).request(&hibernate);
    assert_eq!(step, Step::Look(Look { inhibitors: false, hibernation: true }));
    let seen = Seen { objections: vec!["x".to_owned()], ..Seen::default() };
    assert_eq!(Engine::new(rules).seen(&hibernate, seen), Step::Begin);
}

#[test]
fn many_inhibitors_are_three_names_and_a_number() {
    let objections = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    let text = Refusal::Inhibited(objections).to_string();
    assert_eq!(text, "inhibited by a, b, c and 2 more");
}

#[test]
fn hibernation_is_promised_only_where_it_can_work_forced_or_not() {
    for force in [false, true] {
        let hibernate = request(Action::Hibernate, force);
        let cannot = Seen { hibernation: Err("no swap".to_owned()), ..Seen::default() };
        assert_eq!(refused(&engine().seen(&hibernate, cannot)), Some(0x8007_0032));
        let busy = Seen { busy: Some("/srv is frozen".to_owned()), ..Seen::default() };
        assert_eq!(refused(&engine().seen(&hibernate, busy)), Some(0x8007_00aa));
        assert_eq!(refused(&engine().seen(&hibernate, Seen::unknown())), Some(0x8007_0032));
        let rules = Rules { hibernate: false, ..Rules::default() };
        assert_eq!(refused(&Engine::new(rules).request(&hibernate)), Some(0x8007_0032));
    }
}

#[test]
fn what_hibernation_needs_does_not_stand_in_the_way_of_the_others() {
    let seen = || Seen { hibernation: Err(String::new()), busy: Some(String::new()), ..Seen::default() };
    assert_eq!(engine().seen(&power_off(false), seen()), Step::Begin);
    assert_eq!(engine().seen(&request(Action::Restart, false), seen()), Step::Begin);
}

#[test]
fn the_same_again_is_ok_at_each_phase_and_another_one_is_not() {
    for phase in PHASES {
        for action in ACTIONS {
            for other in ACTIONS {
                let mut engine = at(phase, &request(action, false));
                let step = engine.request(&request(other, false));
                if action == other {
                    assert_eq!(step, Step::Again, "{action} at {phase:?}");
                } else {
                    assert_eq!(refused(&step), Some(0x8007_045b), "{other} while {action} at {phase:?}");
                    let forced = engine.request(&request(other, true));
                    assert_eq!(refused(&forced), Some(0x8007_045b), "{other} while {action} at {phase:?}");
                }
                assert_eq!(engine.running().unwrap(), (&request(action, false), phase));
            }
        }
    }
}

#[test]
fn a_forced_one_upgrades_the_same_at_each_phase_once() {
    for phase in PHASES {
        let mut engine = at(phase, &power_off(false));
        assert_eq!(engine.request(&power_off(true)), Step::Upgrade, "{phase:?}");
        assert_eq!(engine.request(&power_off(true)), Step::Again, "{phase:?}");
        assert_eq!(engine.request(&power_off(false)), Step::Again, "{phase:?}");
        assert!(engine.running().unwrap().0.force);
        let expected = match phase {
            Phase::Telling | Phase::Acting => Hurry::Wait,
            Phase::Preparing | Phase::Begun => Hurry::Act,
        };
        assert_eq!(engine.hurry(), expected, "{phase:?}");
    }
}

#[test]
fn an_upgrade_in_the_middle_of_an_attempt_acts_once_more() {
    for good in [true, false] {
        let mut engine = at(Phase::Acting, &power_off(false));
        assert_eq!(engine.request(&power_off(true)), Step::Upgrade);
        assert_eq!(engine.hurry(), Hurry::Wait);
        assert_eq!(engine.acted(good), After::Act);
        assert_eq!(engine.acted(true), After::Watch);
    }
}

#[test]
fn what_was_forced_before_it_was_acted_is_not_acted_once_more_for_that() {
    for (action, good) in ACTIONS.into_iter().flat_map(|action| [(action, true), (action, false)]) {
        let mut engine = at(Phase::Preparing, &request(action, false));
        assert_eq!(engine.request(&request(action, true)), Step::Upgrade);
        // Its answer is still on the way when the hooks are through.
        engine.prepared();
        assert_eq!(engine.hurry(), Hurry::Wait);
        assert_eq!(engine.acted(good), if good { After::Watch } else { After::Failed });
        assert_eq!(engine.hurry(), Hurry::Wait);
    }
}

#[test]
fn after_an_upgrade_that_fails_the_next_one_is_begun_anew() {
    let mut engine = at(Phase::Begun, &power_off(false));
    assert_eq!(engine.request(&power_off(true)), Step::Upgrade);
    assert_eq!(engine.hurry(), Hurry::Act);
    assert_eq!(engine.acted(false), After::Failed);
    assert_eq!(engine.request(&power_off(true)), Step::Begin);
}

#[test]
fn nothing_makes_a_hibernation_faster_that_is_begun() {
    let (asked, forced) = (request(Action::Hibernate, false), request(Action::Hibernate, true));
    for (phase, step) in [
        (Phase::Telling, Step::Upgrade),
        (Phase::Preparing, Step::Upgrade),
        (Phase::Acting, Step::Again),
        (Phase::Begun, Step::Again),
    ] {
        assert_eq!(at(phase, &asked).request(&forced), step, "{phase:?}");
    }
}

#[test]
fn an_answer_that_never_left_begins_nothing() {
    let mut engine = at(Phase::Telling, &power_off(true));
    assert!(!engine.told(false));
    assert!(engine.running().is_none());
    assert_eq!(engine.request(&power_off(true)), Step::Begin, "the next one is begun anew");
}

#[test]
fn what_is_called_off_or_has_failed_can_be_asked_for_again() {
    let mut engine = at(Phase::Begun, &power_off(true));
    engine.over();
    assert_eq!(engine.request(&request(Action::Restart, true)), Step::Begin);
    let mut engine = at(Phase::Acting, &power_off(true));
    assert_eq!(engine.acted(false), After::Failed);
    assert_eq!(engine.request(&request(Action::Restart, true)), Step::Begin);
}

#[test]
fn what_began_to_run_during_the_look_decides() {
    let mut engine = engine();
    assert!(matches!(engine.request(&power_off(false)), Step::Look(_)));
    assert_eq!(engine.request(&power_off(true)), Step::Begin);
    assert_eq!(engine.seen(&power_off(false), Seen::default()), Step::Again);
    let step = engine.seen(&request(Action::Restart, false), Seen::default());
    assert_eq!(refused(&step), Some(0x8007_045b));
}

#[test]
fn a_daemon_that_ends_accepts_nothing() {
    let mut idle = engine();
    assert_eq!(idle.stop(), None);
    assert_eq!(refused(&idle.request(&power_off(true))), Some(0x8007_0015));
    assert_eq!(refused(&idle.seen(&power_off(true), Seen::default())), Some(0x8007_0015));
    assert_eq!(at(Phase::Begun, &power_off(true)).stop(), Some(Phase::Begun));
}

#[test]
fn a_delay_is_the_longer_of_both_and_never_for_what_is_forced_or_sleeps() {
    let secs = Duration::from_secs;
    let rules =
        |delay, honour_host_timeout| Rules { delay: secs(delay), honour_host_timeout, ..Rules::default() };
    for (rules, timeout_secs, expected) in [
        (rules(0, false), 60, 0),
        (rules(0, true), 60, 60),
        (rules(90, true), 60, 90),
        (rules(90, false), 60, 90),
        (rules(0, true), u32::MAX, 3600),
        (rules(30, true), 0, 30),
    ] {
        let engine = Engine::new(rules);
        let asked = |action, force| Request { timeout_secs, ..request(action, force) };
        assert_eq!(engine.delay(&asked(Action::PowerOff, false)), secs(expected));
        assert_eq!(engine.delay(&asked(Action::Restart, false)), secs(expected));
        assert_eq!(engine.delay(&asked(Action::Restart, true)), Duration::ZERO);
        assert_eq!(engine.delay(&asked(Action::Hibernate, false)), Duration::ZERO);
    }
}

#[test]
fn each_refusal_is_a_sentence_under_a_name_of_its_own() {
    let problems = [
        Problem::TooShort { needed: 12, actual: 3 },
        Problem::Flags(6),
        Problem::Version { action: Action::Restart, needed: V3_1, agreed: V3_0 },
    ];
    let mut refusals: Vec<Refusal> = problems.map(Refusal::Malformed).to_vec();
    refusals.extend([
        Refusal::UnderWay(Action::PowerOff),
        Refusal::Inhibited(vec!["x".to_owned()]),
        Refusal::CannotHibernate("no swap".to_owned()),
        Refusal::Busy("/ is frozen".to_owned()),
        Refusal::Ending,
    ]);
    let keys: std::collections::BTreeSet<&str> = refusals.iter().map(Refusal::key).collect();
    assert_eq!(keys.len(), refusals.len());
    let texts: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    assert_eq!(
        texts[2..],
        [
            "reboot needs messages 3.1, agreed on are 3.0",
            "poweroff is under way",
            "inhibited by x",
            "the guest cannot hibernate: no swap",
            "the guest must not hibernate now: / is frozen",
            "the daemon is being stopped",
        ]
    );
}
