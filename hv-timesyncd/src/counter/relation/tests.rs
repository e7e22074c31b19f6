use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

/// A pair at a time, on a raw clock that is faster than nominal by so many millionths.
fn at(seconds: i64, ppm: i64) -> Pair {
    let raw = seconds * SECOND + seconds * ppm * 1000;
    Pair { reference: (seconds * 10_000_000) as u64, raw, error: 400 }
}

/// How far from a true rate a relation is at a number of seconds, and what it says itself.
fn miss(relation: &Relation, seconds: i64, ppm: i64) -> (i64, i64) {
    let true_pair = at(seconds, ppm);
    let (raw, error) = relation.raw_at(true_pair.reference);
    ((raw - true_pair.raw).abs(), error)
}

#[test]
fn no_pairs_or_one_that_cannot_be_are_no_relation() {
    assert_eq!(Relation::new(&[], false), None);
    let good = at(10, 0);
    for bad in [Pair { reference: 0, ..good }, Pair { raw: -1, ..good }, Pair { error: -1, ..good }] {
        assert_eq!(Relation::new(&[at(5, 0), bad], false), None);
        assert_eq!(Relation::new(&[bad, good], false), Relation::new(&[good], false));
    }
}

#[test]
fn at_the_newest_pair_the_error_is_the_pairs_and_a_tick() {
    let relation = Relation::new(&[at(1, 0), at(100, 0)], false).unwrap();
    assert_eq!(relation.raw_at(at(100, 0).reference), (100 * SECOND, 500));
}

#[test]
fn one_pair_has_the_nominal_rate_and_an_error_of_50_ppm() {
    let relation = Relation::new(&[at(100, 0)], false).unwrap();
    for seconds in [0, 200] {
        assert_eq!(relation.raw_at(at(seconds, 0).reference), (seconds * SECOND, 500 + 5_000_000));
    }
    assert_eq!(relation.span(), 0);
}

#[test]
fn a_steady_clock_has_the_nominal_rate_exactly() {
    let relation = Relation::new(&[at(1, 40), at(100, 0)], true).unwrap();
    assert_eq!(relation.raw_at(at(100_000, 0).reference), (100_000 * SECOND, 500));
}

#[test]
fn the_rate_is_from_the_pairs_that_are_farthest_apart() {
    let pairs = [at(100, 33), at(160, 33), at(760, 33)];
    let relation = Relation::new(&pairs, false).unwrap();
    assert_eq!(relation.span(), pairs[2].raw - pairs[0].raw);
    let (miss, error) = miss(&relation, 760 + 660, 33);
    assert!(miss <= 1, "{miss}");
    assert!((500 + 800..500 + 802).contains(&error), "{error}");
}

#[test]
fn pairs_from_before_the_counter_or_the_clock_went_back_are_left_out() {
    let now = [at(1000, 20), at(1600, 20)];
    let expected = Relation::new(&now, false).unwrap();
    let older_counter =
        [at(50_000, 20), at(50_600, 20)].map(|pair| Pair { raw: pair.raw - 49_500 * SECOND, ..pair });
    let older_clock = [at(1, 20), at(2, 20)].map(|pair| Pair { raw: pair.raw + 5000 * SECOND, ..pair });
    // One that would fit is of another run, too, if one that does not is between.
    for before in [older_counter, older_clock, [at(400, 20), older_counter[1]]] {
        let all: Vec<Pair> = before.into_iter().chain(now).collect();
        assert_eq!(Relation::new(&all, false).unwrap(), expected);
    }
    assert_eq!(Relation::new(&[now[1], now[1]], false).unwrap(), Relation::new(&[now[1]], false).unwrap());
}

#[test]
fn a_rate_that_no_clock_has_is_left_out() {
    let relation = Relation::new(&[at(1000, 0), Pair { raw: 1601 * SECOND, ..at(1600, 0) }], false).unwrap();
    assert_eq!(relation.span(), 0);
    assert_eq!(relation.raw_at(16_010_000_000).0, 1602 * SECOND);
}

#[test]
fn pairs_that_are_too_close_say_nothing_but_do_not_hide_those_behind_them() {
    let close = Pair { reference: at(600, 10).reference - 1000, raw: at(600, 10).raw - 100_700, error: 400 };
    let relation = Relation::new(&[at(0, 10), at(1, 10), close, at(600, 10)], false).unwrap();
    assert_eq!(relation.span(), at(600, 10).raw - at(1, 10).raw);
    assert!(miss(&relation, 1200, 10).0 <= 2);
}

