use super::*;
use crate::clock::{Steering, timex};
use crate::sample::Leap;
use proptest::prelude::*;

/// 2026-01-01 00:00:00.25 UTC: raw seconds and the clock's do not begin together.
const START: i64 = 1_767_225_600_250_000_000;
const DAY: i64 = 86_400 * SECOND;

fn clock() -> Discipline {
    Discipline::new(0, START)
}

fn steering(frequency: f64, phase: i64, time_constant: u8) -> Steering {
    Steering { frequency, phase, time_constant, synchronised: true, errors: (10, 1000), leap: Leap::None }
}

fn steer(clock: &mut Discipline, raw: i64, steering: Steering) {
    let mut now = Timex::default();
    clock.adjust(raw, &mut now).unwrap();
    clock.adjust(raw, &mut timex::steer(&steering, &now, false)).unwrap();
}

fn ask(clock: &mut Discipline, raw: i64) -> (Timex, i32) {
    let mut now = Timex::default();
    let result = clock.adjust(raw, &mut now).unwrap();
    (now, result)
}

/// What the clock should have gained on raw time, ns, when so many of its full seconds have begun since it was steered; and
/// the raw time at which that is. From the formula, in one go.
fn analytic(frequency: f64, phase: f64, time_constant: u8, seconds: u32) -> (f64, i64) {
    let part = 0.5_f64.powi(2 + i32::from(time_constant));
    // The rest of the first second has no phase yet.
    let straight = frequency / 1e6;
    let mut gained = 0.75e9 * (1.0 - 1.0 / (1.0 + straight));
    let mut left = phase;
    for _ in 0..seconds {
        let rate = straight + left * part / 1e9;
        left -= left * part;
        gained += 1e9 * (1.0 - 1.0 / (1.0 + rate));
    }
    let real = 0.75e9 + 1e9 * f64::from(seconds);
    (gained, (real - gained) as i64)
}

fn error_against_formula(frequency: f64, phase: i64, time_constant: u8, seconds: u32) -> f64 {
    let mut clock = clock();
    steer(&mut clock, 0, steering(frequency, phase, time_constant));
    let (gained, raw) = analytic(frequency, phase as f64, time_constant, seconds);
    (clock.read(raw) - START - raw) as f64 - gained
}

#[test]
fn an_untouched_clock_runs_as_raw_time_does() {
    let mut clock = clock();
    for raw in [0, 1, SECOND, DAY, 400 * DAY] {
        assert_eq!(clock.read(raw), START + raw);
    }
}

#[test]
fn after_a_day_a_frequency_has_gained_what_it_should_to_the_microsecond() {
    for frequency in [500.0, -500.0, 37.123_456, -0.01] {
        let mut clock = clock();
        steer(&mut clock, 0, steering(frequency, 0, 4));
        // In the kernel's units, as a fraction of integers.
        let units = i128::from((frequency * 65_536.0).round() as i64);
        let gained = i128::from(DAY) * units / (65_536 * 1_000_000);
        let error = clock.read(DAY) - START - DAY - gained as i64;
        assert!(error.abs() <= 1, "{frequency} ppm: {error} ns beside the exact figure");
    }
}

#[test]
fn after_a_day_a_phase_has_been_made_up_for_as_the_formula_says_to_the_microsecond() {
    for (frequency, phase, time_constant) in
        [(0.0, 400_000_000, 0), (12.5, -400_000_000, 8), (-480.0, 499_999_999, 3), (0.0, -1_000_000, 10)]
    {
        let error = error_against_formula(frequency, phase, time_constant, 86_400);
        assert!(error.abs() < 1000.0, "{frequency} ppm, {phase} ns, {time_constant}: {error} ns");
    }
}

#[test]
fn the_phase_begins_at_the_next_full_second_and_each_second_takes_its_part_of_the_rest() {
    let mut clock = clock();
    steer(&mut clock, 0, steering(0.0, 64_000_000, 2));
    assert_eq!(clock.read(750_000_000), START + 750_000_000, "not before the full second");
    // A sixteenth of 64 ms in the first second, of what is left in the second.
    assert_eq!(clock.read(750_000_000 + 500_000_000) - START - 1_250_000_000, 2_000_000);
    assert_eq!(ask(&mut clock, 1_250_000_000).0.offset, 60_000_000);
    let later = clock.read(750_000_000 + 1_496_000_000) - START - 2_246_000_000;
    // 0.996 s make the first full second (1 s at the rate 1.004 is 0.99602), then half a second at 1.00375.
    let expected = 1e9 - 1e9 / 1.004 + (1_496_000_000.0 - 1e9 / 1.004) * 0.003_75;
    assert!((later as f64 - expected).abs() < 2.0, "{later} {expected}");
}

