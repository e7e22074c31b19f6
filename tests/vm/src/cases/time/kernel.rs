//! What the stock kernel does by itself, with which hv-timesyncd is compared; and its clock beside our imitation of it.

use super::{Pace, Row, SHORT, Sender, after_each_sync, begin, between, device, tell};
use crate::clock::Figures;
use crate::machine::Machine;

/// How far the clock is moved so that it is seen whether anybody moves it back, µs.
const MOVED: f64 = 2000.0;
/// The kernel's clock and ours are not further apart than this, ns. The kernel looks at a second's end at its next tick, which
/// on a busy machine is late.
const APART: i64 = 200_000;

/// At each SYNC, and while samples come that it does nothing with.
#[track_caller]
pub(crate) fn alone(machine: &Machine, pace: &Pace) -> Row {
    let beside = begin(machine);
    device(machine, "hv_utils");
    machine.sh("adjtimex -q -f 0");
    let who = "the kernel alone";
    let after_sync = after_each_sync(machine, &beside, who, Sender::Exact);
    machine.sh(&format!("hv-vm-clock step {MOVED:.0}000"));
    let marks = between(machine, &beside, who, pace, Sender::Exact);
    tell("PTP clock, a moment after a sample", &format!("{:.1} µs", beside.ptp_error(machine)));
    Row { who, after_sync: Some(after_sync), between: Figures::of(&marks) }
}

pub(in crate::cases) fn kernel_is_right_at_each_sync_and_free_between(machine: &mut Machine) {
    let row = alone(machine, &SHORT);
    let error = row.after_sync.unwrap_or(f64::NAN);
    assert!(error.abs() < 100.0, "{error:.1} µs after a SYNC");
    // A sample moves nothing: 2 ms stay 2 ms, and the clock goes its own way.
    assert!((row.between.size - MOVED).abs() < MOVED / 2.0, "{}", row.between);
}

pub(in crate::cases) fn imitated_clock_runs_as_the_kernels(machine: &mut Machine) {
    for steering in ["100 0 0", "0 20000000 0", "-200 -20000000 2", "500 400000000 4"] {
        let apart = machine.sh(&format!("hv-vm-clock imitate {steering} 16"));
        tell(&format!("the kernel's clock and the imitated one, steered by {steering}"), apart.trim());
        let apart: Vec<i64> = apart.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let worst = apart.iter().map(|ns| ns.abs()).max().unwrap_or(i64::MAX);
        assert!(worst < APART, "steered by {steering} they are {worst} ns apart");
    }
}
