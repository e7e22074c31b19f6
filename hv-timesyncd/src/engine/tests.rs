//! The rules together: roles, repeated times, the clock that becomes ours.

use super::*;
use crate::sample::{Age, Method};

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
const NOW: i64 = 1_795_694_400 * SECOND;

fn rules() -> Rules {
    Rules {
        limits: Limits { floor: 1_700_000_000 * SECOND, max_step: 3650 * 86_400 * SECOND },
        policy: Policy {
            step_threshold: 500 * MS,
            resume_threshold: 5 * MS,
            minimum: 0,
            steps: Steps::Both,
            step_on_resume: true,
            max_slew: 5000,
        },
    }
}

fn engine(role: Role) -> Engine {
    let mut engine = Engine::new(rules(), None);
    assert_eq!(engine.set_role(role, &Reading::default()), None);
    engine
}

/// A sample `at` seconds after the start, of a host that is `offset` ahead of the guest.
fn sample(purpose: Purpose, at: i64, offset: i64) -> Sample {
    let received = Reading { raw: at * SECOND, real: NOW + at * SECOND, width: 200 };
    Sample {
        purpose,
        host: received.real + offset - 30_000,
        age: Age { ns: 30_000, error: 1000, method: Method::ReferenceCounter },
        leap: Leap::None,
        stratum: 0,
        received,
    }
}

#[test]
fn guest_an_hour_behind_is_right_at_the_first_message() {
    let decision = engine(Role::Discipline).sample(&sample(Purpose::Sync, 0, 3600 * SECOND));
    assert_eq!((decision.verdict, decision.why), (Verdict::Used, Why::HostSync));
    let Action::Step(by, Some(steering)) = decision.action else { panic!("{decision:?}") };
    assert_eq!((by, steering.phase), (3600 * SECOND, 0));
}

#[test]
fn first_sample_without_a_word_is_stepped_too() {
    let decision = engine(Role::Discipline).sample(&sample(Purpose::Sample, 0, -40 * MS));
    assert_eq!(decision.why, Why::FirstSample);
    assert!(matches!(decision.action, Action::Step(by, _) if by == -40 * MS));
}

#[test]
fn samples_that_follow_are_slewed() {
    let mut engine = engine(Role::Discipline);
    engine.sample(&sample(Purpose::Sync, 0, 0));
    engine.sample(&sample(Purpose::Sample, 5, 50_000));
    let decision = engine.sample(&sample(Purpose::Sample, 10, 100_000));
    let Action::Steer(steering) = decision.action else { panic!("{decision:?}") };
    assert!((steering.frequency - 10.0).abs() < 0.5, "{steering:?}");
    assert!((90_000..=110_000).contains(&steering.phase), "{steering:?}");
    assert!(steering.synchronised);
}

#[test]
fn beside_chrony_only_a_resume_is_stepped_and_the_clock_is_not_steered() {
    let mut engine = engine(Role::Assist { synchronised: true });
    let first = engine.sample(&sample(Purpose::Sync, 0, SECOND));
    assert_eq!((first.verdict, first.action), (Verdict::Used, Action::None));
    let follows = engine.sample(&sample(Purpose::Sample, 5, SECOND));
    assert_eq!((follows.verdict, follows.action, follows.why), (Verdict::Used, Action::None, Why::NotOurs));
    let resumed = engine.sample(&sample(Purpose::Sync, 10, 3600 * SECOND));
    assert_eq!(resumed.action, Action::Step(3600 * SECOND, None));
}

#[test]
fn repeated_sample_is_not_used_twice() {
    let mut engine = engine(Role::Discipline);
    let one = sample(Purpose::Sample, 5, 0);
    assert_eq!(engine.sample(&one).verdict, Verdict::Used);
    let again = engine.sample(&one);
    assert_eq!((again.verdict, again.action, again.why), (Verdict::Repeated, Action::None, Why::NotUsed));
}

