//! Backup in a guest whose "/" is among what is frozen: by the C daemon, and by hv-vssd on both transports.
//!
//! The host asks as for a production checkpoint. What has to be true is always the same: it is answered, nobody writes
//! between freeze and thaw, and afterwards everybody gets on, whoever dies and whatever the host does.

use super::disks::{self, all_get_on, all_held_up, connected, end, load, mount, start, writers};
use super::guest::{BACKUP, bind, bus, driver};
use crate::machine::Machine;

/// Checkpoints of a guest that is busy.
const TIMES: u32 = 20;
/// How long a filesystem stays frozen at most, in the case about it.
const DEADLINE: &str = "5";

/// hv-vssd with a channel of this choice, and with what the administrator says.
#[track_caller]
fn vssd(machine: &Machine, channel: &str, settings: &str) {
    bus(machine);
    end(machine, "TERM");
    device(machine, if channel == "uio" { "uio_hv_generic" } else { "hv_utils" });
    machine.sh(&format!("mkdir -p /etc/hv-utils; printf '[vss]\\n{settings}\\n' >/etc/hv-utils/vm.toml"));
    start_vssd(machine, channel);
}

/// The device has this driver.
#[track_caller]
fn device(machine: &Machine, to: &str) {
    if driver(machine, BACKUP) != to {
        bind(machine, BACKUP, to);
    }
}

/// The C daemon, whatever was there before.
#[track_caller]
fn c_daemon(machine: &Machine) {
    end(machine, "TERM");
    device(machine, "hv_utils");
    start(machine, "hv_vss_daemon -n");
    connected(machine);
}

#[track_caller]
fn start_vssd(machine: &Machine, channel: &str) {
    start(
        machine,
        &format!(
            "hv-vssd --config /etc/hv-utils/vm.toml --channel {channel} --log-level debug --log-format text"
        ),
    );
    connected(machine);
}

/// One exchange of each kind, twice, and a checkpoint.
#[track_caller]
fn twice(machine: &Machine, kinds: &[&str]) {
    writers(machine, kinds, 5);
    for _ in 0..2 {
        machine.ask(&["vss-check"]).done();
        machine.ask(&["vss-freeze"]).done();
        all_held_up(machine, kinds);
        machine.ask(&["vss-thaw"]).done();
        all_get_on(machine);
    }
    let told = machine.ask(&["checkpoint-vm", "--hold", "0.5"]).done();
    assert!(told["frozen"]["milliseconds"].as_f64() >= Some(500.0), "{told}");
    let longest = all_get_on(machine);
    assert!(longest >= 500.0, "the longest write took {longest} ms: nobody was held up");
    disks::end_writers(machine);
}

/// Checkpoints of a guest that does all it can, with a log on "/".
#[track_caller]
fn busy(machine: &Machine, kinds: &[&str]) {
    load(machine, kinds);
    for turn in 1..=TIMES {
        let answer = machine.ask(&["checkpoint-vm", "--hold", "0.1"]);
        assert!(answer.code == 0, "turn {turn}: {:?}", answer.object);
        all_get_on(machine);
    }
    machine.until("logger -t storm 'the end of it'; grep -q 'the end of it' /var/log/messages*");
    disks::end_load(machine);
}

/// The daemon is killed while all is frozen: it is thawed, and the host, whose backup is worth nothing, learns of it.
#[track_caller]
fn killed(machine: &Machine, channel: &str, kinds: &[&str]) {
    writers(machine, kinds, 5);
    machine.ask(&["vss-freeze"]).done();
    all_held_up(machine, kinds);
    machine.sh("kill -KILL $(cat /run/vss.pid)");
    all_get_on(machine);
    start_vssd(machine, channel);
    refused(machine, "the daemon was killed");
    disks::end_writers(machine);
}

/// THAW is answered with a failure, once.
#[track_caller]
fn refused(machine: &Machine, why: &str) {
    let thaw = machine.ask(&["vss-thaw"]);
    assert!(thaw.code == 1 && thaw.object["error"]["status"] == "0x80004005", "{why}: {:?}", thaw.object);
    machine.ask(&["checkpoint-vm"]).done();
    all_get_on(machine);
}

