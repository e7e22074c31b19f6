//! A kernel below 6.10: a clear word about the raw channel. What it does like a current one is played by the same cases.

use super::guest::{KVP, bus, driver};
use crate::machine::Machine;

pub(super) fn older_kernel_refuses_the_raw_channel(machine: &mut Machine) {
    bus(machine);
    let refused = machine.guest("hv-kvpd --channel uio --bus none --run-dir /run/second --log-format text");
    assert_eq!(refused.code, 69, "{refused:?}");
    assert!(refused.stderr.contains("6.10"), "the sentence names the kernel it takes: {}", refused.stderr);
    let refused = machine.guest("hv-driver use uio kvp --runtime --bus none --log-format text");
    assert_eq!(refused.code, 69, "{refused:?}");
    assert!(refused.stderr.contains("6.10"), "{}", refused.stderr);
    let refused = machine.guest("hv-driver use uio kvp --runtime --bus none --log-format text");
    assert_eq!(refused.code, 69, "{refused:?}");
    assert!(refused.stderr.contains("6.10"), "{}", refused.stderr);
    // The kernel's own refusal, which is the reason: a device without a driver stays without one.
    let file_copy = super::guest::FILE_COPY;
    machine.guest(&super::guest::bind_script(file_copy, "uio_hv_generic"));
    assert_eq!(driver(machine, file_copy), "", "a kernel below 6.10 has no raw channel for these services");
    machine.until("dmesg | grep -qE 'uio_hv_generic.*(hypercall|failed with error)'");
    assert_eq!(driver(machine, KVP), "hv_utils");
}