#[test]
fn what_is_no_time_leaves_everything_as_it_was() {
    let mut engine = engine(Role::Discipline);
    engine.sample(&sample(Purpose::Sync, 0, 0));
    let before = engine.estimate(&sample(Purpose::Sync, 5, 0).received);
    for (offset, verdict) in [
        (-NOW, Verdict::BeforeFloor),
        (-NOW - 1, Verdict::BeforeFloor),
        (4000 * 86_400 * SECOND, Verdict::TooFar),
    ] {
        let decision = engine.sample(&sample(Purpose::Sync, 5, offset));
        assert_eq!((decision.verdict, decision.action), (verdict, Action::None));
    }
    assert_eq!(engine.estimate(&sample(Purpose::Sync, 5, 0).received), before);
}

#[test]
fn age_that_leads_beyond_all_time_is_impossible() {
    let mut odd = sample(Purpose::Sync, 0, 0);
    (odd.host, odd.age.ns) = (i64::MAX - 1, 2);
    assert_eq!(engine(Role::Discipline).sample(&odd).verdict, Verdict::Impossible);
}

/// Each word moves the clock by nearly as much as is allowed; together they would lead to another century.
#[test]
fn no_host_walks_the_clock_away_step_by_step() {
    let mut engine = engine(Role::Discipline);
    let mut moved = 0;
    let mut refused = 0;
    for at in 0..40 {
        let mut word = sample(Purpose::Sync, at, 0);
        word.received.real += moved;
        word.host = word.received.real + 3600 * 86_400 * SECOND;
        match engine.sample(&word).action {
            Action::Step(by, _) => moved += by,
            _ => refused += 1,
        }
    }
    assert!(moved < 3650 * 86_400 * SECOND && refused >= 38, "{moved} {refused}");
    // And the right time is let in again.
    let mut word = sample(Purpose::Sync, 50, 0);
    word.received.real += moved;
    assert!(matches!(engine.sample(&word).action, Action::Step(by, _) if by == -moved));
}

#[test]
fn order_that_is_repeated_is_still_one() {
    let mut engine = engine(Role::Discipline);
    let one = sample(Purpose::Sample, 5, 0);
    engine.sample(&one);
    let mut order = one;
    order.purpose = Purpose::Sync;
    assert_eq!(engine.sample(&order).verdict, Verdict::Used);
    assert_eq!(engine.sample(&order).verdict, Verdict::Used);
}

#[test]
fn after_a_step_the_clock_is_vouched_for_and_not_before() {
    let decision = engine(Role::Discipline).sample(&sample(Purpose::Sync, 0, 3600 * SECOND));
    let Action::Step(_, Some(steering)) = decision.action else { panic!("{decision:?}") };
    assert!(steering.synchronised && steering.errors.1 < 1000, "{steering:?}");
    // Where it may not be stepped it is an hour wrong for a long time.
    let mut rules = rules();
    rules.policy.steps = Steps::Never;
    let mut engine = Engine::new(rules, None);
    engine.set_role(Role::Discipline, &Reading::default());
    let decision = engine.sample(&sample(Purpose::Sync, 0, 3600 * SECOND));
    let Action::Steer(steering) = decision.action else { panic!("{decision:?}") };
    assert!(!steering.synchronised, "{steering:?}");
}

#[test]
fn what_is_known_from_long_ago_moves_no_clock() {
    let mut engine = engine(Role::Assist { synchronised: true });
    for at in 0..20 {
        engine.sample(&sample(Purpose::Sample, 5 * at, 80 * MS));
    }
    // The host has been silent for three days.
    let now = sample(Purpose::Sample, 3 * 86_400, 0).received;
    assert_eq!(engine.set_role(Role::Discipline, &now), None);
    // The next sample is the first that counts.
    let decision = engine.sample(&sample(Purpose::Sample, 3 * 86_400 + 5, -40 * MS));
    let decision = match decision.verdict {
        Verdict::Outlier => engine.sample(&sample(Purpose::Sample, 3 * 86_400 + 10, -40 * MS)),
        _ => decision,
    };
    assert_eq!(decision.why, Why::FirstSample, "{decision:?}");
}

