//! hv-driver on a real kernel: both ways, past a host that makes a new device of each closed KVP channel, and killed.

use std::time::{Duration, Instant};

use super::guest::{
    FILE_COPY, KVP, OTHERS, bus, driver, end_kvpd, is_kept, keep, kvp_status, kvpd, start_kvpd, wait_state,
};
use super::raw::other_services_keep_running_meanwhile;
use crate::machine::Machine;

/// Re-offers after which KVP has to be on uio.
const RE_OFFERS: usize = 2;

/// Has KVP on `hv_utils` and hv-kvpd on whatever there is.
#[track_caller]
fn begin(machine: &Machine) {
    bus(machine);
    if driver(machine, KVP) != "hv_utils" {
        machine.sh("hv-driver use hv_utils kvp --runtime");
    }
    kvpd(machine, "auto");
    keep(machine);
}

/// How often the host has offered KVP's device anew.
fn re_offers(machine: &Machine) -> usize {
    let events = std::fs::read_to_string(machine.dir().join("events")).unwrap_or_default();
    events.lines().filter(|line| line.contains("kvp: offered again as a new device")).count()
}

#[track_caller]
fn serves_on(machine: &Machine, transport: &str) {
    machine.until(&format!("hvctl --json status | grep -q '\"service\":\"kvp\".*\"transport\":\"{transport}\",\"channel_state\":\"ready\"'"));
    assert_eq!(kvp_status(machine)["transport"], transport);
    is_kept(machine, &format!("the move to {transport}"));
}

pub(super) fn every_service_both_ways(machine: &mut Machine) {
    begin(machine);
    machine.sh("hv-driver use uio --runtime");
    for instance in OTHERS.into_iter().chain([KVP, FILE_COPY]) {
        assert_eq!(driver(machine, instance), "uio_hv_generic", "{instance}");
    }
    serves_on(machine, "uio");
    let shown = machine.sh("hv-driver show --json");
    assert!(shown.contains("uio_hv_generic"), "{shown}");
    machine.sh("hv-driver use hv_utils --runtime");
    for instance in OTHERS.into_iter().chain([KVP]) {
        assert_eq!(driver(machine, instance), "hv_utils", "{instance}");
    }
    assert_eq!(driver(machine, FILE_COPY), "", "the in-kernel driver has not served file copy since 6.10");
    serves_on(machine, "hv_utils");
    // What the kernel serves by itself is the kernel's again.
    other_services_keep_running_meanwhile(machine);
}

pub(super) fn hvctl_moves_a_service_over_the_bus(machine: &mut Machine) {
    begin(machine);
    machine.sh("setsid hv-driver serve >/run/hv-driver.log 2>&1 </dev/null & true");
    machine.until("hvctl driver show");
    for (choice, transport) in [("uio", "uio"), ("hv_utils", "hv_utils")] {
        machine.sh(&format!("hvctl driver use {choice} kvp --runtime"));
        serves_on(machine, transport);
    }
    let shown = machine.sh("hvctl --json driver show");
    assert!(shown.contains("\"kind\":\"driver-show\""), "{shown}");
    // It would end by itself, after half a minute without a question.
    machine.sh("kill $(pidof hv-driver)");
    machine.until("! pidof hv-driver >/dev/null");
}

pub(super) fn automatic_choice_measures_what_the_kernel_takes(machine: &mut Machine) {
    begin(machine);
    // Linux 6.12.95 takes 47 MiB for each service: tried, seen, given back, and remembered with the reason.
    machine.sh("hv-driver use auto kvp --runtime");
    assert_eq!(driver(machine, KVP), "hv_utils");
    let shown = machine.sh("hv-driver show");
    let line = shown.lines().find(|line| line.starts_with("kvp")).unwrap_or_default();
    assert!(line.contains("MiB"), "{shown}");
    serves_on(machine, "hv_utils");
}

pub(super) fn killed_at_any_moment_leaves_probing_on(machine: &mut Machine) {
    begin(machine);
    for round in 0..14 {
        // A move takes about a second here: the moments lie all over it.
        let (choice, hundredths) = (["uio", "hv_utils"][round % 2], round / 2 * 15);
        machine.sh(&format!(
            "hv-driver use {choice} kvp vss --runtime >/run/hv-driver.log 2>&1 & \
             sleep 0.{hundredths:02}; kill -9 $! 2>/dev/null; true"
        ));
        machine.until("[ $(cat /sys/bus/vmbus/drivers_autoprobe) = 1 ] && ! pidof hv-driver >/dev/null");
        machine.until(&format!("[ -e /sys/bus/vmbus/devices/{KVP}/driver ]"));
    }
    machine.sh("hv-driver use hv_utils kvp vss --runtime");
    serves_on(machine, "hv_utils");
}

pub(super) fn kvp_gets_past_a_host_that_offers_it_anew(machine: &mut Machine) {
    begin(machine);
    let before = re_offers(machine);
    machine.sh("hv-driver use uio kvp --runtime");
    assert_eq!(driver(machine, KVP), "uio_hv_generic");
    serves_on(machine, "uio");
    // The host tells of it after it has done it, when the guest may be further already.
    let deadline = Instant::now() + Duration::from_secs(60);
    while re_offers(machine) == before {
        assert!(Instant::now() < deadline, "the host does not tell of a re-offer");
        std::thread::sleep(Duration::from_millis(100));
    }
    let offered = re_offers(machine) - before;
    assert!((1..=RE_OFFERS).contains(&offered), "{offered} re-offers");
    assert_eq!(machine.sh("cat /sys/bus/vmbus/drivers_autoprobe").trim(), "1");
}

pub(super) fn restart_on_uio_loses_the_device_and_apply_takes_it_back(machine: &mut Machine) {
    begin(machine);
    machine.sh("hv-driver use uio kvp --runtime");
    serves_on(machine, "uio");
    // Its close makes the host offer a new device, which the kernel gives to hv_utils at once; the daemon follows.
    end_kvpd(machine, "TERM");
    start_kvpd(machine, "auto");
    wait_state(machine, "ready");
    serves_on(machine, "hv_utils");
    machine.sh("mkdir -p /etc/hv-utils; printf '[driver]\\nkvp = \"uio\"\\n' >/etc/hv-utils/hv-utils.toml");
    machine.sh("hv-driver apply");
    serves_on(machine, "uio");
    machine.sh("rm /etc/hv-utils/hv-utils.toml");
}

pub(super) fn kvp_goes_back_past_that_host_too(machine: &mut Machine) {
    begin(machine);
    machine.sh("hv-driver use uio kvp --runtime");
    serves_on(machine, "uio");
    machine.sh("hv-driver use hv_utils kvp --runtime");
    assert_eq!(driver(machine, KVP), "hv_utils");
    serves_on(machine, "hv_utils");
}
