mod doubts;
pub(crate) mod host;
mod streams;

use super::related::TOLERANCE;
use super::*;

const SECOND: i64 = 1_000_000_000;
const MAX_DELAY: i64 = SECOND;

/// Pairs of a counter that is 100 ns a tick exactly, and was 0 when the raw clock was 0.
fn pair(raw: i64) -> Pair {
    Pair { reference: (raw / 100) as u64, raw, error: 200 }
}

fn with_pair(raw: i64) -> Counter {
    let mut counter = Counter::new(MAX_DELAY);
    counter.pairs(&[pair(raw)], true);
    counter
}

/// A message that was sent and arrived at these times of the raw clock.
fn age(counter: &mut Counter, sent: i64, raw: i64, purpose: Purpose) -> Result<Age, Verdict> {
    counter.age(Some((sent / 100) as u64), 0, raw, purpose)
}

fn sample(counter: &mut Counter, sent: i64, raw: i64) -> Result<Age, Verdict> {
    age(counter, sent, raw, Purpose::Sample)
}

#[test]
fn with_a_pair_the_age_is_what_has_passed_since_the_reference() {
    let mut counter = with_pair(10 * SECOND);
    let age = sample(&mut counter, 12 * SECOND, 12 * SECOND + 3_000_000).unwrap();
    assert_eq!(age, Age { ns: 3_000_000, error: 300, method: Method::ReferenceCounter });
}

#[test]
fn a_message_from_before_the_pair_is_related_as_well() {
    let mut counter = with_pair(10 * SECOND);
    assert_eq!(sample(&mut counter, 9 * SECOND, 9 * SECOND + 700).unwrap().ns, 700);
}

#[test]
fn a_reference_of_zero_is_none() {
    let mut counter = with_pair(10 * SECOND);
    assert_eq!(counter.age(Some(0), 0, 12 * SECOND, Purpose::Sample), Ok(ARRIVAL));
    assert_eq!(counter.age(None, 0, 12 * SECOND, Purpose::Sample), Ok(ARRIVAL));
}

#[test]
fn without_pairs_the_first_two_messages_are_taken_at_their_arrival_and_the_third_is_compared() {
    let mut counter = Counter::new(MAX_DELAY);
    let late = |at: i64, by: i64| (at * 5 * SECOND, at * 5 * SECOND + by);
    for (sent, raw) in [late(1, 1_000_000), late(2, 1_500_000)] {
        assert_eq!(sample(&mut counter, sent, raw), Ok(ARRIVAL));
    }
    let (sent, raw) = late(3, 4_000_000);
    let third = sample(&mut counter, sent, raw).unwrap();
    assert_eq!((third.ns, third.method), (3_000_000, Method::LeastDelay));
}

#[test]
fn a_little_too_early_is_an_age_of_zero() {
    let mut counter = with_pair(10 * SECOND);
    assert_eq!(sample(&mut counter, 12 * SECOND, 12 * SECOND - 40_000).unwrap().ns, 0);
}

#[test]
fn two_samples_that_arrive_before_they_are_sent_end_the_relation() {
    let mut counter = with_pair(10 * SECOND);
    for _ in 0..2 {
        assert!(!counter.wants_pairs(12 * SECOND));
        assert_eq!(sample(&mut counter, 13 * SECOND, 12 * SECOND), Err(Verdict::OtherBoot));
    }
    assert!(counter.wants_pairs(12 * SECOND));
    assert_eq!(sample(&mut counter, 13 * SECOND, 12 * SECOND), Ok(ARRIVAL));
}

#[test]
fn one_sample_that_arrives_before_it_is_sent_is_refused_and_forgotten() {
    let mut counter = with_pair(10 * SECOND);
    for _ in 0..5 {
        assert_eq!(sample(&mut counter, 13 * SECOND, 12 * SECOND), Err(Verdict::OtherBoot));
        assert_eq!(sample(&mut counter, 12 * SECOND, 12 * SECOND).unwrap().method, Method::ReferenceCounter);
    }
}

