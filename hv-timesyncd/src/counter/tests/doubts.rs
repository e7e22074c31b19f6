//! Situations in which the relation is in doubt: what a message is taken for, and which pairs are believed.

use super::host::Dice;
use super::*;

/// A SYNC that waited so long; a message agreed with the relation so long before it arrived, if one did.
fn sync_that_waited(wait: i64, confirmed: Option<i64>) -> (Counter, Result<Age, Verdict>) {
    let mut counter = with_pair(10 * SECOND);
    let arrival = 10_000 * SECOND;
    if let Some(before) = confirmed {
        sample(&mut counter, arrival - before - 700, arrival - before).unwrap();
    }
    let taken = age(&mut counter, arrival - wait, arrival, Purpose::Sync);
    (counter, taken)
}

#[test]
fn a_sync_that_waited_two_seconds_is_taken_by_a_relation_that_a_message_just_agreed_with() {
    for wait in [2 * SECOND, 60 * SECOND] {
        let (mut counter, taken) = sync_that_waited(wait, Some(100 * SECOND));
        let error = wait + TOLERANCE + 300;
        assert_eq!(taken, Ok(Age { ns: wait, error, method: Method::ReferenceCounter }));
        assert!(counter.wants_pairs(10_000 * SECOND));
        let next = sample(&mut counter, 10_005 * SECOND, 10_005 * SECOND + 800).unwrap();
        assert_eq!(next, Age { ns: 800, error: 800 + TOLERANCE + 300, method: Method::ReferenceCounter });
    }
}

#[test]
fn a_sync_that_waited_is_taken_at_its_arrival_where_no_message_agreed_lately_and_says_how_wrong_that_may_be()
{
    for confirmed in [None, Some(121 * SECOND)] {
        let (mut counter, taken) = sync_that_waited(19 * SECOND, confirmed);
        assert_eq!(taken, Ok(Age { ns: 0, error: 19 * SECOND, method: Method::Arrival }));
        assert!(counter.wants_pairs(10_000 * SECOND));
        let next = sample(&mut counter, 10_005 * SECOND, 10_005 * SECOND + 800).unwrap();
        assert_eq!((next.ns, next.method), (800, Method::ReferenceCounter), "the relation stays");
    }
}

#[test]
fn a_channel_that_was_lost_leaves_the_relation_unconfirmed() {
    let mut counter = with_pair(10 * SECOND);
    sample(&mut counter, 20 * SECOND, 20 * SECOND).unwrap();
    counter.doubt();
    let taken = age(&mut counter, 20 * SECOND, 22 * SECOND, Purpose::Sync).unwrap();
    assert_eq!(taken, Age { ns: 0, error: 2 * SECOND, method: Method::Arrival });
}

#[test]
fn a_sync_that_waited_for_more_than_a_minute_ends_the_relation_and_is_taken_at_its_arrival() {
    for confirmed in [None, Some(5 * SECOND)] {
        let (mut counter, taken) = sync_that_waited(61 * SECOND, confirmed);
        assert_eq!(taken, Ok(Age { ns: 0, error: 60 * SECOND, method: Method::Arrival }));
        // The counter has begun anew: no sample is refused for that.
        assert_eq!(sample(&mut counter, 9_944 * SECOND, 10_005 * SECOND), Ok(ARRIVAL));
    }
}

/// CLOCK_MONOTONIC_RAW at a time, where it runs faster by so many ppm from 2000 s on.
fn faster(ppm: i64, time: i64) -> i64 {
    time + (time - 2000 * SECOND).max(0) / 1_000_000 * ppm
}

fn pair_of_faster(ppm: i64, time: i64) -> Pair {
    Pair { reference: (time / 100) as u64, raw: faster(ppm, time), error: 200 }
}

fn related_before(ppm: i64) -> (Counter, Vec<Pair>) {
    let mut counter = Counter::new(MAX_DELAY);
    let pairs: Vec<Pair> = [600, 1200, 1800].map(|time| pair_of_faster(ppm, time * SECOND)).into();
    counter.pairs(&pairs, false);
    (counter, pairs)
}

/// Messages each 5 s from 1800 s on, on such a clock; the helper answers at once if it is there. How wrong the last 100 of 400
/// ages are, and how wrong they say, at most; and how often the helper was asked.
fn followed(ppm: i64, helper: bool) -> (i64, i64, u32) {
    let (mut counter, mut pairs) = related_before(ppm);
    let (mut wrong, mut said, mut asked) = (0, 0, 0);
    let mut noticed = false;
    for number in 0..400 {
        let sent = 1800 * SECOND + number * 5 * SECOND;
        let arrived = sent + 60_000;
        let age = sample(&mut counter, sent, faster(ppm, arrived)).unwrap();
        let off = (age.ns - 60_000).abs();
        if number >= 300 {
            (wrong, said) = (wrong.max(off), said.max(age.error));
        }
        let wants = counter.wants_pairs(faster(ppm, arrived));
        assert!(number >= 40 || !wants);
        noticed |= wants;
        assert!(noticed || number < 60);
        assert!(!noticed || off <= age.error, "{number}: {off} {age:?}");
        if helper && wants {
            asked += 1;
            counter.asked(faster(ppm, arrived));
            pairs.push(pair_of_faster(ppm, arrived + 200_000_000));
            counter.pairs(&pairs, false);
        }
    }
    (wrong, said, asked)
}

