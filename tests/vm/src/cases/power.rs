//! The host has the machine powered off and restarted: hv-shutdownd under systemd with logind, and under an init that has
//! only its commands.
//!
//! That the guest really went, and by itself, is told by the QEMU it runs in; by which way, by what is stopped on it.

use super::guest::{SHUTDOWN, bind, bus};
use super::systemd::{DAEMONS, daemon, ready, refused_with};
use crate::machine::Machine;

/// Somebody's program keeps the machine on.
const INHIBITED: &str = "0x800704f7";
/// What the guest's units say when they are stopped in order.
const STOPPED: &str = "guest: units are stopped; logind: ";
/// What QEMU tells when the guest restarts the machine.
const RESET: &str = "RESET guest-reset";

pub(super) fn every_daemon_is_ready_on_uio(machine: &mut Machine) {
    assert_eq!(machine.sh("cat /proc/1/comm").trim(), "systemd");
    // Reset by nobody but the machine's own start.
    machine
        .sh("mkdir -p /etc/hv-utils; printf '[file-copy]\\nenabled = true\\n' >/etc/hv-utils/hv-utils.toml");
    machine.sh("hv-driver use uio --runtime && hv-vm-bind owners");
    let names = DAEMONS.map(|(name, _)| name).join(" ");
    machine
        .sh(&format!("systemctl start {names} || {{ journalctl -b --no-pager | tail -n 100 >&2; exit 1; }}"));
    for (name, _) in DAEMONS {
        ready(machine, name);
    }
    // As users that are not root; ps cuts their names.
    let users = machine.sh("ps -o user,comm | grep hv-");
    for user in ["hv-kvpd", "hv-times", "hv-heart"] {
        assert!(users.lines().any(|line| line.starts_with(user)), "{user}: {users}");
    }
}

/// The host asks, is answered, and then the guest restarts.
#[track_caller]
fn restarts(machine: &mut Machine, verb: &[&str]) {
    let (hellos, before, shown) =
        (machine.hellos(), resets(machine), machine.console().matches(STOPPED).count());
    machine.ask(verb).done();
    machine.wait_for_boot(hellos);
    machine.wait_for_event(RESET, before + 1);
    let console = machine.wait_for_console(STOPPED, shown + 1);
    assert_eq!(console.matches(STOPPED).count(), shown + 1, "the units were not stopped: {console}");
    let last = console.rsplit(STOPPED).next().unwrap_or_default().lines().next().unwrap_or_default();
    assert_eq!(last, "System is rebooting.", "{console}");
    // The machine is served as before.
    ready(machine, "hv-shutdownd");
}

fn resets(machine: &Machine) -> usize {
    machine.events().iter().filter(|event| event.as_str() == RESET).count()
}

/// The machine went off, by the guest's own doing.
#[track_caller]
fn went_off(machine: &mut Machine) {
    machine.wait_off();
    machine.wait_for_event("SHUTDOWN guest-shutdown", 1);
}

pub(super) fn inhibitor_keeps_the_machine_on(machine: &mut Machine) {
    daemon(machine, "hv-shutdownd", "");
    machine.sh("setsid systemd-inhibit --what=shutdown --who=backup --why=running sleep 600 >/dev/null 2>&1 </dev/null & \
                echo $! >/run/inhibit.pid");
    machine.until("systemd-inhibit --list --no-legend --no-pager | grep -q '^backup'");
    refused_with(machine.ask(&["stop-vm"]), INHIBITED);
    refused_with(machine.ask(&["restart-vm"]), INHIBITED);
    machine.sh("kill $(cat /run/inhibit.pid)");
    machine.until("! systemd-inhibit --list --no-legend --no-pager | grep -q '^backup'");
    assert_eq!(machine.sh("systemctl list-jobs --no-legend --no-pager"), "");
}

pub(super) fn logind_restarts_the_machine(machine: &mut Machine) {
    daemon(machine, "hv-shutdownd", "");
    restarts(machine, &["restart-vm"]);
}

pub(super) fn forced_restart_passes_an_inhibitor(machine: &mut Machine) {
    daemon(machine, "hv-shutdownd", "");
    machine.sh("setsid systemd-inhibit --what=shutdown --who=backup --why=running sleep 600 >/dev/null 2>&1 </dev/null & true");
    machine.until("systemd-inhibit --list --no-legend --no-pager | grep -q '^backup'");
    restarts(machine, &["restart-vm", "--force"]);
}

pub(super) fn logind_powers_the_machine_off(machine: &mut Machine) {
    daemon(machine, "hv-shutdownd", "");
    machine.ask(&["stop-vm"]).done();
    went_off(machine);
    let console = machine.console();
    assert!(console.contains(&format!("{STOPPED}System is powering down.")), "{console}");
    assert!(console.contains("reboot: Power down"), "{console}");
}

/// hv-shutdownd on the raw channel of a guest whose init is a shell script.
#[track_caller]
fn without_systemd(machine: &Machine) {
    bus(machine);
    bind(machine, SHUTDOWN, "uio_hv_generic");
    machine.sh("setsid hv-shutdownd --channel uio --log-level debug --log-format text >>/run/hv-shutdownd.log 2>&1 </dev/null & true");
    machine.ask(&["wait-guest", "shutdown"]).done();
}

pub(super) fn inits_command_powers_off(machine: &mut Machine) {
    without_systemd(machine);
    machine.ask(&["stop-vm"]).done();
    went_off(machine);
    let console = machine.console();
    assert!(console.contains("guest: poweroff, called by hv-shutdownd"), "{console}");
}

pub(super) fn inits_command_restarts_by_force(machine: &mut Machine) {
    without_systemd(machine);
    machine.ask(&["restart-vm", "--force"]).done();
    machine.wait_off();
    let console = machine.console();
    assert!(console.contains("guest: reboot, called by hv-shutdownd"), "{console}");
    // This machine ends with the reset.
    machine.wait_for_event("SHUTDOWN guest-reset", 1);
}
