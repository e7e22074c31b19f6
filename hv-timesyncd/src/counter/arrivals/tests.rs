use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;
const MAX_DELAY: i64 = SECOND;

/// A message each 5 s; by its number and how late it is, ns. The raw clock is faster by so many ppm.
fn message(arrivals: &mut Arrivals, number: i64, late: i64, ppm: i64) -> Age {
    let sent = number * 5 * SECOND;
    arrivals.age(Some((sent / TICK) as u64), 0, sent + number * 5000 * ppm + late + 77, false, MAX_DELAY)
}

/// The same with the host's time alone.
fn by_host(arrivals: &mut Arrivals, number: i64, late: i64) -> Age {
    by_host_set(arrivals, 0, number, late)
}

/// The same after the host's time was set by `forward` ns.
fn by_host_set(arrivals: &mut Arrivals, forward: i64, number: i64, late: i64) -> Age {
    let sent = number * 5 * SECOND;
    arrivals.age(None, sent + 1_790_000_000 * SECOND + forward, sent + late, false, MAX_DELAY)
}

#[test]
fn the_fastest_has_an_age_of_zero_and_the_others_what_they_are_later() {
    let mut arrivals = Arrivals::default();
    for (number, late) in [(0, 900_000), (1, 300_000), (2, 800_000)] {
        message(&mut arrivals, number, late, 0);
    }
    assert_eq!(message(&mut arrivals, 3, 1_300_000, 0).ns, 1_000_000);
    assert_eq!(message(&mut arrivals, 4, 300_000, 0).ns, 0);
}

#[test]
fn a_drift_of_the_clocks_is_no_delay() {
    for ppm in [-150, -40, 40, 150] {
        let mut arrivals = Arrivals::default();
        for number in 0..64 {
            message(&mut arrivals, number, (number * 7919 % 13) * 100_000, ppm);
        }
        // 64 * 7919 % 13 is 2.
        let age = message(&mut arrivals, 64, 200_000, ppm);
        assert!((age.ns - 200_000).abs() < 20_000, "{ppm} {age:?}");
    }
}

#[test]
fn a_steady_clock_has_no_drift_to_be_found() {
    let mut arrivals = Arrivals::default();
    for number in 0..60_i64 {
        let sent = number * 5 * SECOND;
        let age = arrivals.age(Some((sent / TICK) as u64), 0, sent + number * 50_000, true, MAX_DELAY);
        assert_eq!(age.ns, number * 50_000, "later and later");
    }
}

#[test]
fn a_drift_is_limited_to_200_ppm() {
    let mut arrivals = Arrivals::default();
    let ages: Vec<Age> = (0..30).map(|number| message(&mut arrivals, number, 0, 300)).collect();
    // 100 ppm of 145 s are left.
    assert!((ages[29].ns - 14_500_000).abs() < 20_000, "{:?}", ages[29]);
}

#[test]
fn the_error_is_smaller_the_more_messages_there_are() {
    let mut arrivals = Arrivals::default();
    let errors: Vec<i64> =
        (0..64).map(|number| message(&mut arrivals, number, number % 7 * 1000, 0).error).collect();
    assert_eq!(errors[..2], [UNKNOWN; 2]);
    assert!(errors.windows(2).all(|pair| pair[1] <= pair[0]), "{errors:?}");
    assert!(errors[63] < errors[2] / 100, "{errors:?}");
}

#[test]
fn the_error_is_larger_the_more_delays_differ() {
    let error = |unit: i64| {
        let mut arrivals = Arrivals::default();
        (0..64).map(|number| message(&mut arrivals, number, number * 31 % 17 * unit, 0).error).last().unwrap()
    };
    assert!(error(1_000_000) > 5 * error(100_000));
}

#[test]
fn a_message_that_is_late_by_seconds_does_not_change_the_others() {
    for late in [800_000_000, 3 * SECOND, 600 * SECOND] {
        let mut arrivals = Arrivals::default();
        for number in 0..10 {
            by_host(&mut arrivals, number, 100_000);
        }
        let age = by_host(&mut arrivals, 10, late);
        assert!((age.ns - late).abs() < late / 1000, "{age:?}");
        // That one arrived after the next was sent where it was that late.
        let next = by_host(&mut arrivals, 11.max(11 + late / (5 * SECOND)), 100_000);
        assert!((next.ns, next.method) == (0, Method::LeastDelay), "{next:?}");
    }
}

