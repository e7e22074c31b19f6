//! hv-timesyncd keeps the guest's clock: on the raw channel with the reference counter, without it, and on `hv_utils` by the
//! kernel's PTP clock.

use serde_json::Value;

use super::{Pace, Row, SHORT, Sender, after_each_sync, begin, between, device, find, never_stepped, tell};
use crate::cases::guest::bus;
use crate::clock::{Beside, Figures};
use crate::machine::Machine;

/// Where the daemon asks for a measurement.
const ASKS: &str = "/run/hv-utils/hv-timesyncd";

/// Whether the reference counter is measured when the daemon asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    /// As systemd does on a machine: at once.
    Measured,
    /// Nobody does.
    Unknown,
}

/// Has hv-timesyncd run on a channel of this choice, with this in its table, and nothing of another run.
#[track_caller]
pub(super) fn start(machine: &Machine, channel: &str, settings: &str, counter: Counter) {
    bus(machine);
    end(machine);
    device(machine, if channel == "uio" { "uio_hv_generic" } else { "hv_utils" });
    // No pace of another clock's keeper, nor what it said of the clock.
    machine.sh(&format!(
        "adjtimex -q -f 0; hv-vm-clock step 0; rm -rf /var/lib/hv-utils/hv-timesyncd /run/hv-utils/timesync.pairs {ASKS}; \
         mkdir -p /etc/hv-utils {ASKS}; printf '[timesync]\\n{settings}\\n' >/etc/hv-utils/time.toml"
    ));
    if counter == Counter::Measured {
        // Once when the machine starts, and then as often as the daemon asks.
        machine.sh(&format!(
            "modprobe msr; hv-timesync-counter; printf '%s\\n' '#!/bin/sh' 'while sleep 0.2; do' \
             '[ ! -e {ASKS}/ask ] || {{ rm {ASKS}/ask; hv-timesync-counter; }}' done >/run/measure; \
             setsid sh /run/measure >>/run/measure.log 2>&1 </dev/null & echo $! >/run/measure.pid"
        ));
    }
    machine.sh(&format!(
        "setsid hv-timesyncd --config /etc/hv-utils/time.toml --channel {channel} --log-level debug \
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
    machine.sh("for file in /run/timesync.pid /run/measure.pid; do \
                [ ! -e $file ] || kill $(cat $file) 2>/dev/null; rm -f $file; done");
    machine.until("! pidof hv-timesyncd hv-timesync-counter >/dev/null");
}

/// SYNCs, then samples.
#[track_caller]
fn keeps(machine: &Machine, beside: &Beside, who: &'static str, pace: &Pace, sender: Sender) -> Row {
    let after_sync = after_each_sync(machine, beside, who, sender);
    Row { after_sync: Some(after_sync), ..follows(machine, beside, who, pace, sender) }
}

#[track_caller]
fn follows(machine: &Machine, beside: &Beside, who: &'static str, pace: &Pace, sender: Sender) -> Row {
    find(machine, beside, pace, sender);
    let marks = between(machine, beside, who, pace, sender);
    tell(who, &shown(machine));
    never_stepped(&marks);
    Row { who, after_sync: None, between: Figures::of(&marks) }
}

/// What the daemon believes.
#[track_caller]
fn shown(machine: &Machine) -> String {
    let text = machine.sh("hvctl --json time status");
    let object: Value = serde_json::from_str(&text).unwrap_or_default();
    let fields = ["source", "accuracy_ns", "offset_ns", "jitter_ns", "frequency_ppm"];
    fields.map(|field| format!("{field} {}", object[field])).join(", ")
}

/// By the PTP clock of `hv_utils`.
#[track_caller]
pub(crate) fn by_ptp(machine: &Machine, pace: &Pace) -> Row {
    let beside = begin(machine);
    device(machine, "hv_utils");
    beside.send(machine, "sync-time").done();
    machine.sh("hv-vm-clock step 20000000");
    // As often as there are samples: there is nothing new in between.
    let poll = pace.sample / 4;
    start(machine, "hv_utils", &format!("mode = \"discipline\"\\nptp-poll-secs = {poll}"), Counter::Unknown);
    let row = follows(machine, &beside, "`hv-timesyncd` by the PTP clock of `hv_utils`", pace, Sender::Exact);
    end(machine);
    row
}

/// On `uio`, with the helper.
#[track_caller]
pub(crate) fn by_reference_counter(machine: &Machine, pace: &Pace) -> Row {
    let beside = begin(machine);
    start(machine, "uio", "mode = \"discipline\"", Counter::Measured);
    tell("pairs", &machine.sh("grep ^pair /run/hv-utils/timesync.pairs").replace('\n', "; "));
    let row = keeps(machine, &beside, "`hv-timesyncd` by the reference counter, `uio`", pace, Sender::Exact);
    end(machine);
    row
}

/// On `uio`, without: messages are compared with each other.
#[track_caller]
pub(crate) fn by_least_delay(machine: &Machine, pace: &Pace) -> Row {
    let beside = begin(machine);
    start(machine, "uio", "mode = \"discipline\"", Counter::Unknown);
    let row = keeps(machine, &beside, "`hv-timesyncd` by the least delay, `uio`", pace, Sender::Exact);
    end(machine);
    row
}

/// On `uio`, from a host whose messages have no counter.
#[track_caller]
pub(crate) fn by_host_time_alone(machine: &Machine, pace: &Pace) -> Row {
    let beside = begin(machine);
    start(machine, "uio", "mode = \"discipline\"", Counter::Unknown);
    let row =
        keeps(machine, &beside, "`hv-timesyncd`, no counter in the messages, `uio`", pace, Sender::Plain);
    end(machine);
    row
}

pub(in crate::cases) fn keeps_the_clock_by_the_ptp_clock(machine: &mut Machine) {
    let row = by_ptp(machine, &SHORT);
    assert!(row.between.p99 < 1_000.0, "{}", row.between);
}

pub(in crate::cases) fn keeps_the_clock_by_the_reference_counter(machine: &mut Machine) {
    let row = by_reference_counter(machine, &SHORT);
    let error = row.after_sync.unwrap_or(f64::NAN);
    assert!(error.abs() < 200.0, "{error:.1} µs after a SYNC");
    assert!(row.between.p99 < 200.0, "{}", row.between);
}

pub(in crate::cases) fn keeps_the_clock_by_the_least_delay(machine: &mut Machine) {
    let row = by_least_delay(machine, &SHORT);
    let error = row.after_sync.unwrap_or(f64::NAN);
    assert!(error.abs() < 100_000.0, "{error:.1} µs after a SYNC");
    assert!(row.between.p99 < 100_000.0, "{}", row.between);
}
