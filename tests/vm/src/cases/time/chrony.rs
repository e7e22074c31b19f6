//! Debian's chronyd in the guest, which keeps the clock there: fed by the kernel's PTP clock, or by hv-timesyncd.

use super::{LOOK, SAMPLE, daemon, figures, tell};
use crate::clock::{Beside, Mark, watch};
use crate::machine::Machine;

/// Seconds from the first sample in which chronyd finds the host's time and its pace.
const FINDING: usize = 15;
/// Seconds that are judged.
const JUDGED: usize = 15;
/// Where hv-timesyncd hands samples to it.
const SOCKET: &str = "/run/chrony.hv-timesyncd.sock";
/// What the clock is off when it begins, in ns.
const OFF: i64 = 5_000_000;

/// Starts chronyd with one reference clock and nothing else.
#[track_caller]
pub(super) fn start(machine: &Machine, refclock: &str) {
    machine.sh(&format!(
        "mkdir -p /run/chrony; chmod 750 /run/chrony; adjtimex -q -f 0; printf '%s\\n' 'refclock {refclock} refid HV poll 0 delay 1e-4' 'makestep 0.001 3' \
         'pidfile /run/chrony/chronyd.pid' 'cmdport 0' >/run/chrony.conf; \
         setsid chronyd -f /run/chrony.conf -u root -d >/run/chronyd.log 2>&1 </dev/null & true"
    ));
    machine.until("[ -s /run/chrony/chronyd.pid ]");
}

#[track_caller]
pub(super) fn end(machine: &Machine) {
    machine.sh("kill $(cat /run/chrony/chronyd.pid)");
    machine.until("! pidof chronyd >/dev/null");
}

/// It takes the host for its source, and the clock is the host's.
#[track_caller]
pub(super) fn follow(machine: &Machine, beside: &Beside, who: &str) -> Vec<Mark> {
    let _ = watch(beside, machine, FINDING * SAMPLE, LOOK, SAMPLE);
    machine.until("chronyc -h /run/chrony/chronyd.sock -c sources | grep -q '^#,[*],HV,'");
    let marks = watch(beside, machine, JUDGED * SAMPLE, LOOK, SAMPLE);
    let told = figures(&marks);
    tell(who, &told.to_string());
    let tracking = machine.sh("chronyc -h /run/chrony/chronyd.sock -c tracking");
    assert!(tracking.contains(",HV,"), "{tracking}");
    assert!(told.p99 < 2_000.0, "{who}: {told}\n{tracking}");
    marks
}

pub(in crate::cases) fn chrony_follows_the_ptp_clock(machine: &mut Machine) {
    let beside = Beside::new(machine);
    beside.send(machine, "sync-time", 0).done();
    machine.sh(&format!("hv-vm-clock step {OFF}"));
    start(machine, "PHC /dev/ptp0 dpoll -2");
    let _ = follow(machine, &beside, "chronyd, PHC of the kernel's PTP clock");
    end(machine);
}

pub(in crate::cases) fn chrony_follows_timesyncd(machine: &mut Machine) {
    let beside = Beside::new(machine);
    daemon::measure_counter(machine);
    daemon::start(machine, "uio", &format!("mode = \"refclock\"\\nchrony-socket = \"{SOCKET}\""));
    beside.send(machine, "sync-time", 0).done();
    machine.sh(&format!("hv-vm-clock step {OFF}"));
    start(machine, &format!("SOCK {SOCKET}"));
    let _ = follow(machine, &beside, "chronyd, SOCK of hv-timesyncd");
    let status = machine.sh("hvctl --json time status");
    assert!(status.contains(&format!("chrony:{SOCKET}")), "{status}");
    assert!(!status.contains("\"slew\""), "two keep the clock: {status}");
    end(machine);
    daemon::end(machine);
}
