//! Debian's chronyd in the guest, which keeps the clock there: fed by the kernel's PTP clock, or by hv-timesyncd.

use super::{Pace, Row, SHORT, Sender, begin, between, daemon, device, find};
use crate::clock::{Beside, Figures};
use crate::machine::Machine;

/// Where hv-timesyncd hands samples to it.
const SOCKET: &str = "/run/chrony.hv-timesyncd.sock";
/// What the clock is off when it begins, in ns.
const OFF: i64 = 5_000_000;
/// The clock is no further off than this afterwards, µs.
const FOLLOWS: f64 = 2_000.0;

/// Starts chronyd with one reference clock and nothing else.
#[track_caller]
fn start(machine: &Machine, refclock: &str, pace: &Pace) {
    machine.sh(&format!(
        "mkdir -p /run/chrony; chmod 750 /run/chrony; adjtimex -q -f 0; hv-vm-clock step {OFF}; \
         printf '%s\\n' 'refclock {refclock} refid HV poll {}' 'makestep 0.001 3' \
         'pidfile /run/chrony/chronyd.pid' 'cmdport 0' >/run/chrony.conf; \
         setsid chronyd -f /run/chrony.conf -u root -d >>/run/chronyd.log 2>&1 </dev/null & true",
        pace.poll
    ));
    machine.until("[ -s /run/chrony/chronyd.pid ]");
}

#[track_caller]
fn end(machine: &Machine) {
    machine.sh("kill $(cat /run/chrony/chronyd.pid)");
    machine.until("! pidof chronyd >/dev/null");
}

/// It takes the host for its source, and the clock is the host's.
#[track_caller]
fn follow(machine: &Machine, beside: &Beside, who: &'static str, pace: &Pace) -> Row {
    find(machine, beside, pace, Sender::Exact);
    let selected = "chronyc -h /run/chrony/chronyd.sock -c sources | grep -q '^#,[*],HV,'";
    for _ in 0..pace.finding {
        if machine.guest(selected).code == 0 {
            break;
        }
        find(machine, beside, &Pace { finding: pace.sample, ..*pace }, Sender::Exact);
    }
    let sources = machine.sh("chronyc -h /run/chrony/chronyd.sock -c sources");
    assert!(sources.starts_with("#,*,HV,"), "{who}: not taken for a source: {sources}");
    let marks = between(machine, beside, who, pace, Sender::Exact);
    Row { who, after_sync: None, between: Figures::of(&marks) }
}

/// By the PTP clock of `hv_utils`.
#[track_caller]
pub(crate) fn by_ptp(machine: &Machine, pace: &Pace) -> Row {
    let beside = begin(machine);
    device(machine, "hv_utils");
    beside.send(machine, "sync-time").done();
    start(machine, "PHC /dev/ptp0 dpoll -2", pace);
    let row = follow(machine, &beside, "chronyd by the PTP clock of `hv_utils`", pace);
    end(machine);
    row
}

/// By hv-timesyncd.
#[track_caller]
pub(crate) fn by_timesyncd(machine: &Machine, pace: &Pace) -> Row {
    let beside = begin(machine);
    let settings = format!("mode = \"refclock\"\\nchrony-socket = \"{SOCKET}\"");
    daemon::start(machine, "uio", &settings, daemon::Counter::Measured);
    beside.send(machine, "sync-time").done();
    start(machine, &format!("SOCK {SOCKET}"), pace);
    let row = follow(machine, &beside, "chronyd by `hv-timesyncd` on `uio`", pace);
    let status = machine.sh("hvctl --json time status");
    assert!(status.contains(&format!("chrony:{SOCKET}")), "{status}");
    let alone = !status.contains("\"slew\"") && !status.contains("\"ruler\":\"hv-timesyncd\"");
    assert!(alone, "two keep the clock: {status}");
    end(machine);
    daemon::end(machine);
    row
}

pub(in crate::cases) fn chrony_follows_the_ptp_clock(machine: &mut Machine) {
    let row = by_ptp(machine, &SHORT);
    assert!(row.between.p99 < FOLLOWS, "{}", row.between);
}

pub(in crate::cases) fn chrony_follows_timesyncd(machine: &mut Machine) {
    let row = by_timesyncd(machine, &SHORT);
    assert!(row.between.p99 < FOLLOWS, "{}", row.between);
}