#[test]
fn a_jump_between_the_last_two_of_many_makes_the_rate_uncertain() {
    let mut pairs = vec![at(0, 10), at(600, 10), at(1200, 10), at(1800, 10)];
    pairs[3].raw += 6_000_000; // 10 ppm of 600 s
    let relation = Relation::new(&pairs, false).unwrap();
    let true_raw = at(2400, 10).raw + 6_000_000;
    let (raw, error) = relation.raw_at(at(2400, 10).reference);
    assert!((raw - true_raw).abs() <= error && error > 5_000_000, "{} {error}", raw - true_raw);
}

#[test]
fn a_pair_that_is_too_close_does_not_confirm_a_rate_with_a_jump_in_it() {
    let mut pairs = [at(1, 10), at(600, 10), at(1200, 10), at(1200, 10)];
    pairs[2].reference -= 1000;
    pairs[2].raw += 6_000_000 - 100_000;
    pairs[3].raw += 6_000_000;
    let relation = Relation::new(&pairs, false).unwrap();
    let true_raw = at(1800, 10).raw + 6_000_000;
    let (raw, error) = relation.raw_at(at(1800, 10).reference);
    assert!((raw - true_raw).abs() <= error, "{} {error}", raw - true_raw);
}

#[test]
fn a_jump_that_two_stretches_have_left_behind_is_forgotten() {
    let mut pairs = vec![at(0, 10), at(600, 10), at(1200, 10), at(1800, 10), at(2400, 10)];
    for pair in &mut pairs[2..] {
        pair.raw += 6_000_000;
    }
    let relation = Relation::new(&pairs, false).unwrap();
    assert_eq!(relation.span(), 1200 * SECOND + 12_000_000);
    assert!(relation.raw_at(at(3000, 10).reference).1 < 1500);
}

#[test]
fn a_rate_that_is_steered_a_little_has_an_error_as_large_as_it_wanders() {
    // 20.0, then 20.5 ppm.
    let mut pairs = [at(10, 20), at(1010, 20), at(2010, 20)];
    pairs[2].raw += 500_000;
    let relation = Relation::new(&pairs, false).unwrap();
    let (raw, error) = relation.raw_at(at(3010, 20).reference);
    let true_raw = at(3010, 20).raw + 1_000_000;
    assert!((raw - true_raw).abs() <= error && error < 600_000, "{} {error}", raw - true_raw);
}

proptest! {
    #[test]
    fn a_clock_within_50_ppm_is_always_within_the_error(
        ppm in -50_i64..=50,
        times in prop::collection::vec((1_i64..100_000, -400_i64..=400), 1..16),
        ask in 0_i64..400_000,
    ) {
        let mut times = times;
        times.sort_unstable();
        times.dedup_by_key(|(time, _)| *time);
        let pairs: Vec<Pair> =
            times.iter().map(|(time, off)| { let pair = at(*time, ppm); Pair { raw: pair.raw + off, ..pair } }).collect();
        let relation = Relation::new(&pairs, false).unwrap();
        let (miss, error) = miss(&relation, ask, ppm);
        prop_assert!(miss <= error, "{miss} {error}");
    }

    #[test]
    fn the_error_grows_with_the_distance(times in prop::collection::vec(1_i64..10_000, 1..5), ask in 0_u64..1 << 60) {
        let mut times = times;
        times.sort_unstable();
        let pairs: Vec<Pair> = times.iter().map(|time| at(*time, 7)).collect();
        let relation = Relation::new(&pairs, false).unwrap();
        let newest = relation.newest().reference;
        prop_assert!(relation.raw_at(newest + ask).1 <= relation.raw_at(newest + ask.saturating_mul(2)).1);
    }

    #[test]
    fn no_pairs_and_no_reference_overflow(
        pairs in prop::collection::vec((any::<u64>(), any::<i64>(), any::<i64>()), 1..16), reference: u64, steady: bool
    ) {
        let pairs: Vec<Pair> = pairs.iter().map(|&(reference, raw, error)| Pair { reference, raw, error }).collect();
        if let Some(relation) = Relation::new(&pairs, steady) {
            for reference in [reference, 0, 1, u64::MAX] {
                prop_assert!(relation.raw_at(reference).1 >= 0);
            }
        }
    }
}
