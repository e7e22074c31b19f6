//! The stock kernel's own clients and the C daemons: the judges of our host, and what we are compared with.

use super::guest::{
    KVP, c_kvpd, driver, end_c_kvpd, end_kvpd, is_kept, keep, kvp_status, kvpd, no_pools, start_kvpd,
    wait_state,
};
use super::{differences, scenario};
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

/// The items that a guest tells about itself, in the order of their indices.
pub(super) const INTRINSIC: [&str; 10] = [
    "FullyQualifiedDomainName",
    "IntegrationServicesVersion",
    "NetworkAddressIPv4",
    "NetworkAddressIPv6",
    "OSBuildNumber",
    "OSName",
    "OSMajorVersion",
    "OSMinorVersion",
    "OSVersion",
    "ProcessorArchitecture",
];

pub(super) fn kernel_finds_every_service(machine: &mut Machine) {
    for line in KERNEL_LINES {
        machine.until(&format!("dmesg | grep -qF '{line}'"));
    }
    let classes = machine.sh("cat /sys/bus/vmbus/devices/*/class_id");
    for class in ["57164f39", "a9a0f4e7", "0e0b6031", "9527e630", "35fa2e29", "34d14be3"] {
        assert!(classes.contains(class), "no device of class {class}: {classes}");
    }
    assert_eq!(driver(machine, KVP), "hv_utils");
}

pub(super) fn kernel_answers_heartbeats(machine: &mut Machine) {
    super::raw::other_services_keep_running_meanwhile(machine);
    let heartbeat = service(machine, "heartbeat");
    assert_eq!(heartbeat["message"], "3.0", "{heartbeat}");
}

pub(super) fn kernel_sets_its_clock_by_the_host(machine: &mut Machine) {
    let clock = |machine: &Machine| -> i64 { machine.sh("date +%s").trim().parse().unwrap_or_default() };
    let ours = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_secs()).unwrap_or_default()
    };
    for offset in ["-3600", "3600", "0"] {
        machine.ask(&["sync-time", "--offset", offset]).done();
        let offset: i64 = offset.parse().unwrap_or_default();
        // With version 4.0 the kernel adds what has passed on the reference counter, which this host only estimates.
        machine.until(&format!(
            "[ $(date +%s) -gt {} ] && [ $(date +%s) -lt {} ]",
            ours() + offset - 30,
            ours() + offset + 600
        ));
        let off = clock(machine) - ours() - offset;
        assert!(off.abs() < 30, "{off} s off after a step to {offset}");
    }
    // A sample steps nothing, and feeds the PTP clock.
    let before = clock(machine);
    machine.ask(&["sample-time", "--offset", "1800"]).done();
    let after = clock(machine);
    assert!(after - before < 60, "a sample stepped the clock from {before} to {after}");
    assert_eq!(machine.sh("cat /sys/class/ptp/ptp0/clock_name").trim(), "hyperv");
}

/// A file system of some size, which has something to freeze.
#[track_caller]
pub(super) fn backup_disk(machine: &Machine) {
    machine.sh(
        "modprobe brd rd_nr=1 rd_size=16384; mkfs.ext4 -q -F /dev/ram0; mkdir -p /mnt/a; mount -t ext4 /dev/ram0 /mnt/a",
    );
}

pub(super) fn c_daemon_freezes_and_thaws(machine: &mut Machine) {
    backup_disk(machine);
    machine.sh("setsid hv_vss_daemon -n >/run/hv_vss_daemon.log 2>&1 </dev/null & echo $! >/run/vss.pid");
    machine.until("ls -l /proc/$(cat /run/vss.pid)/fd | grep -q hv_vss");
    machine.ask(&["vss-check"]).done();
    machine.ask(&["vss-freeze"]).done();
    // The write ends only when the host thaws: it is started here and looked at from outside.
    let writing =
        machine.start("echo $$ >/tmp/writer; echo text >/mnt/a/file; touch /tmp/ended; echo written");
    // In the kernel, in a state that no signal ends.
    machine.until("grep -q ') D ' /proc/$(cat /tmp/writer)/stat");
    assert_eq!(machine.guest("[ -e /tmp/ended ]").code, 1, "a write went through a frozen file system");
    machine.ask(&["vss-thaw"]).done();
    let finished =
        writing.wait(std::time::Duration::from_secs(600)).unwrap_or_else(|why| crate::machine::fail(&why));
    assert_eq!(finished.stdout, "written\n");
    machine.ask(&["checkpoint-vm"]).done();
    machine.sh("kill $(cat /run/vss.pid); umount /mnt/a");
}

pub(super) fn c_daemon_exchanges_items(machine: &mut Machine) {
    no_pools(machine);
    c_kvpd(machine);
    machine.until("dmesg | grep -qF 'KVP IC version 4.0'");
    let told = scenario::hold(machine);
    let intrinsic = scenario::intrinsic(machine);
    end_c_kvpd(machine);
    differences::remember(told, intrinsic);
}

pub(super) fn kvpd_on_hv_utils_answers_like_the_c_daemon(machine: &mut Machine) {
    no_pools(machine);
    kvpd(machine, "hv_utils");
    let status = kvp_status(machine);
    assert_eq!(status["transport"], "hv_utils", "{status}");
    let told = scenario::hold(machine);
    differences::compare_with_the_c_daemon(&told);
    differences::compare_intrinsic(&scenario::intrinsic(machine));
}

pub(super) fn daemon_restarts_on_hv_utils(machine: &mut Machine) {
    kvpd(machine, "hv_utils");
    keep(machine);
    for signal in ["TERM", "KILL", "TERM"] {
        end_kvpd(machine, signal);
        start_kvpd(machine, "hv_utils");
        wait_state(machine, "ready");
        is_kept(machine, signal);
    }
}

pub(super) fn driver_unbound_under_the_daemon_comes_back(machine: &mut Machine) {
    kvpd(machine, "hv_utils");
    keep(machine);
    // The kernel waits in unbind until the daemon has closed the device: it has to let go at once.
    machine.sh(&format!("echo {KVP} >/sys/bus/vmbus/drivers/hv_utils/unbind"));
    wait_state(machine, "closed");
    machine.sh(&format!("echo {KVP} >/sys/bus/vmbus/drivers/hv_utils/bind"));
    wait_state(machine, "ready");
    is_kept(machine, "the return of the device");
}

pub(super) fn second_daemon_is_refused_the_device(machine: &mut Machine) {
    kvpd(machine, "hv_utils");
    keep(machine);
    // Another run directory, so that the lock is not what stops it: the kernel admits one opener.
    machine.sh("setsid hv-kvpd --channel hv_utils --bus none --run-dir /run/second --state-dir /tmp/second \
                --log-format text >/run/second.log 2>&1 </dev/null & echo $! >/run/second.pid");
    machine.until("grep -qi 'busy' /run/second.log");
    machine.sh("kill $(cat /run/second.pid)");
    is_kept(machine, "the attempt");
}

pub(super) fn host_shuts_the_machine_down(machine: &mut Machine) {
    machine.ask(&["stop-vm"]).done();
    machine.wait_off();
    let console = machine.console();
    assert!(console.contains("guest: poweroff, called by the kernel"), "{console}");
    machine.wait_for_event("SHUTDOWN guest-shutdown", 1);
}

fn service(machine: &Machine, name: &str) -> serde_json::Value {
    let object = machine.ask(&["get-integration-services"]).done();
    let services = object["services"].as_array().cloned().unwrap_or_default();
    services.into_iter().find(|service| service["name"] == name).unwrap_or_default()
}