#[test]
fn a_host_that_is_set_forward_begins_anew_at_once() {
    for forward in [60_000_000, 3600 * SECOND] {
        let mut arrivals = Arrivals::default();
        for number in 0..10 {
            by_host(&mut arrivals, number, 100_000);
        }
        assert_eq!(by_host_set(&mut arrivals, forward, 10, 0).method, Method::Arrival);
        assert_eq!(by_host_set(&mut arrivals, forward, 11, 0).method, Method::Arrival);
        let third = by_host_set(&mut arrivals, forward, 12, 500_000);
        assert_eq!((third.ns, third.method), (500_000, Method::LeastDelay));
    }
}

#[test]
fn a_host_that_is_set_back_begins_anew_when_four_messages_agree() {
    for back in [200_000_000, 3600 * SECOND] {
        let mut arrivals = Arrivals::default();
        for number in 0..10 {
            by_host(&mut arrivals, number, 100_000);
        }
        for number in 10..13 {
            let late = by_host_set(&mut arrivals, -back, number, 50_000 * (number % 3)).ns;
            assert!((late - back).abs() < 10_000_000, "{late}");
        }
        let fourth = by_host_set(&mut arrivals, -back, 13, 200_000);
        assert!(fourth.ns <= 200_000 && fourth.method == Method::LeastDelay, "{fourth:?}");
    }
}

#[test]
fn a_host_that_is_set_back_a_little_begins_anew_when_four_messages_agree_and_says_before_how_wrong_it_may_be()
{
    for back in [20_000_000, 40_000_000] {
        let mut arrivals = Arrivals::default();
        for number in 0..20 {
            by_host(&mut arrivals, number, 100_000 + number % 3 * 30_000);
        }
        for number in 20..23 {
            let age = by_host_set(&mut arrivals, -back, number, 100_000);
            assert!(age.error >= back && age.error < 2 * back, "{age:?}");
        }
        let fourth = by_host_set(&mut arrivals, -back, 23, 100_000);
        assert!(fourth.ns < 100_000 && fourth.error < back, "{fourth:?}");
    }
}

#[test]
fn a_host_that_slews_by_500_ppm_is_followed_and_ages_say_how_wrong_they_may_be() {
    for slew in [-500, 500] {
        let mut arrivals = Arrivals::default();
        let mut worst = 0;
        for number in 0..140 {
            let slewed = (number - 20).clamp(0, 60) * 5000 * slew;
            let age = by_host_set(&mut arrivals, slewed, number, 100_000 + number % 3 * 30_000);
            let wrong = age.ns - number % 3 * 30_000;
            assert!(wrong.abs() <= age.error, "{number} {age:?}");
            worst = worst.max(wrong);
            if matches!(number, 45..80 | 105..) {
                assert!(wrong.abs() < 1_000_000 && age.error < 2_000_000, "{number} {age:?}");
            }
        }
        assert!(worst < 30_000_000, "{worst}");
    }
}

/// The counter that a message carries instead of its own, and what the message must not do to the next ones.
fn one_wrong_message(reference: u64) -> (Age, [Age; 2]) {
    let mut arrivals = Arrivals::default();
    let mut last = message(&mut arrivals, 1, 0, 0);
    for number in 2..41 {
        last = message(&mut arrivals, number, number % 7 * 20_000, 0);
    }
    let wrong = arrivals.age(Some(reference), 0, 41 * 5 * SECOND, false, MAX_DELAY);
    let next = [42, 43].map(|number| message(&mut arrivals, number, 300_000, 0));
    assert!(
        next.iter().all(|age| age.error < 2 * last.error && (age.ns - 300_000).abs() < 1_000),
        "{next:?}"
    );
    (wrong, next)
}

#[test]
fn one_late_message_or_a_counter_of_one_leaves_the_errors_of_the_next_as_they_were() {
    let at = 41 * 5 * SECOND;
    for late in [60_000_000, 900_000_000, 30 * SECOND, at - TICK] {
        let (wrong, _) = one_wrong_message(((at - late) / TICK) as u64);
        assert!((wrong.ns - late).abs() < 10_000_000 && wrong.error >= wrong.ns, "{wrong:?}");
    }
}

