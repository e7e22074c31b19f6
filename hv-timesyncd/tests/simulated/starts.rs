//! How many messages it takes until the clock is right to 0.1 ms and stays so, by the counter.

use crate::world::contestants::ours::{Ours, Source};
use crate::world::{Plan, Trace};
use crate::{SEEDS, figures};

/// How far the clock is off at the start, ns; what is less than a millisecond is slewed.
const STARTS: [f64; 9] = [0.0, 0.9e6, -0.9e6, 5e6, -5e6, 0.4e9, -0.4e9, 3600e9, -3600e9];
/// How many messages it may take.
const MESSAGES: usize = 3;

#[test]
fn after_the_start_the_clock_is_right_at_the_third_message_with_no_frequency_known() {
    for seed in SEEDS {
        let trace = Trace::new(Plan::quiet(seed, 0.25));
        for off in STARTS {
            let figures = figures(&trace, &mut Ours::new(Source::Pairs, trace.steady()), off);
            assert!(figures.start.is_some_and(|took| took <= MESSAGES), "{seed}, {off}: {:?}", figures.start);
        }
    }
}

#[test]
fn after_a_gap_of_an_hour_the_clock_is_right_at_the_third_message() {
    for seed in SEEDS {
        let trace = Trace::new(Plan::eventful(seed, 3.0));
        for source in [Source::Pairs, Source::Ptp] {
            let figures = figures(&trace, &mut Ours::new(source, trace.steady()), 0.0);
            assert_eq!(figures.gaps.len(), 1, "{seed}");
            assert!(figures.gaps[0].is_some_and(|took| took <= MESSAGES), "{seed}: {:?}", figures.gaps);
        }
    }
}
