//! hv-shutdownd in a guest whose init is systemd.

use super::guest::{FILE_COPY, KVP, OTHERS, driver};
use crate::machine::Machine;

pub(super) fn systemd_runs_in_a_guest(machine: &mut Machine) {
    assert_eq!(machine.sh("cat /proc/1/comm").trim(), "systemd");
    println!("{}", machine.guest("cat /proc/uptime; systemctl is-system-running; journalctl -b --no-pager | tail -100; busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager CanPowerOff; cat /proc/uptime; free -m; systemctl list-units --failed").stdout);
    let hellos = machine.hellos();
    machine.sh("setsid sh -c 'sleep 1; systemctl reboot' >/dev/null 2>&1 </dev/null & true");
    let began = std::time::Instant::now();
    machine.wait_for_boot(hellos);
    println!("{:?} {:?}", began.elapsed(), machine.events());
    for instance in OTHERS.into_iter().chain([KVP, FILE_COPY]) {
        assert_eq!(driver(machine, instance), "uio_hv_generic", "{instance}");
    }
}