#[test]
fn a_sync_that_arrives_before_it_is_sent_ends_the_relation_and_is_taken_at_its_arrival() {
    let mut counter = with_pair(10 * SECOND);
    assert_eq!(age(&mut counter, 13 * SECOND, 12 * SECOND, Purpose::Sync), Ok(ARRIVAL));
    assert_eq!(sample(&mut counter, 13 * SECOND, 12 * SECOND), Ok(ARRIVAL));
    assert!(counter.wants_pairs(12 * SECOND));
}

#[test]
fn a_relation_that_has_ended_does_not_come_back_with_the_same_pair() {
    let mut counter = with_pair(10 * SECOND);
    assert_eq!(age(&mut counter, 13 * SECOND, 12 * SECOND, Purpose::Sync), Ok(ARRIVAL));
    counter.pairs(&[pair(10 * SECOND)], true);
    assert_eq!(sample(&mut counter, 13 * SECOND, 12 * SECOND), Ok(ARRIVAL));
    counter.pairs(&[pair(10 * SECOND), Pair { raw: 12 * SECOND, ..pair(13 * SECOND) }], true);
    assert_eq!(sample(&mut counter, 13 * SECOND, 12 * SECOND + 500).unwrap().ns, 500);
}

#[test]
fn a_sample_that_is_older_than_allowed_is_late_and_pairs_are_wanted() {
    let mut counter = with_pair(10 * SECOND);
    assert!(sample(&mut counter, 11 * SECOND, 12 * SECOND).is_ok());
    assert!(!counter.wants_pairs(12 * SECOND));
    assert_eq!(sample(&mut counter, 11 * SECOND, 12 * SECOND + 1), Err(Verdict::Late));
    assert!(counter.wants_pairs(12 * SECOND));
    assert!(sample(&mut counter, 13 * SECOND, 13 * SECOND).is_ok(), "the relation stays");
}

#[test]
fn a_new_limit_holds_from_the_next_message_on() {
    let mut counter = with_pair(10 * SECOND);
    counter.set_max_delay(5_000_000);
    assert_eq!(sample(&mut counter, 11 * SECOND, 11 * SECOND + 5_000_001), Err(Verdict::Late));
    counter.set_max_delay(-1);
    assert!(sample(&mut counter, 11 * SECOND, 11 * SECOND).is_ok());
}

#[test]
fn four_late_samples_in_a_row_end_the_relation() {
    let mut counter = with_pair(10 * SECOND);
    for at in 20..24 {
        assert_eq!(sample(&mut counter, 11 * SECOND, at * SECOND), Err(Verdict::Late));
    }
    assert_eq!(sample(&mut counter, 11 * SECOND, 24 * SECOND), Ok(ARRIVAL));
}

#[test]
fn a_pair_that_is_measured_while_samples_are_late_shows_that_the_host_is_slow() {
    let mut counter = with_pair(10 * SECOND);
    for at in 20..50 {
        assert_eq!(sample(&mut counter, (at - 2) * SECOND, at * SECOND), Err(Verdict::Late));
        if at % 3 == 0 {
            assert!(counter.wants_pairs(at * SECOND + 1));
            counter.pairs(&[pair(10 * SECOND), pair(at * SECOND + 1)], true);
            assert!(!counter.wants_pairs(at * SECOND + 1));
        }
    }
}

#[test]
fn in_doubt_the_error_is_as_large_as_the_least_delay_until_a_new_pair_comes() {
    let mut counter = with_pair(10 * SECOND);
    counter.doubt();
    let error =
        |counter: &mut Counter, delay: i64| sample(counter, 12 * SECOND, 12 * SECOND + delay).unwrap().error;
    assert_eq!(error(&mut counter, 2_000_000), 2_000_000 + TOLERANCE + 300);
    assert_eq!(error(&mut counter, 400_000), 400_000 + TOLERANCE + 300);
    assert_eq!(error(&mut counter, 3_000_000), 400_000 + TOLERANCE + 300);
    counter.pairs(&[pair(10 * SECOND)], true);
    assert!(counter.wants_pairs(13 * SECOND), "the same pair says nothing new");
    counter.pairs(&[pair(13 * SECOND)], true);
    assert_eq!(error(&mut counter, 3_000_000), 300);
}

