//! Whether the model of chronyd does what chronyd's documentation says that it does; it would be no honest neighbour else.

use crate::world::contestants::chrony::Chrony;
use crate::world::{Figures, MINUTE, Plan, SECOND, Trace, What, race};

/// What the PTP clock is wrong by in the mean: it runs as the counter does for the 5 s between two messages.
fn lag(trace: &Trace) -> f64 {
    let hour = 60.0 * MINUTE;
    let counted = trace.counter(hour) - trace.counter(0.0);
    (counted / (trace.truth(hour) - trace.truth(0.0)) - 1.0) * 2.5 * SECOND
}

#[test]
fn it_follows_the_ptp_clock_and_so_is_off_by_what_that_is_off() {
    for seed in [1, 3, 5, 7] {
        let trace = Trace::new(Plan::with(seed, 1.0, vec![]));
        let run = race(&trace, &mut Chrony::new(true), 0.4e9);
        let settled: Vec<f64> = run.moments.iter().skip(600).map(|moment| moment.error).collect();
        let mean = settled.iter().sum::<f64>() / settled.len() as f64;
        assert!((mean - lag(&trace)).abs() < 8e3, "{seed}: {mean} {}", lag(&trace));
        let worst = settled.iter().map(|error| (error - mean).abs()).fold(0.0, f64::max);
        assert!(worst < 100e3, "{seed}: {worst}");
    }
}

#[test]
fn host_that_is_set_by_more_than_a_second_is_stepped_after_and_by_less_slewed() {
    for (by, steps) in [(0.3, 1), (-2.0, 2)] {
        let trace = Trace::new(Plan::with(3, 1.0, vec![What::HostSet(by * SECOND)]));
        let run = race(&trace, &mut Chrony::new(true), 0.0);
        assert_eq!(run.steps.len(), steps, "{by}: {:?}", run.steps);
        let last = run.moments.last().expect("an hour has seconds");
        assert!(last.error.abs() < 200e3, "{by}: {last:?}");
    }
}

#[test]
fn pause_that_the_kernel_has_stepped_over_is_no_news_to_it() {
    let trace = Trace::new(Plan::with(5, 1.0, vec![What::Saved(60.0 * MINUTE)]));
    let run = race(&trace, &mut Chrony::new(true), 0.0);
    assert_eq!(run.steps.len(), 2, "the kernel's: {:?}", run.steps);
    assert!(Figures::of(&trace, &run).max < 1e6);
}