#[test]
fn a_raw_clock_that_becomes_faster_without_a_sync_is_noticed_and_measured_anew() {
    for ppm in [5, 50, 300] {
        let (wrong, said, asked) = followed(ppm, true);
        assert!(wrong < 1_000 && said < 5_000, "{ppm} ppm: {wrong} {said}");
        assert!(asked < 10, "{asked}");
    }
}

#[test]
fn a_raw_clock_that_becomes_faster_without_a_sync_is_said_to_be_wrong_where_no_helper_answers() {
    for ppm in [5, 50, 300] {
        let (wrong, said, _) = followed(ppm, false);
        assert!(wrong > 5_000 * ppm * 300 && said >= wrong, "{ppm} ppm: {wrong} {said}");
    }
}

#[test]
fn a_raw_clock_that_became_faster_has_another_rate_after_a_sync_as_well() {
    let ppm = 40;
    let (mut counter, mut pairs) = related_before(ppm);
    let mut time = 1800 * SECOND;
    while !counter.wants_pairs(faster(ppm, time)) {
        time += 5 * SECOND;
        sample(&mut counter, time, faster(ppm, time + 60_000)).unwrap();
    }
    time += 5 * SECOND;
    age(&mut counter, time, faster(ppm, time + 60_000), Purpose::Sync).unwrap();
    pairs.push(pair_of_faster(ppm, time + SECOND));
    counter.pairs(&pairs, false);
    let age = sample(&mut counter, time + 100 * SECOND, faster(ppm, time + 100 * SECOND + 60_000)).unwrap();
    assert!((age.ns - 60_000).abs() <= age.error, "{age:?}");
}

#[test]
fn a_machine_that_is_busy_half_of_the_time_has_the_helper_asked_every_ten_minutes_at_most() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut dice = Dice::new(7);
    let mut pairs = Vec::new();
    let mut asked = 0;
    for number in 0..12 * 720 {
        let sent = (number + 1) * 5 * SECOND;
        let busy = number / 20 % 2 == 1;
        let least = if busy { 3_000_000 } else { 30_000 };
        let delay = least + dice.exponential(100e3) as i64;
        let age = sample(&mut counter, sent, sent + delay);
        assert!(age.is_ok_and(|age| pairs.is_empty() || (age.ns - delay).abs() <= age.error));
        if counter.wants_pairs(sent + delay) {
            asked += 1;
            counter.asked(sent + delay);
            pairs.push(pair(sent + delay + 100_000_000));
            counter.pairs(&pairs, false);
        }
    }
    assert!(asked <= 12 * 6 + 4, "{asked} in 12 hours");
}

#[test]
fn messages_that_take_a_millisecond_in_the_mean_are_no_doubt() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut dice = Dice::new(20);
    let pairs = [pair(SECOND), pair(601 * SECOND)];
    counter.pairs(&pairs, true);
    let mut doubts = 0;
    for number in 0..10_000 {
        let sent = (1000 + number * 5) * SECOND;
        let delay = 30_000 + dice.exponential(1e6) as i64;
        let age = sample(&mut counter, sent, sent + delay).unwrap();
        doubts += u32::from(age.error > 300);
        if counter.wants_pairs(sent + delay) {
            counter.asked(sent + delay);
            counter.pairs(&[pair(sent + delay + 100_000_000)], true);
        }
    }
    assert!(doubts <= 20, "{doubts} of 10000");
}

/// A counter with a doubt at 1010 s, and a pair after it that is where it was expected; how wrong it says to be after 600 s.
fn after_a_pair_that_was_foreseen(sync: bool) -> (Age, bool) {
    let mut counter = Counter::new(MAX_DELAY);
    let mut pairs = vec![pair(10 * SECOND), pair(600 * SECOND)];
    counter.pairs(&pairs, false);
    let mut message = |seconds: i64, late: i64| {
        let purpose = if sync && seconds == 1010 { Purpose::Sync } else { Purpose::Sample };
        age(&mut counter, seconds * SECOND, seconds * SECOND + late, purpose).unwrap()
    };
    for number in 0..40 {
        // Busy from the 30th on.
        message(610 + number * 10, 100_000 + number / 30 * 400_000);
    }
    message(1010, 500_000);
    assert!(counter.wants_pairs(1010 * SECOND));
    pairs.push(pair(1011 * SECOND));
    counter.pairs(&pairs, false);
    let age = sample(&mut counter, 1611 * SECOND, 1611 * SECOND + 100_000).unwrap();
    assert_eq!(age.ns, 100_000);
    (age, counter.wants_pairs(1611 * SECOND))
}