#[test]
fn a_pair_from_before_the_doubt_does_not_end_it() {
    let mut counter = with_pair(10 * SECOND);
    sample(&mut counter, 20 * SECOND, 20 * SECOND).unwrap();
    counter.doubt();
    counter.pairs(&[pair(10 * SECOND), pair(19 * SECOND)], true);
    assert!(counter.wants_pairs(21 * SECOND));
    counter.pairs(&[pair(10 * SECOND), pair(19 * SECOND), pair(21 * SECOND)], true);
    assert!(!counter.wants_pairs(22 * SECOND));
}

#[test]
fn a_doubt_keeps_the_relation_and_forgets_the_arrivals() {
    let mut counter = with_pair(10 * SECOND);
    counter.doubt();
    assert_eq!(sample(&mut counter, 12 * SECOND, 12 * SECOND).unwrap().method, Method::ReferenceCounter);
    let mut counter = Counter::new(MAX_DELAY);
    for at in 1..9 {
        let compared = sample(&mut counter, at * SECOND, at * SECOND).unwrap();
        assert_eq!(compared.method == Method::LeastDelay, at > 2);
    }
    counter.doubt();
    assert_eq!(sample(&mut counter, 9 * SECOND, 9 * SECOND + 5), Ok(ARRIVAL));
}

#[test]
fn a_sync_is_compared_with_nothing_before_it() {
    let mut counter = Counter::new(MAX_DELAY);
    for at in 1..9 {
        sample(&mut counter, at * SECOND, at * SECOND).unwrap();
    }
    assert_eq!(age(&mut counter, SECOND, 10 * SECOND, Purpose::Sync), Ok(ARRIVAL));
    assert_eq!(sample(&mut counter, 2 * SECOND, 11 * SECOND), Ok(ARRIVAL));
}

#[test]
fn without_pairs_what_is_far_later_than_others_is_late() {
    let mut counter = Counter::new(MAX_DELAY);
    sample(&mut counter, 5 * SECOND, 5 * SECOND).unwrap();
    assert_eq!(sample(&mut counter, 10 * SECOND, 12 * SECOND), Err(Verdict::Late));
}

#[test]
fn no_pairs_are_no_relation() {
    let mut counter = with_pair(10 * SECOND);
    counter.pairs(&[], true);
    assert!(counter.wants_pairs(12 * SECOND));
    assert_eq!(sample(&mut counter, 12 * SECOND, 12 * SECOND), Ok(ARRIVAL));
}

#[test]
fn a_clock_that_is_no_longer_the_counter_itself_may_drift() {
    let mut counter = with_pair(10 * SECOND);
    counter.steady(false);
    assert_eq!(sample(&mut counter, 110 * SECOND, 110 * SECOND).unwrap().error, 300 + 5_000_000);
    counter.steady(true);
    assert_eq!(sample(&mut counter, 110 * SECOND, 110 * SECOND).unwrap().error, 300);
}

#[test]
fn pairs_are_wanted_after_seconds_after_a_minute_after_ten_and_every_hour() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut pairs = Vec::new();
    let mut measured = Vec::new();
    for second in 0..4 * 3600 {
        let now = (second + 1) * SECOND;
        if counter.wants_pairs(now) {
            counter.asked(now);
            pairs.push(pair(now));
            counter.pairs(&pairs, false);
            measured.push(second);
        }
    }
    assert_eq!(measured, [0, 4, 64, 664, 4264, 7864, 11464]);
}

