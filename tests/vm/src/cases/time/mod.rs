//! Time: how wrong the guest's clock is against its host's, by the kernel alone, by hv-timesyncd, and by chronyd.
//!
//! The clock is looked at from outside ([`crate::clock`]); it is the guest's own, and may be moved. What is asserted holds on
//! a busy machine; the figures are printed and are for docs/performance.md.

pub(super) mod chrony;
pub(super) mod daemon;
pub(super) mod kernel;
pub(super) mod odd;

use std::time::Duration;

use crate::clock::{Beside, Figures, Mark};
use crate::machine::Machine;

/// Instance of the time synchronization device.
const TIMESYNC: &str = "2dd1ce17-079e-403c-b352-a1921ee207ee";
/// An hour, in nanoseconds.
const HOUR: i64 = 3_600_000_000_000;
/// Between two looks at the guest's clock.
const LOOK: Duration = Duration::from_millis(250);
/// Looks from one of the host's samples to the next, which real hosts send every 5 s.
const SAMPLE: usize = 4;

/// A figure, for whoever reads the run.
fn tell(what: &str, figure: &str) {
    println!("      time: {what}: {figure}");
}

/// The clock is moved, and the host says what time it is: the error that is left, by the second look at most.
#[track_caller]
fn error_after_sync(machine: &Machine, beside: &Beside, by: i64) -> f64 {
    machine.sh(&format!("hv-vm-clock step {by}"));
    beside.send(machine, "sync-time", 0).done();
    settled(machine, beside)
}

/// The error once it is below a second: the answer to a message may come before what it does.
#[track_caller]
fn settled(machine: &Machine, beside: &Beside) -> f64 {
    for _ in 0..600 {
        let Mark { error, .. } = beside.error(machine);
        if error.abs() < 1e6 {
            return error;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    crate::machine::fail(&format!("the clock stays {} µs off", beside.error(machine).error))
}

/// The middle of some errors: one of them may have met an interruption.
fn middle(mut errors: Vec<f64>) -> f64 {
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN)
}

fn figures(marks: &[Mark]) -> Figures {
    Figures::of(marks)
}
