//! The stock kernel's own clients and the C daemons: the judges of our host, and what we are compared with.

use crate::machine::Machine;

/// Lines that a stock kernel writes on this VMBus, in part.
const KERNEL_LINES: [&str; 8] = [
    "Hypervisor detected: Microsoft Hyper-V",
    "hv_vmbus: Vmbus version:4.0",
    "hv_utils: Registering HyperV Utility Driver",
    "hv_utils: Shutdown IC version 3.2",
    "hv_utils: Heartbeat IC version 3.0",
    "hv_utils: TimeSync IC version 4.0",
    "hv_utils: VSS IC version 5.0",
    "registering driver uio_hv_generic",
];

pub(super) fn kernel_finds_every_service(machine: &mut Machine) {
    for line in KERNEL_LINES {
        machine.until(&format!("dmesg | grep -qF '{line}'"));
    }
    let log = machine.sh("dmesg | grep -E 'Hyper-V|hv_' ; for d in /sys/bus/vmbus/devices/*; do echo \"$(cat $d/class_id) $(basename $(readlink $d/driver))\"; done");
    println!("{log}");
}