#[test]
fn where_the_clock_is_the_counter_itself_one_pair_is_enough() {
    let mut counter = with_pair(SECOND);
    assert!(!counter.wants_pairs(i64::MAX));
    counter.doubt();
    assert!(counter.wants_pairs(2 * SECOND));
    counter.pairs(&[pair(2 * SECOND)], true);
    assert!(!counter.wants_pairs(i64::MAX));
}

#[test]
fn a_helper_that_was_just_asked_is_not_asked_again_even_in_doubt() {
    let mut counter = with_pair(SECOND);
    counter.asked(10 * SECOND);
    counter.doubt();
    assert!(!counter.wants_pairs(14 * SECOND - 1));
    assert!(counter.wants_pairs(14 * SECOND));
}

/// At which seconds of four hours the helper is asked, and does not answer.
fn asked_in_vain(counter: &mut Counter, from: i64) -> Vec<i64> {
    let mut asked = Vec::new();
    for second in from..from + 4 * 3600 {
        if counter.wants_pairs(second * SECOND) {
            counter.asked(second * SECOND);
            asked.push(second - from);
        }
    }
    asked
}

#[test]
fn a_helper_that_does_not_answer_is_asked_less_and_less_until_it_does() {
    let mut counter = with_pair(SECOND);
    counter.doubt();
    let often = [0, 4, 12, 28, 60, 124, 252, 508, 1020, 2044, 4092, 7692, 11292];
    assert_eq!(asked_in_vain(&mut counter, 2), often);
    counter.pairs(&[pair(4 * 3600 * SECOND)], true);
    counter.doubt();
    counter.asked(5 * 3600 * SECOND);
    assert!(counter.wants_pairs((5 * 3600 + 4) * SECOND), "it answered meanwhile");
}

#[test]
fn a_helper_that_has_never_answered_is_asked_four_times_and_then_after_a_sync_once_in_an_hour() {
    let mut counter = Counter::new(MAX_DELAY);
    assert_eq!(asked_in_vain(&mut counter, 0), [0, 4, 12, 28]);
    let mut asked = Vec::new();
    for second in (4 * 3600..24 * 3600).step_by(5) {
        if (6..8).contains(&(second / 3600)) {
            age(&mut counter, second * SECOND, second * SECOND, Purpose::Sync).unwrap();
        }
        if counter.wants_pairs(second * SECOND) {
            counter.asked(second * SECOND);
            asked.push(second / 3600);
        }
    }
    assert_eq!(asked, [6, 7, 8]);
    counter.pairs(&[pair(25 * 3600 * SECOND)], false);
    assert!(counter.wants_pairs((25 * 3600 + 4) * SECOND), "there is something to be read after all");
}

#[test]
fn a_helper_that_was_asked_four_times_in_a_row_has_not_answered() {
    let mut counter = Counter::new(MAX_DELAY);
    for second in 1..5 {
        assert!(!counter.unanswered());
        counter.asked(second * SECOND);
    }
    assert!(counter.unanswered());
    counter.pairs(&[pair(5 * SECOND)], true);
    assert!(!counter.unanswered());
}

#[test]
fn a_host_that_sends_sync_every_four_seconds_has_the_helper_asked_every_four_seconds() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut asked = 0;
    for second in (100..160).step_by(4) {
        age(&mut counter, second * SECOND, second * SECOND, Purpose::Sync).unwrap();
        if counter.wants_pairs(second * SECOND) {
            counter.asked(second * SECOND);
            counter.pairs(&[pair(second * SECOND + 1)], true);
            asked += 1;
        }
    }
    // The unit has a limit of twice that: tests/counter.rs.
    assert_eq!(asked, 15);
}

#[test]
fn a_clock_that_began_anew_does_not_keep_from_asking() {
    let mut counter = Counter::new(MAX_DELAY);
    counter.asked(1000 * SECOND);
    assert!(counter.wants_pairs(SECOND));
}