#[test]
fn a_new_phase_replaces_the_old_one_but_for_the_second_that_has_begun() {
    let mut clock = clock();
    steer(&mut clock, 0, steering(0.0, 400_000_000, 0));
    clock.read(800_000_000);
    steer(&mut clock, 800_000_000, steering(0.0, 0, 0));
    assert_eq!(ask(&mut clock, 800_000_000).0.offset, 0);
    // A tenth of a second more or less per second until the second is over, and nothing after.
    let (one, other) = (clock.read(2 * SECOND), clock.read(3 * SECOND));
    assert_eq!(other - one, SECOND);
    let gained = one - START - 2 * SECOND;
    assert!((gained - 90_909_091).abs() <= 1, "1 s at the rate 1.1 lasts 1/1.1 s: {gained}");
}

#[test]
fn a_frequency_counts_at_once() {
    let mut clock = clock();
    steer(&mut clock, 300_000_000, steering(100.0, 0, 4));
    assert_eq!(clock.read(300_000_000), START + 300_000_000);
    assert_eq!(clock.read(400_000_000), START + 400_010_000);
}

#[test]
fn a_step_moves_the_clock_and_drops_phase_and_synchronisation_and_keeps_the_frequency() {
    let mut clock = clock();
    steer(&mut clock, 0, steering(100.0, 400_000_000, 0));
    let before = clock.read(5 * SECOND);
    clock.adjust(5 * SECOND, &mut timex::step(-7_250_000_000)).unwrap();
    assert_eq!(clock.read(5 * SECOND), before - 7_250_000_000);
    let (now, result) = ask(&mut clock, 5 * SECOND);
    assert_eq!((now.offset, now.frequency, now.max_error, result), (0, 100 << 16, 16_000_000, TIME_ERROR));
    let (five, six) = (clock.read(5 * SECOND), clock.read(6 * SECOND));
    assert_eq!(six - five, SECOND + 100_000, "no phase any more");
}

#[test]
fn seconds_count_from_where_a_step_has_led() {
    for by in [-3_600 * SECOND, 3_600 * SECOND] {
        let mut clock = clock();
        clock.adjust(0, &mut timex::step(by)).unwrap();
        steer(&mut clock, 0, steering(0.0, 64_000_000, 2));
        let (now, _) = ask(&mut clock, 10 * SECOND);
        assert_eq!(now.max_error, 6_000, "ten seconds after a step of {by} ns");
        let left = 64e6 * 0.937_5_f64.powi(10);
        assert!((now.offset as f64 - left).abs() < 2.0, "{} {left}", now.offset);
    }
}

#[test]
fn shares_are_rounded_toward_zero_in_both_directions() {
    assert_eq!([7, -7, 1, -1].map(|value| toward_zero(value, 1)), [3, -3, 0, 0]);
}

#[test]
fn a_time_that_no_kernel_can_have_is_refused_and_the_clock_stays() {
    let mut clock = clock();
    for by in [-START - 1, i64::MAX - START, i64::MIN] {
        assert_eq!(clock.adjust(0, &mut timex::step(by)), Err(Errno::INVAL), "{by}");
    }
    assert_eq!(clock.read(SECOND), START + SECOND);
    let mut negative = Timex { modes: adj::SETOFFSET | adj::NANO, fraction: -1, ..Timex::default() };
    assert_eq!(clock.adjust(SECOND, &mut negative), Err(Errno::INVAL));
}

#[test]
fn a_clock_without_news_runs_out_of_synchronisation() {
    let mut clock = clock();
    steer(&mut clock, 0, steering(0.0, 0, 4));
    // 1 ms, and 500 µs more each second: 16 s are passed by the 31999th.
    assert_eq!(
        (ask(&mut clock, 31_998 * SECOND).0.max_error, ask(&mut clock, 31_998 * SECOND).1),
        (16_000_000, 0)
    );
    let (now, result) = ask(&mut clock, 31_999 * SECOND);
    assert_eq!((now.max_error, result), (16_000_000, TIME_ERROR));
}

#[test]
fn the_error_grows_alike_with_a_phase_and_without() {
    let bound = |phase, looks: &[i64]| {
        let mut clock = clock();
        steer(&mut clock, 0, steering(0.0, phase, 6));
        looks.iter().map(|raw| ask(&mut clock, raw * SECOND).0.max_error).last().unwrap()
    };
    assert_eq!(bound(0, &[100]), 51_000);
    assert_eq!(bound(0, &[1, 2, 50, 100]), 51_000);
    assert_eq!(bound(1_000_000, &[100]), 51_000);
    assert_eq!(bound(1_000_000, &[1, 2, 50, 100]), 51_000);
}