#[test]
fn a_counter_that_is_ahead_in_one_message_is_forgotten() {
    let at = (41 * 5 * SECOND / TICK) as u64;
    for reference in [at + 1_000_000, at + 100_000_000_000, u64::MAX] {
        let (wrong, _) = one_wrong_message(reference);
        assert_eq!(wrong, Age { ns: 0, error: UNKNOWN, method: Method::Arrival });
    }
}

#[test]
fn messages_that_are_late_by_more_than_allowed_for_ever_do_not_keep_the_old_ones_for_ever() {
    let mut arrivals = Arrivals::default();
    for number in 0..10 {
        message(&mut arrivals, number, 0, 0);
    }
    for number in 10..300 {
        message(&mut arrivals, number, (2 + number % 4) * SECOND, 0);
    }
    assert!(message(&mut arrivals, 300, 2 * SECOND, 0).ns < 10_000_000);
}

#[test]
fn messages_that_are_all_late_by_something_else_are_late() {
    let mut arrivals = Arrivals::default();
    for number in 0..10 {
        by_host(&mut arrivals, number, 100_000);
    }
    for (number, late) in [(10, 60), (11, 300), (12, 90), (13, 700), (14, 150), (15, 60), (16, 400)] {
        let age = by_host(&mut arrivals, number, late * 1_000_000);
        assert!(age.ns > late * 900_000, "{late} {age:?}");
    }
}

#[test]
fn the_window_is_64_messages_or_16_of_the_hosts_time() {
    let mut arrivals = Arrivals::default();
    for number in 0..100 {
        message(&mut arrivals, number, 0, 0);
    }
    assert_eq!(arrivals.points.len(), 64);
    for number in 100..200 {
        by_host(&mut arrivals, number, 0);
    }
    assert_eq!(arrivals.points.len(), 16);
}

#[test]
fn what_is_older_than_twenty_minutes_says_nothing() {
    let mut arrivals = Arrivals::default();
    for number in 0..10 {
        message(&mut arrivals, number, 0, 0);
    }
    assert_eq!(message(&mut arrivals, 241, 0, 0).method, Method::LeastDelay);
    assert_eq!(message(&mut arrivals, 500, 0, 0).method, Method::Arrival);
}

#[test]
fn a_reference_that_comes_or_goes_and_a_clock_that_goes_back_begin_anew() {
    let mut arrivals = Arrivals::default();
    for number in 0..5 {
        message(&mut arrivals, number, 0, 0);
    }
    assert_eq!(by_host(&mut arrivals, 5, 0).method, Method::Arrival);
    for number in 6..9 {
        by_host(&mut arrivals, number, 0);
    }
    assert_eq!(by_host(&mut arrivals, 3, 0).method, Method::Arrival);
}

proptest! {
    #[test]
    fn no_point_is_below_the_line_and_two_are_on_it(
        points in prop::collection::vec((0.0..1e10_f64, 0.0..5e6_f64), 1..64), drift in -150e-6..150e-6_f64
    ) {
        let mut points: Vec<Beside> =
            points.iter().map(|&(back, late)| Beside { x: -back, y: late - back * drift }).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        for slopes in [Slopes::None, Slopes::Limited, Slopes::Steered] {
            let line = lowest(&points, slopes);
            prop_assert!(points.iter().all(|point| line.under(*point) >= -1e-3));
            prop_assert!(points.iter().any(|point| line.under(*point) <= 1e-3));
            prop_assert!(line.slope.abs() <= slopes.most());
        }
    }

    #[test]
    fn no_other_line_below_is_nearer(points in prop::collection::vec((0.0..3e11_f64, 0.0..5e6_f64), 3..64), other in -DRIFT..DRIFT) {
        let mut points: Vec<Beside> = points.iter().map(|&(back, late)| Beside { x: -back, y: late }).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let cost = |line: Line| {
            let distance: f64 = points.iter().map(|point| line.under(*point)).sum();
            distance + DELAY * line.slope.abs() / 20e-6
        };
        let at = points.iter().map(|point| point.y - other * point.x).fold(f64::INFINITY, f64::min);
        let any = Line { at, slope: other };
        prop_assert!(cost(lowest(&points, Slopes::Limited)) <= cost(any) + 1.0);
    }
}