#[test]
fn a_pair_that_is_where_it_was_expected_ends_the_doubt_of_a_rate() {
    let (age, wants) = after_a_pair_that_was_foreseen(false);
    assert!(age.error < 1_500, "{age:?}");
    assert!(!wants, "an hour is early enough");
}

#[test]
fn a_pair_that_is_where_it_was_expected_says_nothing_of_the_rate_after_a_sync() {
    let (age, wants) = after_a_pair_that_was_foreseen(true);
    assert!(age.error > 600_000 && wants, "{age:?}");
}

#[test]
fn a_suspicion_that_was_none_does_not_bring_back_pairs_from_before_a_restore() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut pairs = vec![pair_of(10, 3, 0), pair_of(600, 3, 0)];
    counter.pairs(&pairs, false);
    // At 610 s restored, 30 µs further, which is too little for messages to notice.
    let message = |counter: &mut Counter, seconds: i64, late: i64| {
        let purpose = if seconds == 610 { Purpose::Sync } else { Purpose::Sample };
        age(counter, seconds * SECOND + 30_000, seconds * (SECOND + 3000) + late, purpose).unwrap()
    };
    message(&mut counter, 610, 100_000);
    pairs.extend([611, 616, 676].map(|seconds| pair_of(seconds, 3, 30_000)));
    counter.pairs(&pairs, false);
    for number in 0..40 {
        message(&mut counter, 680 + number * 5, 100_000 + number / 30 * 400_000);
    }
    assert!(counter.suspected.is_some());
    pairs.push(pair_of(881, 3, 30_000));
    counter.pairs(&pairs, false);
    assert!(counter.suspected.is_none());
    let age = message(&mut counter, 1881, 100_000);
    assert!((age.ns - 100_000).abs() <= 100 && age.error < 10_000, "{age:?}");
}

#[test]
fn a_relation_that_ended_without_a_sync_leaves_no_pair_for_a_rate() {
    for twice in [false, true] {
        let mut counter = Counter::new(MAX_DELAY);
        let mut pairs = vec![pair_of(10, 3, 0)];
        if twice {
            pairs.push(pair_of(600, 3, 0));
        }
        counter.pairs(&pairs, false);
        // The counter was moved on by 60 ms.
        let moved = 60_000_000;
        let arrival = |seconds: i64| seconds * (SECOND + 3000) + 100_000;
        for seconds in [700, 705] {
            let refused = sample(&mut counter, seconds * SECOND + moved, arrival(seconds));
            assert_eq!(refused, Err(Verdict::OtherBoot));
        }
        for seconds in [710, 716] {
            pairs.push(pair_of(seconds, 3, moved));
            counter.pairs(&pairs, false);
            let age = sample(&mut counter, 810 * SECOND + moved, arrival(810)).unwrap();
            assert!((age.ns - 100_000).abs() <= age.error, "{age:?}");
            assert_eq!(age.error < 100_000, seconds == 716, "one pair tells no rate: {age:?}");
        }
    }
}

#[test]
fn a_late_message_has_the_next_pair_looked_at_alone() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut pairs = vec![pair_of(10, 3, 0), pair_of(600, 3, 0)];
    counter.pairs(&pairs, false);
    // A restore without a SYNC, which moves the counter back.
    let moved = -30 * SECOND;
    let arrival = |seconds: i64| seconds * (SECOND + 3000) + 100_000;
    assert_eq!(sample(&mut counter, 700 * SECOND + moved, arrival(700)), Err(Verdict::Late));
    pairs.push(pair_of(704, 3, moved));
    counter.pairs(&pairs, false);
    let age = sample(&mut counter, 705 * SECOND + moved, arrival(705)).unwrap();
    assert!((age.ns - 100_000).abs() <= age.error && age.error < 2_000, "{age:?}");
}

#[test]
fn of_two_messages_the_error_of_the_second_is_what_it_is_later() {
    let mut counter = Counter::new(MAX_DELAY);
    sample(&mut counter, 5 * SECOND, 5 * SECOND).unwrap();
    let second = sample(&mut counter, 10 * SECOND, 10 * SECOND + 900_000_000).unwrap();
    assert_eq!(second, Age { ns: 0, error: 900_000_000, method: Method::Arrival });
}

#[test]
fn a_message_that_is_refused_as_late_has_no_say_in_the_errors_of_others() {
    let mut counter = Counter::new(10_000_000);
    let mut message = |number: i64, late: i64| {
        let sent = number * 5 * SECOND;
        sample(&mut counter, sent, sent + late)
    };
    for number in 1..40 {
        message(number, number % 7 * 20_000).unwrap();
    }
    let before = message(40, 100_000).unwrap();
    assert_eq!(message(41, 30_000_000), Err(Verdict::Late));
    let after = message(42, 100_000).unwrap();
    assert!(after.error <= before.error && after.ns == before.ns, "{before:?} {after:?}");
}
