//! How much is let through in how much time, by a clock of the test's.

use super::*;

fn rate(bytes_per_second: u64) -> Rate {
    Rate::new(NonZeroU64::new(bytes_per_second))
}

/// A host that sends `piece` after each answer: how long `count` pieces take.
fn time(rate: &mut Rate, piece: u64, count: u32) -> Duration {
    let begin = Instant::now();
    let mut now = begin;
    for _ in 0..count {
        now = rate.take(now, piece).unwrap_or(now);
    }
    now - begin
}

#[test]
fn without_a_limit_nothing_waits() {
    assert_eq!(time(&mut Rate::new(None), u64::MAX, 1000), Duration::ZERO);
}

#[test]
fn so_many_bytes_take_so_long_but_for_what_the_bucket_holds() {
    for (limit, piece, count) in
        [(1 << 20, 6144, 2000), (100 << 20, 6144, 100_000), (1024, 6144, 10), (7, 1, 100)]
    {
        let whole = Duration::from_secs_f64(piece as f64 * f64::from(count) / limit as f64);
        let took = time(&mut rate(limit), piece, count);
        // A last piece may be on its way still.
        let least = whole.saturating_sub(HOLDS + LEAST);
        assert!(took >= least && took <= whole, "{limit} {piece}: {took:?} of {whole:?}");
    }
}

#[test]
fn delay_is_never_shorter_than_a_timer_is_good_for() {
    let (mut rate, now) = (rate(100 << 20), Instant::now());
    for _ in 0..10_000 {
        if let Some(due) = rate.take(now, 6144) {
            assert!(due >= now + LEAST);
            return;
        }
    }
    panic!("nothing waits");
}

#[test]
fn pause_fills_the_bucket_once_and_not_more() {
    let (mut rate, begin) = (rate(1_000_000), Instant::now());
    assert!(rate.take(begin, 10_000_000).is_some());
    let later = begin + Duration::from_secs(3600);
    assert_eq!(rate.take(later, 100_000), None, "as much as it holds");
    assert_eq!(rate.take(later, 100_000), Some(later + HOLDS), "and no more");
}

#[test]
fn another_limit_forgives_and_the_same_does_not() {
    let (mut rate, now) = (rate(1000), Instant::now());
    assert!(rate.take(now, 6144).is_some());
    rate.set(NonZeroU64::new(1000));
    assert!(rate.take(now, 1).is_some());
    rate.set(NonZeroU64::new(1_000_000));
    assert_eq!(rate.take(now, 6144), None);
    rate.set(None);
    assert_eq!(rate.take(now, u64::MAX), None);
}
