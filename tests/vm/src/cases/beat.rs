//! Heartbeats: the kernel's own driver and hv-heartbeatd tell the same unasked; what hv-heartbeatd tells when it is to.

use super::raw::other_services_keep_running_meanwhile;
use super::systemd::{daemon, heartbeat_is};
use crate::machine::Machine;

/// A guest that says nothing about its applications.
const SAYS_NOTHING: &str = "OkApplicationsUnknown";

pub(super) fn kernel_says_nothing_about_applications(machine: &mut Machine) {
    other_services_keep_running_meanwhile(machine);
    heartbeat_is(machine, SAYS_NOTHING);
}

pub(super) fn heartbeatd_says_no_more_than_the_kernel(machine: &mut Machine) {
    daemon(machine, "hv-heartbeatd", "");
    other_services_keep_running_meanwhile(machine);
    heartbeat_is(machine, SAYS_NOTHING);
}

pub(super) fn heartbeatd_follows_systemd(machine: &mut Machine) {
    machine.sh("systemctl start hv-vm-watched");
    daemon(
        machine,
        "hv-heartbeatd",
        "[heartbeat]\\nsystem-state = true\\nunits = [\"hv-vm-watched.service\"]\\n",
    );
    heartbeat_is(machine, "OkApplicationsHealthy");
    // One of the units that are named.
    machine.sh("systemctl kill --signal=KILL hv-vm-watched");
    heartbeat_is(machine, "OkApplicationsCritical");
    machine.sh("systemctl reset-failed hv-vm-watched; systemctl start hv-vm-watched");
    heartbeat_is(machine, "OkApplicationsHealthy");
    // Any other, which makes the system degraded.
    assert_ne!(machine.guest("systemctl start hv-vm-false").code, 0);
    heartbeat_is(machine, "OkApplicationsCritical");
    machine.sh("systemctl reset-failed hv-vm-false");
    heartbeat_is(machine, "OkApplicationsHealthy");
    // Back to what says nothing.
    daemon(machine, "hv-heartbeatd", "");
    heartbeat_is(machine, SAYS_NOTHING);
    machine.sh("systemctl stop hv-vm-watched");
}
