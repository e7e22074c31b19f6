//! What the stock kernel does by itself: what hv-timesyncd is compared with.

use super::{HOUR, LOOK, SAMPLE, error_after_sync, figures, middle, tell};
use crate::clock::{Beside, watch};
use crate::machine::Machine;

/// Seconds that the clock is left to itself.
const FREE: usize = 20;

pub(in crate::cases) fn kernel_is_right_at_each_sync_and_free_between(machine: &mut Machine) {
    let mut beside = Beside::new(machine);
    tell("clocks of both machines", &format!("apart by at most {:.0} µs", beside.shift_error(machine)));
    tell("reference counter, by MSR", &format!("±{:.1} µs", beside.counter_error()));
    beside.send(machine, "sample-time", 0).done();
    let wrong = beside.learn_from_ptp(machine);
    tell("the same beside the kernel's own reading", &format!("{wrong:.1} µs"));

    let steps = [HOUR, -HOUR, HOUR, -HOUR, 250_000_000];
    let errors: Vec<f64> = steps.iter().map(|by| error_after_sync(machine, &beside, *by)).collect();
    tell("kernel, after SYNC", &format!("{errors:.1?} µs"));
    let error = middle(errors);
    assert!(error.abs() < 100.0, "{error:.1} µs after a SYNC");

    // A sample moves nothing: 2 ms stay 2 ms, and the clock goes its own way.
    machine.sh("hv-vm-clock step 2000000");
    let marks = watch(&beside, machine, FREE * SAMPLE, LOOK, SAMPLE);
    let told = figures(&marks);
    tell(&format!("kernel, {FREE} s of samples after a step of 2 ms"), &told.to_string());
    assert!((told.size - 2000.0).abs() < 500.0, "{told}");
    tell("PTP clock", &format!("{:.1} µs", beside.ptp_error(machine)));
}
