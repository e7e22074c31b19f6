//! A kernel below 6.10: items through the in-kernel driver, and a clear word about the raw channel.

use super::guest::{KVP, bus, driver, kvp_status, kvpd, no_pools};
use super::{differences, scenario};
use crate::machine::Machine;

pub(super) fn kvpd_on_an_older_kernel(machine: &mut Machine) {
    no_pools(machine);
    kvpd(machine, "hv_utils");
    let status = kvp_status(machine);
    assert_eq!(status["transport"], "hv_utils", "{status}");
    let told = scenario::hold(machine);
    differences::compare_with_the_c_daemon(&told);
    let keys: Vec<String> = scenario::intrinsic(machine).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys[..10], super::stock::INTRINSIC, "{keys:?}");
}

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