#[test]
fn without_the_pll_a_phase_is_not_taken() {
    let mut clock = clock();
    let mut request =
        Timex { modes: adj::OFFSET | adj::STATUS | adj::NANO, offset: 1000, ..Timex::default() };
    clock.adjust(0, &mut request).unwrap();
    assert_eq!(request.offset, 0);
}

#[test]
fn without_nanoseconds_a_time_constant_is_increased_by_four_and_a_phase_is_in_microseconds() {
    let mut clock = clock();
    let modes = adj::OFFSET | adj::STATUS | adj::TIMECONST;
    let mut request = Timex { modes, offset: 7, constant: 3, status: sta::PLL, ..Timex::default() };
    clock.adjust(0, &mut request).unwrap();
    assert_eq!((request.constant, request.offset, clock.rest), (7, 7, 7000 << SCALE));
}

#[test]
fn bits_that_are_read_only_stay() {
    let mut clock = clock();
    steer(&mut clock, 0, steering(0.0, 0, 4));
    let mut request = Timex { modes: adj::STATUS, status: sta::PLL, ..Timex::default() };
    clock.adjust(0, &mut request).unwrap();
    assert_eq!(request.status, sta::PLL | sta::NANO);
}

/// The smallest time constant with which a phase moves the clock by less than 500 ppm.
fn gentle(phase: i64) -> u8 {
    (0..MAX_TIME_CONSTANT)
        .find(|constant| phase.abs() >> (2 + constant) < 500_000)
        .unwrap_or(MAX_TIME_CONSTANT)
}

#[test]
fn while_400_ms_are_taken_back_no_reading_is_before_the_last() {
    let mut clock = clock();
    let constant = gentle(-400_000_000);
    assert_eq!(constant, 8);
    steer(&mut clock, 0, steering(-480.0, -400_000_000, constant));
    let (mut raw, mut last) = (0, clock.read(0));
    // 12 of its half-lives of 710 s, in steps that meet all places of a second.
    while raw < 9_000 * SECOND {
        raw += 3_141_593;
        let now = clock.read(raw);
        // 480 ppm for the frequency, less than 500 for the phase.
        assert!(now > last, "{raw}: {last} then {now}");
        assert!(now - last >= 3_138_500, "{raw}: {last} then {now}");
        last = now;
    }
    assert!(ask(&mut clock, raw).0.offset > -100_000, "it is all but done");
}

proptest! {
    #[test]
    fn whatever_is_asked_for_no_reading_is_before_the_last_but_for_a_step(
        requests in prop::collection::vec((1_i64..20_000_000_000, -500.0..500.0, -500_000_000_i64..500_000_000, 0_u8..11), 1..40),
    ) {
        let mut clock = clock();
        let (mut raw, mut last) = (0, START);
        for (later, frequency, phase, constant) in requests {
            for part in 1..=8 {
                let now = clock.read(raw + later / 8 * part);
                prop_assert!(now >= last);
                last = now;
            }
            raw += later;
            last = clock.read(raw).max(last);
            steer(&mut clock, raw, steering(frequency, phase, constant));
            prop_assert_eq!(clock.read(raw), last, "steering is not a step");
        }
    }

    #[test]
    fn how_often_the_clock_is_looked_at_does_not_matter(
        frequency in -500.0..500.0,
        phase in -500_000_000_i64..500_000_000,
        constant in 0_u8..11,
        looks in prop::collection::vec(1_i64..30_000_000_000, 1..50),
    ) {
        let (mut often, mut once) = (clock(), clock());
        steer(&mut often, 0, steering(frequency, phase, constant));
        steer(&mut once, 0, steering(frequency, phase, constant));
        let mut raw = 0;
        for look in looks {
            raw += look;
            often.read(raw);
        }
        prop_assert_eq!(often.read(raw), once.read(raw));
        prop_assert_eq!(ask(&mut often, raw), ask(&mut once, raw));
    }

    #[test]
    fn what_was_asked_for_is_what_is_in_force(
        frequency in -500.0..500.0,
        phase in -500_000_000_i64..500_000_000,
        constant in 0_u8..11,
        synchronised: bool,
    ) {
        let mut clock = clock();
        steer(&mut clock, 0, Steering { synchronised, ..steering(frequency, phase, constant) });
        let (now, result) = ask(&mut clock, 0);
        prop_assert_eq!((now.offset, now.constant), (phase, i64::from(constant)));
        let state = timex::state(&now, result);
        prop_assert_eq!(state.synchronised, synchronised);
        prop_assert!((state.frequency - frequency).abs() <= 0.5 / 65_536.0);
    }
}
