//! How wrong the guest's clock is, at the pace of a real host: a sample every five seconds. Each row is one after the other in
//! one boot, since all of them keep the same clock.

use std::path::Path;

use crate::cases::time::{Pace, Row, chrony, daemon, kernel};
use crate::machine::{Images, Machine, Setup};

const TITLE: &str = "Clock of the guest";
/// In quarters of a second: 90 s to find the host's pace, and 90 that are judged. chronyd looks as often as the configuration says
/// that comes with hv-timesyncd.
const PACE: Pace = Pace { finding: 360, judged: 360, sample: 20, poll: 3 };

/// Measures and prints the table, if it is wanted.
pub(super) fn run(
    images: &Images,
    kernel: &str,
    dir: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), String> {
    if !wanted(TITLE) {
        return Ok(());
    }
    let machine = Machine::boot(images, &Setup::new(kernel), &dir.join("time"))?;
    let measure: [fn(&Machine, &Pace) -> Row; 7] = [
        kernel::alone,
        chrony::by_ptp,
        daemon::by_ptp,
        daemon::by_reference_counter,
        daemon::by_least_delay,
        daemon::by_host_time_alone,
        chrony::by_timesyncd,
    ];
    let rows = measure.map(|measure| measure(&machine, &PACE));
    println!("\n### {TITLE}, kernel {}\n", machine.sh("uname -r").trim());
    println!("| µs | after a SYNC | between: median, with its sign | of sizes | 99 % | worst | drift, ppm |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for Row { who, after_sync, between } in rows {
        let after_sync = after_sync.map_or_else(String::new, |error| format!("{error:.1}"));
        println!(
            "| {who} | {after_sync} | {:.1} | {:.1} | {:.1} | {:.1} | {:.3} |",
            between.median, between.size, between.p99, between.worst, between.drift
        );
    }
    Ok(())
}