#[test]
fn what_could_not_be_done_is_tried_as_the_first_time_again() {
    let mut engine = engine(Role::Discipline);
    assert!(matches!(engine.sample(&sample(Purpose::Sync, 0, 80 * MS)).action, Action::Step(..)));
    engine.unsettle();
    let decision = engine.sample(&sample(Purpose::Sample, 5, 80 * MS));
    assert!(matches!(decision.action, Action::Step(..)), "{decision:?}");
}

#[test]
fn host_whose_time_goes_backwards_is_followed_at_the_second_sample() {
    let mut engine = engine(Role::Discipline);
    engine.sample(&sample(Purpose::Sync, 0, 0));
    engine.sample(&sample(Purpose::Sample, 5, 0));
    let first = engine.sample(&sample(Purpose::Sample, 10, -20 * SECOND));
    assert_eq!((first.verdict, first.action), (Verdict::Outlier, Action::None));
    let second = engine.sample(&sample(Purpose::Sample, 15, -20 * SECOND));
    assert_eq!((second.verdict, second.why), (Verdict::Used, Why::TooMuchToSlew));
    assert!(matches!(second.action, Action::Step(by, Some(_)) if by == -20 * SECOND), "{second:?}");
}

#[test]
fn clock_that_becomes_ours_is_put_right_at_once() {
    let mut engine = engine(Role::Assist { synchronised: true });
    engine.sample(&sample(Purpose::Sample, 0, 80 * MS));
    let now = sample(Purpose::Sample, 2, 0).received;
    let decision = engine.set_role(Role::Discipline, &now).unwrap();
    assert!(matches!(decision.action, Action::Step(by, Some(_)) if by == 80 * MS), "{decision:?}");
    assert_eq!(decision.why, Why::FirstSample);
    // And from then on followed.
    assert_eq!(engine.set_role(Role::Discipline, &now), None);
    let next = engine.sample(&sample(Purpose::Sample, 5, 80 * MS));
    assert_eq!(next.why, Why::Following);
}

#[test]
fn clock_that_was_others_for_a_while_is_stepped_again() {
    let mut engine = engine(Role::Discipline);
    engine.sample(&sample(Purpose::Sync, 0, 0));
    let now = |at| sample(Purpose::Sample, at, 0).received;
    assert_eq!(engine.set_role(Role::Observe, &now(1)), None);
    engine.sample(&sample(Purpose::Sample, 5, 0));
    // Somebody has moved it meanwhile.
    let mut moved = now(6);
    moved.real += 30 * MS;
    let decision = engine.set_role(Role::Discipline, &moved).unwrap();
    assert!(matches!(decision.action, Action::Step(by, Some(_)) if by == -30 * MS), "{decision:?}");
}

#[test]
fn another_source_begins_anew_and_keeps_the_frequency() {
    let mut engine = engine(Role::Discipline);
    engine.sample(&sample(Purpose::Sync, 0, 0));
    for at in 1..20 {
        engine.sample(&sample(Purpose::Sample, 5 * at, 100_000 * at));
    }
    engine.restart();
    assert_eq!(engine.estimate(&Reading::default()), None);
    engine.sample(&sample(Purpose::Sample, 100, 2 * MS));
    let estimate = engine.estimate(&sample(Purpose::Sample, 100, 0).received).unwrap();
    assert!((estimate.frequency - 20.0).abs() < 0.5, "{estimate:?}");
}

#[test]
fn host_that_is_not_synchronised_is_followed_but_not_vouched_for() {
    let mut engine = engine(Role::Discipline);
    let mut odd = sample(Purpose::Sync, 0, 0);
    odd.leap = Leap::Unsynchronised;
    let decision = engine.sample(&odd);
    assert!(matches!(decision.action, Action::Steer(steering) if !steering.synchronised), "{decision:?}");
}
