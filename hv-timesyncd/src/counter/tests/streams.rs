//! Streams of messages from simulated hosts: ages are what they are said to be, or are refused.

use proptest::prelude::*;

use super::host::{Message, World};
use crate::counter::Counter;
use crate::engine::Verdict;
use crate::sample::{Age, Method, Purpose};

const SECOND: f64 = 1e9;
const MAX_DELAY: i64 = 1_000_000_000;

/// How wrong an age is.
fn wrong(age: Age, message: Message) -> i64 {
    (age.ns - message.age).abs()
}

fn sample(counter: &mut Counter, message: Message) -> Result<Age, Verdict> {
    counter.age(Some(message.reference), message.host, message.raw, Purpose::Sample)
}

/// A counter that has pairs of its world, measured when it wanted them, up to a time.
fn measured(world: &mut World, until: f64, error: i64) -> Counter {
    let mut counter = Counter::new(MAX_DELAY);
    let mut pairs = Vec::new();
    for step in 0..(until / (5.0 * SECOND)) as u32 {
        let time = f64::from(step) * 5.0 * SECOND;
        if counter.wants_pairs(world.raw_at(time)) {
            counter.asked(world.raw_at(time));
            pairs.push(world.pair(time, error));
            counter.pairs(&pairs, false);
        }
    }
    counter
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn with_pairs_every_age_is_within_its_error(
        seed: u64, ppm in -50.0..50.0, hours in 0_u32..5, error in 0_i64..20_000, mean in 1e3..50e6
    ) {
        let mut world = World { mean, ..World::new(seed, ppm) };
        let start = 10.0 * SECOND + f64::from(hours) * 3600.0 * SECOND;
        let mut counter = measured(&mut world, start, error);
        for at in 0..200 {
            let message = world.message(start + f64::from(at) * 5.0 * SECOND);
            if message.age > MAX_DELAY {
                continue;
            }
            let age = sample(&mut counter, message).unwrap();
            prop_assert_eq!(age.method, Method::ReferenceCounter);
            prop_assert!(wrong(age, message) <= age.error, "{age:?} {message:?}");
        }
    }

    #[test]
    fn a_counter_that_jumps_forward_is_noticed_and_no_wrong_age_is_given(
        seed: u64, ppm in -50.0..50.0, jump in 2_000_000_i64..1_000_000_000_000_000
    ) {
        let mut world = World::new(seed, ppm);
        let mut counter = measured(&mut world, 100.0 * SECOND, 300);
        world.counter += jump;
        let mut refused = 0;
        for at in 0..40 {
            let message = world.message((100.0 + f64::from(at) * 5.0) * SECOND);
            match sample(&mut counter, message) {
                Err(verdict) => {
                    prop_assert_eq!(verdict, Verdict::OtherBoot);
                    refused += 1;
                }
                Ok(age) => {
                    prop_assert_ne!(age.method, Method::ReferenceCounter);
                    prop_assert!(wrong(age, message) <= age.error + 10_000_000, "{age:?} {message:?}");
                }
            }
        }
        prop_assert_eq!(refused, 2);
        prop_assert!(counter.wants_pairs(world.raw_at(1e12)));
    }

    #[test]
    fn a_counter_that_starts_anew_is_noticed_and_no_wrong_age_is_given(seed: u64, ppm in -50.0..50.0) {
        let mut world = World::new(seed, ppm);
        let mut counter = measured(&mut world, 4000.0 * SECOND, 300);
        world.counter -= 39_000_000_000;
        let verdicts: Vec<_> = (0..6)
            .map(|at| {
                let message = world.message((4000.0 + f64::from(at) * 5.0) * SECOND);
                sample(&mut counter, message).map(|age| age.method)
            })
            .collect();
        prop_assert_eq!(&verdicts[..4], &[Err(Verdict::Late); 4]);
        prop_assert_eq!(&verdicts[4..], &[Ok(Method::Arrival); 2]);
        // The old pairs, read once more, are not believed again; new ones are.
        let fresh = world.pair(4030.0 * SECOND, 300);
        counter.pairs(&[fresh], false);
        let message = world.message(4031.0 * SECOND);
        let age = sample(&mut counter, message).unwrap();
        prop_assert_eq!(age.method, Method::ReferenceCounter);
        prop_assert!(wrong(age, message) <= age.error);
    }

    #[test]
    fn nothing_that_a_host_sends_makes_it_overflow(
        pairs in prop::collection::vec((any::<u64>(), any::<i64>(), any::<i64>()), 0..6),
        messages in prop::collection::vec((any::<Option<u64>>(), any::<i64>(), any::<i64>(), 0..8_u8), 0..80),
        max: i64,
    ) {
        use crate::counter::Pair;
        let pairs: Vec<Pair> =
            pairs.iter().map(|&(reference, raw, error)| Pair { reference, raw, error }).collect();
        let mut counter = Counter::new(max);
        for (reference, host, raw, what) in messages {
            match what {
                0 => counter.doubt(),
                1 => counter.pairs(&pairs, raw & 1 == 0),
                2 => counter.steady(raw & 1 == 0),
                3 => counter.asked(raw),
                _ => {
                    let purpose = if what == 4 { Purpose::Sync } else { Purpose::Sample };
                    if let Ok(age) = counter.age(reference, host, raw, purpose) {
                        prop_assert!(age.ns >= 0 && age.error >= 0);
                        let compared = age.method == Method::LeastDelay;
                        prop_assert!(!compared || age.error <= max.max(10_000_000), "{age:?}");
                    }
                }
            }
            let _ = counter.wants_pairs(raw);
        }
    }
}

