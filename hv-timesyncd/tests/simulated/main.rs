//! The engine in a simulated world, beside hv_utils alone and beside a model of chronyd, on the same messages: what this
//! daemon is meant to be better at, as relations between figures of one run. No clock of this machine, and no time passes.
//!
//! `cargo run -p hv-timesyncd --release --example simulate` shows a day of it as a table and a plot.

mod aims;
mod chronyd;
mod day;
mod starts;
mod steps;
mod world;
mod worlds;

use world::{Contestant, Figures, Plan, Trace, race};

/// Seeds of the shorter traces; odd ones have a raw clock that is the reference counter, even ones the TSC.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=8;

/// The shorter traces of a seed. The second is so long that what a host's setting of its clock costs, which is slewed for two
/// minutes if it is less than half a second, is less than a hundredth of it.
fn traces(seed: u64) -> [Trace; 2] {
    [Trace::new(Plan::quiet(seed, 2.0)), Trace::new(Plan::eventful(seed, 6.0))]
}

/// How somebody does who begins with a clock that is `off`, ns.
fn figures(trace: &Trace, contestant: &mut dyn Contestant, off: f64) -> Figures {
    Figures::of(trace, &race(trace, contestant, off))
}
