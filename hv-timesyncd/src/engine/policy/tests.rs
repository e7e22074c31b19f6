//! Step, slew or nothing: each situation.

use super::*;
use proptest::prelude::*;

const MS: i64 = 1_000_000;
const POLICY: Policy = Policy {
    step_threshold: 500 * MS,
    resume_threshold: 5 * MS,
    minimum: 0,
    steps: Steps::Both,
    step_on_resume: true,
    max_slew: 5000,
};

fn situation(role: Role, sync: bool, first: bool, offset: i64) -> Situation {
    Situation { role, sync, first, offset, error: 0 }
}

#[test]
fn who_keeps_the_clock_steps_at_the_hosts_word_or_when_it_is_too_far() {
    let decide = |sync, first, offset| POLICY.decide(&situation(Role::Discipline, sync, first, offset));
    assert_eq!(decide(true, false, 5 * MS), (Choice::Step, Why::HostSync));
    assert_eq!(decide(true, false, -5 * MS), (Choice::Step, Why::HostSync));
    assert_eq!(decide(true, false, 4 * MS), (Choice::Slew(4 * MS), Why::Following));
    assert_eq!(decide(false, true, -5 * MS), (Choice::Step, Why::FirstSample));
    assert_eq!(decide(false, true, 4 * MS), (Choice::Slew(4 * MS), Why::Following));
    assert_eq!(decide(false, false, 499 * MS), (Choice::Slew(499 * MS), Why::Following));
    assert_eq!(decide(false, false, 500 * MS), (Choice::Step, Why::TooMuchToSlew));
    assert_eq!(decide(false, false, i64::MIN), (Choice::Step, Why::TooMuchToSlew));
    assert_eq!(decide(false, false, 0), (Choice::Slew(0), Why::Following));
}

#[test]
fn difference_that_may_be_none_is_not_stepped() {
    let unsure = |offset, error| {
        let situation = Situation { error, ..situation(Role::Discipline, true, true, offset) };
        POLICY.decide(&situation).0
    };
    assert_eq!(unsure(8 * MS, 10 * MS), Choice::Slew(8 * MS));
    assert_eq!(unsure(-8 * MS, 10 * MS), Choice::Slew(-8 * MS));
    assert_eq!(unsure(11 * MS, 10 * MS), Choice::Step);
}

#[test]
fn who_only_looks_does_nothing() {
    for (sync, first) in [(false, false), (true, false), (false, true), (true, true)] {
        let situation = situation(Role::Observe, sync, first, 3_600_000 * MS);
        assert_eq!(POLICY.decide(&situation), (Choice::Leave, Why::OnlyLooking));
    }
}

#[test]
fn beside_others_only_a_resume_is_stepped() {
    let decide = |synchronised, sync, first, offset| {
        POLICY.decide(&situation(Role::Assist { synchronised }, sync, first, offset))
    };
    let leave = (Choice::Leave, Why::NotOurs);
    assert_eq!(decide(true, true, false, 500 * MS), (Choice::Step, Why::HostSync));
    // Small enough for the one who keeps it.
    assert_eq!(decide(true, true, false, 499 * MS), leave);
    // A sample says nothing of a resume.
    assert_eq!(decide(true, false, false, 3_600_000 * MS), leave);
    // Nor does the first word after the start, where the clock is synchronised; where it is not, it is better than nothing.
    assert_eq!(decide(true, true, true, 500 * MS), leave);
    assert_eq!(decide(false, true, true, 500 * MS), (Choice::Step, Why::HostSync));
    let policy = Policy { step_on_resume: false, ..POLICY };
    let role = Role::Assist { synchronised: false };
    assert_eq!(policy.decide(&situation(role, true, false, 3_600_000 * MS)), leave);
}

#[test]
fn steps_that_are_not_allowed_are_slewed_or_left_to_others() {
    let forward = Policy { steps: Steps::Forward, ..POLICY };
    let never = Policy { steps: Steps::Never, ..POLICY };
    let back = situation(Role::Discipline, true, false, -3_600_000 * MS);
    let ahead = situation(Role::Discipline, true, false, 3_600_000 * MS);
    let slew = |offset| (Choice::Slew(offset), Why::StepNotAllowed);
    assert_eq!(forward.decide(&back), slew(back.offset));
    assert_eq!(forward.decide(&ahead), (Choice::Step, Why::HostSync));
    assert_eq!(never.decide(&back), slew(back.offset));
    assert_eq!(never.decide(&ahead), slew(ahead.offset));
    let beside = situation(Role::Assist { synchronised: false }, true, false, -3_600_000 * MS);
    assert_eq!(forward.decide(&beside), (Choice::Leave, Why::StepNotAllowed));
}

#[test]
fn below_the_minimum_only_the_frequency_is_followed() {
    let policy = Policy { minimum: 100_000, ..POLICY };
    let decide = |offset| policy.decide(&situation(Role::Discipline, false, false, offset));
    assert_eq!(decide(99_999), (Choice::Slew(0), Why::BelowMinimum));
    assert_eq!(decide(-99_999), (Choice::Slew(0), Why::BelowMinimum));
    assert_eq!(decide(-100_000), (Choice::Slew(-100_000), Why::Following));
}

#[test]
fn slew_is_as_fast_as_allowed_and_no_faster() {
    let constant = |phase| POLICY.steering(&Estimate::default(), phase, Leap::None).time_constant;
    // A quarter of the rest each second, down to where that would be more than 5 ms a second.
    assert_eq!(constant(20 * MS), 0);
    assert_eq!(constant(-20 * MS), 0);
    assert_eq!(constant(21 * MS), 1);
    assert_eq!(constant(MAX_PHASE), 5);
    let slow = Policy { max_slew: 1, ..POLICY };
    assert_eq!(slow.steering(&Estimate::default(), MAX_PHASE, Leap::None).time_constant, MAX_TIME_CONSTANT);
}

#[test]
fn kernel_is_told_what_is_known() {
    let estimate =
        Estimate { offset: -30_500, jitter: 1_200, frequency: 12.5, frequency_error: 0.1, error: 2_000 };
    let steering = POLICY.steering(&estimate, estimate.offset, Leap::Insert);
    assert_eq!((steering.frequency, steering.phase, steering.leap), (12.5, -30_500, Leap::Insert));
    assert_eq!(steering.errors, (2, 33));
    assert!(steering.synchronised);
    assert!(!POLICY.steering(&estimate, 0, Leap::Unsynchronised).synchronised);
}

proptest! {
    #[test]
    fn what_the_kernel_cannot_take_is_never_asked_for(offset: i64, jitter: i64, error: i64, ppm in -1e9..1e9, max_slew: u32) {
        let policy = Policy { max_slew, ..POLICY };
        let estimate = Estimate { offset, jitter, frequency: ppm, frequency_error: 0.0, error };
        let steering = policy.steering(&estimate, offset, Leap::None);
        prop_assert!(steering.phase.abs() <= MAX_PHASE && steering.frequency.abs() <= MAX_FREQUENCY);
        prop_assert!(steering.time_constant <= MAX_TIME_CONSTANT);
    }
}
