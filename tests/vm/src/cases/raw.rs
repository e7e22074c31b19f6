//! hv-kvpd on the raw channel of a real kernel: binding, exchanges, restarts, removal and return.

use std::sync::atomic::{AtomicBool, Ordering};

use super::guest::{
    BACKUP, KVP, bind, bind_script, driver, end_kvpd, is_kept, keep, kvp_status, kvpd_on_uio, no_pools,
    start_kvpd, wait_state,
};
use super::scenario;
use crate::machine::Machine;

/// Times that a service is switched off and on, as Microsoft's own test does.
const TOGGLES: u32 = 20;

/// Facts that the receive loop rests on, as Linux 6.12.95 has them.
pub(super) fn kernel_hands_over_rings_in_which_the_host_has_spoken(machine: &mut Machine) {
    no_pools(machine);
    bind(machine, KVP, "uio_hv_generic");
    let seen = machine.sh("hv-vm-null look");
    // Services without a preferred size get 2 MiB each way (protocol.md §3.4). NEGOTIATE is there before anybody has read
    // or unmasked: 48 bytes of message, descriptor and footer. The kernel leaves the mask alone since 6.12.57.
    let expected =
        "ring bytes: 2097152\nbytes queued by the host: 80\ninterrupt masks: 0 0\nfeature bits: 1 1\n";
    assert_eq!(seen, expected);
}

pub(super) fn kvpd_takes_the_raw_channel(machine: &mut Machine) {
    no_pools(machine);
    kvpd_on_uio(machine, "uio");
    let status = kvp_status(machine);
    assert_eq!(status["transport"], "uio", "{status}");
    assert_eq!(status["framework_version"], "3.0", "{status}");
    assert_eq!(status["message_version"], "5.0", "what the in-kernel driver never negotiates: {status}");
    let devices = machine.sh("hvctl devices");
    let line = devices.lines().find(|line| line.contains("KVP")).unwrap_or_default();
    assert!(line.contains("uio_hv_generic"), "{devices}");
    // The size is the kernel's own choice: 2 MiB each for services without a preference (protocol.md §3.4).
    let map = machine.sh(&format!("cat /sys/bus/vmbus/devices/{KVP}/uio/uio*/maps/map0/size"));
    assert_eq!(map.trim(), "0x0000000000400000");
}

pub(super) fn every_operation_on_the_raw_channel(machine: &mut Machine) {
    no_pools(machine);
    kvpd_on_uio(machine, "uio");
    let told = scenario::hold(machine);
    super::differences::compare_with_hv_utils(&told);
    let keys: Vec<String> = scenario::intrinsic(machine).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys[..10], super::stock::INTRINSIC, "{keys:?}");
}

pub(super) fn daemon_restarts_on_the_raw_channel(machine: &mut Machine) {
    kvpd_on_uio(machine, "uio");
    keep(machine);
    for signal in ["TERM", "KILL", "KILL", "TERM"] {
        end_kvpd(machine, signal);
        start_kvpd(machine, "uio");
        wait_state(machine, "ready");
        is_kept(machine, signal);
    }
}

pub(super) fn device_removed_under_the_daemon_comes_back_as_another_uio(machine: &mut Machine) {
    kvpd_on_uio(machine, "uio");
    keep(machine);
    // For the daemon it is what a rescind is: its descriptor reads EIO, the device is gone from sysfs.
    machine.sh(&format!("echo {KVP} >/sys/bus/vmbus/drivers/uio_hv_generic/unbind"));
    wait_state(machine, "closed");
    machine.until("! ls -l /proc/$(cat /run/hv-kvpd.pid)/fd | grep -q /dev/uio");
    // The kernel has not closed the channel, and cannot open it a second time: that is told, and not taken for an end.
    bind(machine, KVP, "uio_hv_generic");
    machine.until("grep -q 'the kernel still has this channel open' /run/hv-kvpd.log");
    wait_state(machine, "failed");
    // The host offers the device anew. Its number goes to another device first, so that ours has to have a new one; which
    // number that is depends on the kernel: newer ones (6.12.118) have file copy on uio0 unasked, older ones have not.
    let number =
        |instance: &str| machine.sh(&format!("ls /sys/bus/vmbus/devices/{instance}/uio")).trim().to_owned();
    let before = number(KVP);
    machine.ask(&["disable-service", "kvp"]).done();
    machine.until(&format!("[ ! -e /sys/bus/vmbus/devices/{KVP} ]"));
    bind(machine, BACKUP, "uio_hv_generic");
    machine.ask(&["enable-service", "kvp"]).done();
    machine.until(&format!("[ -e /sys/bus/vmbus/devices/{KVP}/driver ]"));
    bind(machine, KVP, "uio_hv_generic");
    let after = number(KVP);
    assert_eq!(number(BACKUP), before);
    assert_ne!(after, before);
    wait_state(machine, "ready");
    machine.until(&format!("ls -l /proc/$(cat /run/hv-kvpd.pid)/fd | grep -q '/dev/{after}$'"));
    is_kept(machine, "the return of the device");
    bind(machine, BACKUP, "hv_utils");
}