#[test]
fn the_least_delay_is_within_its_error_but_for_the_delay_that_all_have() {
    for by_counter in [true, false] {
        for steady in [true, false] {
            let (mut outside, mut all) = (0, 0);
            for seed in 0..100 {
                let ppm = if steady { 0.0 } else { (seed % 11) as f64 * 10.0 - 50.0 };
                let mut world = World { mean: 100e3 * 1.05_f64.powi(seed), ..World::new(seed as u64, ppm) };
                let mut counter = Counter::new(MAX_DELAY);
                counter.steady(steady);
                for at in 0..200 {
                    let message = world.message(f64::from(at) * 5.0 * SECOND);
                    let reference = by_counter.then_some(message.reference);
                    let age = counter.age(reference, message.host, message.raw, Purpose::Sample).unwrap();
                    all += 1;
                    outside += u32::from(wrong(age, message) > age.error + 30_000);
                }
            }
            println!("{outside} of {all} outside: by counter {by_counter}, steady {steady}");
            assert!(outside * 50 <= all, "{outside} of {all}");
        }
    }
}

/// Median and p99 of how wrong ages were, ns.
fn spread(mut wrong: Vec<i64>) -> (i64, i64) {
    wrong.sort_unstable();
    (wrong[wrong.len() / 2], wrong[wrong.len() * 99 / 100])
}

#[test]
fn each_method_is_better_than_the_one_before() {
    let mut world = World::new(20_261_126, 20.0);
    let (mut arrival, mut least_host, mut least, mut related) = (vec![], vec![], vec![], vec![]);
    let mut by_counter = Counter::new(MAX_DELAY);
    let mut by_host = Counter::new(MAX_DELAY);
    let mut by_pairs = measured(&mut world.clone(), 900.0 * SECOND, 500);
    for at in 0..5000 {
        let message = world.message(900.0 * SECOND + f64::from(at) * 5.0 * SECOND);
        let counted = sample(&mut by_counter, message).unwrap();
        let hosted = by_host.age(None, message.host, message.raw, Purpose::Sample).unwrap();
        let paired = sample(&mut by_pairs, message).unwrap();
        if at >= 64 {
            arrival.push(message.age);
            least_host.push(wrong(hosted, message));
            least.push(wrong(counted, message));
            related.push(wrong(paired, message));
        }
    }
    println!("delays: 30 us and exponential with mean 1 ms; raw clock +20 ppm; 4936 messages, 5 s apart");
    println!("{:<34} {:>12} {:>12}", "method", "median ns", "p99 ns");
    let row = |name: &str, wrong| {
        let (median, p99) = spread(wrong);
        println!("{name:<34} {median:>12} {p99:>12}");
        (median, p99)
    };
    let arrival = row("arrival", arrival);
    let least_host = row("least delay, by the host's time", least_host);
    let least = row("least delay, by the counter", least);
    let related = row("reference counter, pairs", related);
    assert!(least.1 * 5 <= arrival.1 && least_host.1 * 2 <= arrival.1);
    assert!(least.0 < least_host.0 && least_host.0 < arrival.0);
    assert!(related.1 * 5 <= least.1 && related.0 < least.0);
}
