//! Nearer to the host's clock than those that are there today.

use crate::world::{Contestant, Figures, Trace, contestants};
use crate::{SEEDS, figures, traces};

/// The kernel alone, chronyd beside it, and ours, in one world.
fn compare(trace: &Trace, all: Vec<Box<dyn Contestant>>) -> [Figures; 4] {
    let mut all = all.into_iter().map(|mut each| figures(trace, each.as_mut(), 5e6));
    std::array::from_fn(|_| all.next().expect("there are four"))
}

#[track_caller]
fn nearer(trace: &Trace, ours: &Figures, chrony: &Figures, kernel: &Figures) {
    let seed = trace.plan.seed;
    assert!(ours.p99 <= chrony.p99, "{seed}: {ours:?} {chrony:?}");
    assert!(ours.p99 <= kernel.p99 / 10.0, "{seed}: {ours:?} {kernel:?}");
    assert!(ours.median <= chrony.median, "{seed}: {ours:?} {chrony:?}");
}

#[test]
fn with_the_counter_ours_is_nearer_than_chronyd_and_ten_times_nearer_than_the_kernel() {
    for trace in SEEDS.flat_map(traces) {
        let [kernel, chrony, ptp, pairs] = compare(&trace, contestants::with_reference(&trace));
        nearer(&trace, &pairs, &chrony, &kernel);
        nearer(&trace, &ptp, &chrony, &kernel);
        assert!(pairs.median < 5e3, "{pairs:?}");
    }
}

/// Delays that all messages have in common are seen by nobody; chronyd's extrapolation between messages may hide a part of
/// them by chance, so medians are not compared.
#[test]
fn without_the_counter_ours_is_still_nearer_at_the_99th_percentile() {
    for trace in SEEDS.flat_map(traces) {
        let seed = trace.plan.seed;
        let [kernel, chrony, old, no_pairs] = compare(&trace, contestants::without_reference(&trace));
        for ours in [old, no_pairs] {
            assert!(ours.p99 <= chrony.p99, "{seed}: {ours:?} {chrony:?}");
            assert!(ours.p99 <= kernel.p99 / 10.0, "{seed}: {ours:?} {kernel:?}");
            assert!(ours.median < 200e3, "{seed}: {ours:?}");
        }
    }
}
