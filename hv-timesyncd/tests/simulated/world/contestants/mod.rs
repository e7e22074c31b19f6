//! Who keeps the clock.

pub(crate) mod chrony;
pub(crate) mod kernel;
pub(crate) mod ours;

use chrony::Chrony;
use kernel::Kernel;
use ours::{Ours, Source};

use super::{Contestant, Trace};

/// How far apart the readings of two clocks are that are meant to be of one moment; standard deviation, ns.
const READING: f64 = 200.0;

/// Those whose messages carry the reference counter.
pub(crate) fn with_reference(trace: &Trace) -> Vec<Box<dyn Contestant>> {
    let steady = trace.steady();
    vec![
        Box::new(Kernel { with_reference: true }),
        Box::new(Chrony::new(true)),
        Box::new(Ours::new(Source::Ptp, steady)),
        Box::new(Ours::new(Source::Pairs, steady)),
    ]
}

/// Those who have only the moment of arrival, or nothing to relate the counter to.
pub(crate) fn without_reference(trace: &Trace) -> Vec<Box<dyn Contestant>> {
    let steady = trace.steady();
    vec![
        Box::new(Kernel { with_reference: false }),
        Box::new(Chrony::new(false)),
        Box::new(Ours::new(Source::Old, steady)),
        Box::new(Ours::new(Source::NoPairs, steady)),
    ]
}