/// Raises a flag when it goes.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) fn drivers_change_while_exchanges_run(machine: &mut Machine) {
    kvpd_on_uio(machine, "auto");
    keep(machine);
    let stop = AtomicBool::new(false);
    let machine = &*machine;
    let (answers, odd) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut answers, mut odd) = (0_u32, Vec::new());
            while !stop.load(Ordering::Relaxed) {
                let answer = machine.ask(&["get-kvp", "external", "Kept"]);
                // A channel that closes under a request, or a host that finds no guest, is what was asked for.
                match answer.code {
                    0 => answers += 1,
                    3 => {}
                    _ if answer.object["error"]["message"]
                        .as_str()
                        .is_some_and(|text| text.contains("closed")) => {}
                    _ => odd.push(answer.object.clone()),
                }
                if answer.object["violations"].as_array().is_some_and(|found| !found.is_empty()) {
                    odd.push(answer.object);
                }
            }
            (answers, odd)
        });
        // Also if what follows panics: the scope waits for the other thread before it lets the panic through.
        let _stops = Stops(&stop);
        for to in ["hv_utils", "uio_hv_generic", "hv_utils", "uio_hv_generic", "hv_utils", "uio_hv_generic"] {
            let choice = if to == "hv_utils" { "hv_utils" } else { "uio" };
            machine.sh(&format!("hv-driver use {choice} kvp --runtime"));
            wait_state(machine, "ready");
            let transport = if to == "hv_utils" { "hv_utils" } else { "uio" };
            assert_eq!(kvp_status(machine)["transport"], transport);
            // Some exchanges on each.
            for _ in 0..3 {
                machine.ask(&["get-kvp", "external", "Kept"]).done();
            }
        }
        stop.store(true, Ordering::Relaxed);
        asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    assert!(odd.is_empty(), "{odd:?}");
    assert!(answers > 0, "no exchange came through beside the changes");
    assert_eq!(driver(machine, KVP), "uio_hv_generic");
}

pub(super) fn service_is_switched_off_and_on(machine: &mut Machine) {
    kvpd_on_uio(machine, "auto");
    keep(machine);
    for turn in 1..=TOGGLES {
        machine.ask(&["disable-service", "kvp"]).done();
        machine.until(&format!("[ ! -e /sys/bus/vmbus/devices/{KVP} ]"));
        wait_state(machine, "closed");
        if turn % 2 == 0 {
            // The new device finds uio_hv_generic first: the next turn takes a raw channel away.
            machine.sh("echo 0 >/sys/bus/vmbus/drivers_autoprobe");
        }
        machine.ask(&["enable-service", "kvp"]).done();
        machine.until(&format!("[ -e /sys/bus/vmbus/devices/{KVP} ]"));
        if turn % 2 == 0 {
            machine.sh(&bind_script(KVP, "uio_hv_generic"));
            machine.sh("echo 1 >/sys/bus/vmbus/drivers_autoprobe");
        }
        machine.ask(&["wait-guest", "kvp"]).done();
        is_kept(machine, &format!("turn {turn}"));
    }
    let log = machine.sh("dmesg | grep -cE 'WARNING|BUG|Oops' || true");
    assert_eq!(log.trim(), "0", "the kernel itself complained");
}

pub(super) fn other_services_keep_running_meanwhile(machine: &mut Machine) {
    let sequence = |machine: &Machine| {
        let object = machine.ask(&["get-integration-services"]).done();
        let services = object["services"].as_array().cloned().unwrap_or_default();
        let heartbeat = services.into_iter().find(|service| service["name"] == "heartbeat");
        heartbeat.and_then(|service| service["sequence"].as_u64()).unwrap_or_default()
    };
    let before = sequence(machine);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(300);
    while sequence(machine) <= before {
        assert!(std::time::Instant::now() < deadline, "no heartbeat after {before}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

pub(super) fn host_restarts_the_machine(machine: &mut Machine) {
    machine.ask(&["restart-vm"]).done();
    machine.wait_off();
    let console = machine.console();
    assert!(console.contains("guest: reboot, called by the kernel"), "{console}");
    machine.wait_for_event("SHUTDOWN guest-reset", 1);
}
