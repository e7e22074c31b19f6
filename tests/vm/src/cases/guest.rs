//! What cases do in a guest again and again: a bus, a daemon, a device and its driver.

use serde_json::Value;

use crate::machine::Machine;

/// Instance of the KVP device, which is its name in sysfs.
pub(super) const KVP: &str = "242ff919-07db-4180-9c2e-b86cb68c8c55";
/// Instance of the file copy device.
pub(super) const FILE_COPY: &str = "eb765408-105f-49b6-b4aa-c123b64d17d4";
/// Instance of the backup device.
pub(super) const BACKUP: &str = "2450ee40-33bf-4fbd-892e-9fb06e9214cf";
/// Instance of the shutdown device.
pub(super) const SHUTDOWN: &str = "b6650ff7-33bc-4840-8048-e0676786f393";
/// The other four instances: heartbeat, shutdown, time synchronization, backup.
pub(super) const OTHERS: [&str; 4] =
    ["fd149e91-82e0-4a7d-afa6-2a4166cbd7c0", SHUTDOWN, "2dd1ce17-079e-403c-b352-a1921ee207ee", BACKUP];

/// Starts the guest's system bus, if it does not run.
#[track_caller]
pub(super) fn bus(machine: &Machine) {
    machine.sh("[ -S /run/dbus/system_bus_socket ] || \
         setsid dbus-daemon --config-file=/usr/share/dbus-1/system.conf --nofork --nopidfile >/run/dbus.log 2>&1 &");
    machine.until("[ -S /run/dbus/system_bus_socket ]");
}

/// Starts hv-kvpd with a channel of this choice; it is not waited for.
#[track_caller]
pub(super) fn start_kvpd(machine: &Machine, channel: &str) {
    machine.sh(&format!(
        "setsid hv-kvpd --channel {channel} --log-level debug --log-format text >>/run/hv-kvpd.log 2>&1 </dev/null & \
         echo $! >/run/hv-kvpd.pid"
    ));
}

/// Sends hv-kvpd a signal and waits until it has ended.
#[track_caller]
pub(super) fn end_kvpd(machine: &Machine, signal: &str) {
    machine.sh(&format!("kill -{signal} $(cat /run/hv-kvpd.pid)"));
    machine.until("! kill -0 $(cat /run/hv-kvpd.pid) 2>/dev/null");
}

/// Has hv-kvpd run with a channel of this choice, and waits until the host has negotiated with it.
#[track_caller]
pub(super) fn kvpd(machine: &Machine, channel: &str) {
    bus(machine);
    let runs = "kill -0 $(cat /run/hv-kvpd.pid) 2>/dev/null";
    let as_wanted =
        format!("{runs} && grep -q -- --channel.{channel}. /proc/$(cat /run/hv-kvpd.pid)/cmdline");
    if machine.guest(&as_wanted).code != 0 {
        if machine.guest(runs).code == 0 {
            end_kvpd(machine, "TERM");
        }
        start_kvpd(machine, channel);
    }
    wait_state(machine, "ready");
    machine.ask(&["wait-guest", "kvp"]).done();
}

/// Has the C daemon run, and waits until the host has negotiated with it.
#[track_caller]
pub(super) fn c_kvpd(machine: &Machine) {
    machine.sh("setsid hv_kvp_daemon -n >/run/hv_kvp_daemon.log 2>&1 </dev/null & echo $! >/run/c-kvp.pid");
    machine.ask(&["wait-guest", "kvp"]).done();
}

/// Ends it.
#[track_caller]
pub(super) fn end_c_kvpd(machine: &Machine) {
    machine.sh("kill $(cat /run/c-kvp.pid)");
    machine.until("! kill -0 $(cat /run/c-kvp.pid) 2>/dev/null");
}

/// What `hvctl status` says about hv-kvpd.
#[track_caller]
pub(super) fn kvp_status(machine: &Machine) -> Value {
    let text = machine.sh("hvctl --json status");
    let object: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let services = object["services"].as_array().cloned().unwrap_or_default();
    let kvp = services.into_iter().find(|service| service["service"] == "kvp");
    kvp.unwrap_or_else(|| crate::machine::fail(&format!("no kvp in {text}")))
}

/// Waits until hv-kvpd shows this state of its channel.
#[track_caller]
pub(super) fn wait_state(machine: &Machine, state: &str) {
    machine.until(&format!(
        "[ \"$(hvctl --json status | sed -n \
         's/.*\"service\":\"kvp\"[^}}]*\"channel_state\":\"\\([a-z]*\\)\".*/\\1/p')\" = {state} ]"
    ));
}

/// The driver that has a device now; empty if none has.
#[track_caller]
pub(super) fn driver(machine: &Machine, instance: &str) -> String {
    let link = format!("/sys/bus/vmbus/devices/{instance}/driver");
    machine.sh(&format!("[ ! -e {link} ] || basename $(readlink {link})")).trim().to_owned()
}

/// Gives a device to a driver, by an override, as long as the device lives.
#[track_caller]
pub(super) fn bind(machine: &Machine, instance: &str, to: &str) {
    machine.sh(&bind_script(instance, to));
    assert_eq!(driver(machine, instance), to);
}

/// The script of [`bind`].
pub(super) fn bind_script(instance: &str, to: &str) -> String {
    format!(
        "d=/sys/bus/vmbus/devices/{instance}; echo {to} >$d/driver_override; \
         [ ! -e $d/driver ] || echo {instance} >$d/driver/unbind; echo {instance} >/sys/bus/vmbus/drivers_probe"
    )
}

/// Has the raw channel and hv-kvpd on it.
#[track_caller]
pub(super) fn kvpd_on_uio(machine: &Machine, channel: &str) {
    if driver(machine, KVP) != "uio_hv_generic" {
        bind(machine, KVP, "uio_hv_generic");
    }
    kvpd(machine, channel);
}

/// An item that has to survive whatever comes.
#[track_caller]
pub(super) fn keep(machine: &Machine) {
    machine.ask(&["set-kvp", "external", "Kept", "1"]).done();
}

/// It did.
#[track_caller]
pub(super) fn is_kept(machine: &Machine, after: &str) {
    let answer = machine.ask(&["get-kvp", "external", "Kept"]).done();
    assert_eq!(answer["item"]["value"], "1", "after {after}");
}

/// Removes every trace of pools, so that a scenario begins with none.
#[track_caller]
pub(super) fn no_pools(machine: &Machine) {
    machine.sh("[ ! -e /run/hv-kvpd.pid ] || kill $(cat /run/hv-kvpd.pid) 2>/dev/null; true");
    machine.until("! pidof hv-kvpd >/dev/null");
    machine.sh("rm -rf /var/lib/hyperv /var/lib/hv-utils; mkdir -p /var/lib/hyperv /var/lib/hv-utils");
}
