//! hv-timesyncd keeps the guest's clock: on the raw channel with the reference counter, without it, and on `hv_utils` by the
//! kernel's PTP clock.

use super::{HOUR, LOOK, SAMPLE, TIMESYNC, figures, middle, tell};
use crate::cases::guest::{bind, bus, driver};
use crate::clock::{Beside, Figures, Mark, watch};
use crate::machine::Machine;

/// Seconds in which it finds the pace of the host's clock, and seconds that are judged.
const FINDING: usize = 15;
const JUDGED: usize = 30;
/// A clock that is not stepped moves by less than this from one look to the next, µs: a hundredth of what a step is.
const STEP: f64 = 1000.0;

/// Has hv-timesyncd run on a channel of this choice, with this in its table, and nothing of another run.
#[track_caller]
pub(super) fn start(machine: &Machine, channel: &str, settings: &str) {
    bus(machine);
    end(machine);
    let to = if channel == "uio" { "uio_hv_generic" } else { "hv_utils" };
    if driver(machine, TIMESYNC) != to {
        bind(machine, TIMESYNC, to);
    }
    // No pace of another clock's keeper, nor what it said of the clock.
    machine.sh(&format!(
        "adjtimex -q -f 0; hv-vm-clock step 0; rm -rf /var/lib/hv-utils/*timesync* /run/hv-utils/hv-timesyncd; \
         mkdir -p /etc/hv-utils; printf '[timesync]\\n{settings}\\n' >/etc/hv-utils/time.toml; \
         setsid hv-timesyncd --config /etc/hv-utils/time.toml --channel {channel} --log-level debug \
         --log-format text >>/run/hv-timesyncd.log 2>&1 </dev/null & echo $! >/run/timesync.pid"
    ));
    let state = if channel == "uio" { "ready" } else { "kernel" };
    machine.until(&format!(
        "hvctl --json status | grep -q '\"service\":\"timesync\"[^}}]*\"channel_state\":\"{state}\"'"
    ));
}

/// Ends it, if it runs.
#[track_caller]
pub(super) fn end(machine: &Machine) {
    machine.sh("[ ! -e /run/timesync.pid ] || kill $(cat /run/timesync.pid) 2>/dev/null; true");
    machine.until("! pidof hv-timesyncd >/dev/null");
    machine.sh("rm -f /run/timesync.pid");
}

/// The helper measures the reference counter, as it does when the daemon asks for it.
#[track_caller]
pub(super) fn measure_counter(machine: &Machine) {
    machine.sh("modprobe msr; hv-timesync-counter");
    let pair = machine.sh("grep ^pair /run/hv-utils/timesync.pairs | tail -n 1");
    tell("pair of the helper", pair.trim());
}

/// The clock is right when the host has its answer, whatever it was before.
#[track_caller]
fn right_at_each_sync(machine: &Machine, beside: &Beside, who: &str) -> f64 {
    let mut errors = Vec::new();
    for by in [HOUR, -HOUR, 250_000_000, -HOUR, HOUR] {
        machine.sh(&format!("hv-vm-clock step {by}"));
        beside.send(machine, "sync-time", 0).done();
        errors.push(beside.error(machine).error);
    }
    tell(&format!("{who}, after SYNC"), &format!("{errors:.1?} µs"));
    middle(errors)
}

/// The host sends samples: how wrong the clock is meanwhile. It is not stepped.
#[track_caller]
fn follows(machine: &Machine, beside: &Beside, who: &str) -> Figures {
    let _ = watch(beside, machine, FINDING * SAMPLE, LOOK, SAMPLE);
    let marks = watch(beside, machine, JUDGED * SAMPLE, LOOK, SAMPLE);
    let told = figures(&marks);
    tell(&format!("{who}, {JUDGED} s"), &told.to_string());
    tell(who, machine.sh("hvctl time status 2>&1 || true").lines().collect::<Vec<_>>().join("; ").as_str());
    never_stepped(&marks);
    told
}

#[track_caller]
pub(super) fn never_stepped(marks: &[Mark]) {
    for two in marks.windows(2) {
        let moved = (two[1].error - two[0].error).abs();
        assert!(moved < STEP, "the clock was moved by {moved:.0} µs at {:.1} s", two[1].at);
    }
}

pub(in crate::cases) fn keeps_the_clock_by_the_ptp_clock(machine: &mut Machine) {
    let beside = Beside::new(machine);
    beside.send(machine, "sync-time", 0).done();
    machine.sh("hv-vm-clock step 20000000");
    start(machine, "hv_utils", "mode = \"discipline\"\\nptp-poll-secs = 1");
    let told = follows(machine, &beside, "hv-timesyncd by the PTP clock");
    assert!(told.p99 < 1_000.0, "{told}");
    // A step of the kernel's, or somebody else's, is seen and made good.
    machine.sh("hv-vm-clock step 3000000000");
    beside.send(machine, "sample-time", 0).done();
    let _ = super::settled(machine, &beside);
    end(machine);
}

pub(in crate::cases) fn keeps_the_clock_by_the_reference_counter(machine: &mut Machine) {
    let beside = Beside::new(machine);
    measure_counter(machine);
    start(machine, "uio", "mode = \"discipline\"");
    let error = right_at_each_sync(machine, &beside, "hv-timesyncd by the reference counter");
    assert!(error.abs() < 200.0, "{error:.1} µs after a SYNC");
    let told = follows(machine, &beside, "hv-timesyncd by the reference counter");
    assert!(told.p99 < 200.0, "{told}");
    end(machine);
}

pub(in crate::cases) fn keeps_the_clock_by_the_least_delay(machine: &mut Machine) {
    let beside = Beside::new(machine);
    machine.sh("rm -f /run/hv-utils/timesync.pairs");
    start(machine, "uio", "mode = \"discipline\"");
    let error = right_at_each_sync(machine, &beside, "hv-timesyncd by the least delay");
    assert!(error.abs() < 100_000.0, "{error:.1} µs after a SYNC");
    let told = follows(machine, &beside, "hv-timesyncd by the least delay");
    assert!(told.p99 < 20_000.0, "{told}");
    end(machine);
}