/// What the C daemon does in `stock`, for the bytes that are kept of it.
pub(super) fn vssd_answers_like_the_c_daemon(machine: &mut Machine) {
    super::stock::backup_disk(machine);
    vssd(machine, "hv_utils", "");
    machine.ask(&["checkpoint-vm"]).done();
    end(machine, "TERM");
    machine.sh("umount /mnt/a");
}

pub(super) fn c_daemon_freezes_every_kind(machine: &mut Machine) {
    let kinds = mount(machine);
    c_daemon(machine);
    twice(machine, &kinds);
    end(machine, "TERM");
}

/// It tells syslog before it tells the host; syslog writes to what is frozen, and its queue is full.
pub(super) fn c_daemon_waits_for_its_own_log(machine: &mut Machine) {
    let kinds = mount(machine);
    c_daemon(machine);
    load(machine, &kinds);
    // One process that sends as fast as it is read: the queue is full whenever the daemon comes.
    machine.sh("(yes 'a line' | logger -t flood) >/dev/null 2>&1 </dev/null &");
    machine.until("cat /proc/[0-9]*/stack 2>/dev/null | grep -q unix_wait_for_peer");
    let freeze = machine.ask(&["--timeout", "20", "vss-freeze"]);
    let state = machine.sh("cat /proc/$(cat /run/vss.pid)/stack");
    machine.sh("killall -KILL yes");
    disks::rescue(machine);
    assert!(freeze.code == 3, "it was answered: {:?}", freeze.object);
    assert!(state.contains("unix_wait_for_peer"), "it waits for something else than its log:\n{state}");
    all_get_on(machine);
    disks::end_load(machine);
    end(machine, "KILL");
}

pub(super) fn vssd_on_hv_utils_freezes_every_kind(machine: &mut Machine) {
    let kinds = mount(machine);
    vssd(machine, "hv_utils", "");
    twice(machine, &kinds);
}

pub(super) fn vssd_on_hv_utils_freezes_a_busy_guest(machine: &mut Machine) {
    let kinds = mount(machine);
    vssd(machine, "hv_utils", "");
    busy(machine, &kinds);
}

pub(super) fn vssd_on_hv_utils_is_killed(machine: &mut Machine) {
    let kinds = mount(machine);
    vssd(machine, "hv_utils", "");
    killed(machine, "hv_utils", &kinds);
}

pub(super) fn host_never_thaws_on_hv_utils(machine: &mut Machine) {
    never_thawed(machine, "hv_utils");
}

pub(super) fn vssd_on_uio_freezes_every_kind(machine: &mut Machine) {
    let kinds = mount(machine);
    vssd(machine, "uio", "");
    let services = machine.ask(&["get-integration-services"]).done();
    let vss = services["services"].as_array().into_iter().flatten().find(|service| service["name"] == "vss");
    assert_eq!(
        vss.map(|vss| &vss["message"]),
        Some(&"6.0".into()),
        "what the in-kernel driver never negotiates"
    );
    for operation in ["create", "get-dm-info", "query-cluster", "bu-complete", "delete"] {
        machine.ask(&["vss-operation", operation]).done();
    }
    twice(machine, &kinds);
}

pub(super) fn vssd_on_uio_freezes_a_busy_guest(machine: &mut Machine) {
    let kinds = mount(machine);
    vssd(machine, "uio", "");
    busy(machine, &kinds);
}

pub(super) fn vssd_on_uio_is_killed(machine: &mut Machine) {
    let kinds = mount(machine);
    vssd(machine, "uio", "");
    killed(machine, "uio", &kinds);
}

pub(super) fn host_never_thaws_on_uio(machine: &mut Machine) {
    never_thawed(machine, "uio");
}

#[track_caller]
fn never_thawed(machine: &Machine, channel: &str) {
    let kinds = mount(machine);
    vssd(machine, channel, &format!("max-frozen-secs = {DEADLINE}"));
    writers(machine, &kinds, 5);
    machine.ask(&["vss-freeze"]).done();
    // That they were held up is told by how long: on a busy machine a look at them would come too late.
    let longest = all_get_on(machine);
    // A lower bound is no matter of how fast a machine is.
    assert!(longest >= 4000.0, "frozen for {longest} ms only");
    refused(machine, "it was thawed before");
    disks::end_writers(machine);
}
