//! No step that is not needed, and no way back without one.

use crate::world::contestants::ours::{Ours, Source};
use crate::world::{Plan, Trace, race};
use crate::{SEEDS, figures, traces};

const ALL: [Source; 4] = [Source::Pairs, Source::NoPairs, Source::Old, Source::Ptp];

#[test]
fn clock_that_is_right_and_a_host_that_is_steady_are_no_reason_for_a_step() {
    for seed in SEEDS {
        let trace = Trace::new(Plan::quiet(seed, 2.0));
        for source in [Source::Pairs, Source::NoPairs, Source::Old] {
            let run = race(&trace, &mut Ours::new(source, trace.steady()), 0.0);
            assert_eq!(run.steps, [], "{seed}, {source:?}");
        }
        // Where hv_utils keeps the channel it steps at the SYNC of the start, and never again.
        let run = race(&trace, &mut Ours::new(Source::Ptp, trace.steady()), 0.0);
        assert_eq!(run.steps.len(), 1, "{seed}: {:?}", run.steps);
    }
}

#[test]
fn steps_are_made_only_where_time_was_moved() {
    for trace in SEEDS.flat_map(traces) {
        for source in ALL {
            let figures = figures(&trace, &mut Ours::new(source, trace.steady()), -3600e9);
            assert_eq!(figures.needless, 0, "{}, {source:?}", trace.plan.seed);
            // The start, each of two pauses, two settings of the host's clock.
            assert!((1..=5).contains(&figures.steps), "{}, {source:?}: {}", trace.plan.seed, figures.steps);
        }
    }
}

#[test]
fn clock_never_goes_back_without_a_step() {
    for trace in SEEDS.flat_map(traces) {
        for source in ALL {
            for off in [0.0, 4.9e6, 3600e9] {
                let run = race(&trace, &mut Ours::new(source, trace.steady()), off);
                assert_eq!(run.backwards, 0, "{}, {source:?}", trace.plan.seed);
            }
        }
    }
}