/// A pair of a raw clock that is faster than nominal by so many millionths, and of a counter that was moved on by `moved` ns.
fn pair_of(seconds: i64, ppm: i64, moved: i64) -> Pair {
    Pair {
        reference: ((seconds * SECOND + moved) / 100) as u64,
        raw: seconds * (SECOND + ppm * 1000),
        error: 200,
    }
}

#[test]
fn after_a_doubt_a_pair_from_before_says_no_more_where_the_line_is() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut pairs = vec![pair_of(10, 3, 0), pair_of(600, 3, 0)];
    counter.pairs(&pairs, false);
    assert!(sample(&mut counter, 700 * SECOND, 700 * SECOND + 2_100_000).unwrap().ns < 10_000);
    counter.doubt();
    // The counter is 300 µs further than it was, which over 110 s looks like 2.7 ppm.
    pairs.push(pair_of(710, 3, 300_000));
    counter.pairs(&pairs, false);
    let age = sample(&mut counter, 810 * SECOND + 300_000, 810 * (SECOND + 3000) + 100_000).unwrap();
    assert!((age.ns - 100_000).abs() < 1_000, "{age:?}");
    assert!((100_000..110_000).contains(&age.error), "the rate from before, to a millionth: {age:?}");
}

#[test]
fn after_a_doubt_two_pairs_tell_the_rate_anew() {
    let mut counter = Counter::new(MAX_DELAY);
    let mut pairs = vec![pair_of(10, 3, 0), pair_of(600, 3, 0)];
    counter.pairs(&pairs, false);
    sample(&mut counter, 700 * SECOND, 700 * SECOND + 2_100_000).unwrap();
    counter.doubt();
    pairs.extend([pair_of(710, 1, 0), pair_of(770, 1, 0)]);
    counter.pairs(&pairs, false);
    assert!(!counter.wants_pairs(771 * SECOND));
    assert!(counter.wants_pairs(1371 * SECOND), "it is known only from a minute");
    let age = sample(&mut counter, 870 * SECOND, 870 * (SECOND + 1000) + 100_000).unwrap();
    assert!((age.ns - 100_000).abs() < 100 && age.error < 2_000, "{age:?}");
}

#[test]
fn after_a_doubt_the_pairs_from_before_serve_until_there_is_one() {
    let mut counter = with_pair(10 * SECOND);
    counter.doubt();
    counter.pairs(&[pair(10 * SECOND)], true);
    assert_eq!(
        sample(&mut counter, 12 * SECOND, 12 * SECOND + 500).unwrap().method,
        Method::ReferenceCounter
    );
}
#[test]
fn a_host_whose_counter_is_another_one_does_not_have_the_helper_asked_for_ever() {
    let mut counter = Counter::new(MAX_DELAY);
    let (mut asked, mut compared) = (0, 0);
    for at in 0..12 * 720 {
        let now = (at + 1) * 5 * SECOND;
        if counter.wants_pairs(now) {
            counter.asked(now);
            counter.pairs(&[pair(now)], false);
            asked += 1;
        }
        let age = sample(&mut counter, now + 77 * SECOND, now + 1000 + at % 7);
        compared += i32::from(age.is_ok_and(|age| age.method == Method::LeastDelay));
    }
    assert!(asked <= 10 + 12, "{asked} in 12 hours");
    assert!(compared > 8500, "{compared} of 8640");
}

#[test]
fn a_message_that_agrees_with_the_relation_has_the_helper_asked_soon_again() {
    for agrees in [true, false] {
        let mut counter = with_pair(10 * SECOND);
        counter.asked(20 * SECOND);
        age(&mut counter, 21 * SECOND, 20 * SECOND, Purpose::Sync).unwrap();
        counter.pairs(&[Pair { raw: 20 * SECOND, ..pair(21 * SECOND) }], true);
        if agrees {
            sample(&mut counter, 23 * SECOND, 22 * SECOND).unwrap();
        }
        counter.doubt();
        assert_eq!(counter.wants_pairs(25 * SECOND), agrees);
        assert!(counter.wants_pairs(30 * SECOND));
    }
}
