//! Clocks as the kernel tells of them, and whose they are.

use super::*;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;

fn state(frequency: f64, synchronised: bool, max_error: i64) -> ClockState {
    ClockState { frequency, synchronised, max_error }
}

#[test]
fn clock_that_nobody_has_called_synchronised_is_nobodys() {
    let mut evidence = Evidence::default();
    assert_eq!(evidence.finding(&state(12.0, false, 16_000_000), false, 0), Finding::Nobody);
    assert_eq!(evidence.next(0), None);
}

#[test]
fn clock_that_runs_as_this_daemon_has_set_it_is_ours() {
    let mut evidence = Evidence::default();
    evidence.steered(12.5);
    for hour in 0..20 {
        let state = state(12.5, hour < 9, hour * 1_800_000);
        assert_eq!(evidence.finding(&state, false, hour * HOUR), Finding::Ours);
    }
}

#[test]
fn clock_that_an_earlier_process_has_left_is_ours_and_one_that_was_changed_since_is_not() {
    let mut evidence = Evidence::default();
    assert_eq!(evidence.finding(&state(12.5, true, 1000), true, 0), Finding::Ours);
    assert_eq!(evidence.finding(&state(12.0, true, 1000), false, 0), Finding::Others);
}

#[test]
fn somebody_else_who_steers_our_clock_is_noticed_once_and_then_has_it() {
    let mut evidence = Evidence::default();
    evidence.steered(12.5);
    assert_eq!(evidence.finding(&state(14.0, true, 1000), false, 0), Finding::TakenOver);
    assert_eq!(evidence.finding(&state(14.0, true, 1000), false, SECOND), Finding::Others);
    // Also one who does not call it synchronised.
    evidence.steered(12.5);
    assert_eq!(evidence.finding(&state(14.0, false, 1000), false, 0), Finding::TakenOver);
    assert_eq!(evidence.finding(&state(14.0, false, 1000), false, 0), Finding::Nobody);
}

#[test]
fn clock_that_somebody_touches_now_and_then_is_theirs() {
    let mut evidence = Evidence::default();
    for minute in 0..600 {
        // Somebody who speaks every 17 minutes.
        let state = state(3.0, true, (minute % 17) * 60 * 500);
        assert_eq!(evidence.finding(&state, false, minute * 60 * SECOND), Finding::Others, "{minute}");
        assert!(evidence.next(minute * 60 * SECOND).unwrap() > 0);
    }
}

#[test]
fn clock_that_nobody_touches_for_an_hour_is_left_over() {
    let mut evidence = Evidence::default();
    let at = |minute: i64| (state(3.0, true, 20_000 + minute * 60 * 500), minute * 60 * SECOND);
    for minute in 0..60 {
        let (state, raw) = at(minute);
        assert_eq!(evidence.finding(&state, false, raw), Finding::Others, "{minute}");
    }
    assert_eq!(evidence.next(59 * 60 * SECOND), Some(60 * SECOND));
    let (left, raw) = at(60);
    assert_eq!(evidence.finding(&left, false, raw), Finding::Nobody);
    assert!(evidence.is_remnant());
    assert_eq!(evidence.next(raw), None);
}

#[test]
fn what_a_client_has_said_ends_with_it() {
    let mut evidence = Evidence::default();
    evidence.clients(true, false);
    assert_eq!(evidence.finding(&state(3.0, true, 0), false, 0), Finding::Others);
    evidence.clients(false, true);
    assert_eq!(evidence.finding(&state(3.0, true, 0), false, SECOND), Finding::Nobody);
    evidence.clients(false, false);
    assert!(evidence.is_remnant());
    // Another one comes.
    evidence.clients(true, false);
    assert_eq!(evidence.finding(&state(3.0, true, 0), false, SECOND), Finding::Others);
}

#[test]
fn error_that_has_been_counted_to_its_end_hides_nobody() {
    let mut evidence = Evidence::default();
    evidence.finding(&state(3.0, true, 15_900_000), false, 0);
    assert_eq!(evidence.finding(&state(3.0, true, 16_000_000), false, HOUR), Finding::Nobody);
}
