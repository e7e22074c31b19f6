//! A device's way from one driver to the other, with everything a host may do meanwhile.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::testing::{Driver, Moment};
use hv_utils_core::wire::Ic;

use crate::support::{Guest, until};

/// The host's offers of KVP while this was run.
fn offers(guest: &Guest, args: &[&str]) -> u32 {
    let before = guest.bus.offers(Ic::Kvp);
    guest.good(args);
    guest.is_orderly();
    guest.bus.offers(Ic::Kvp) - before
}

#[test]
fn kvp_gets_to_raw_vmbus_and_back_with_one_new_offer() {
    let guest = Guest::new(&[Ic::Kvp]);
    assert_eq!(offers(&guest, &["use", "uio", "kvp"]), 1);
    guest.has(Ic::Kvp, Driver::Uio);
    // Nobody had it open: there was no channel to close.
    assert_eq!(offers(&guest, &["use", "hv_utils", "kvp"]), 0);
    guest.has(Ic::Kvp, Driver::HvUtils);
    assert_eq!(guest.bus.driver(Ic::Kvp), Some(Driver::HvUtils));
}

#[test]
fn kvp_gets_there_where_the_host_keeps_the_device() {
    let guest = Guest::new(&[Ic::Kvp]);
    guest.bus.set_reoffers(false);
    assert_eq!(offers(&guest, &["use", "uio", "kvp"]), 0);
    guest.has(Ic::Kvp, Driver::Uio);
    assert_eq!(offers(&guest, &["use", "hv_utils", "kvp"]), 0);
    guest.has(Ic::Kvp, Driver::HvUtils);
}

#[test]
fn host_that_replaces_kvp_late_is_waited_for() {
    let guest = Guest::new(&[Ic::Kvp]);
    guest.bus.set_reoffer_delay(Duration::from_millis(300));
    assert_eq!(offers(&guest, &["use", "uio", "kvp"]), 1);
    guest.has(Ic::Kvp, Driver::Uio);
}

#[test]
fn every_other_component_goes_both_ways_without_a_new_offer() {
    let others = [Ic::Vss, Ic::TimeSync, Ic::Shutdown, Ic::Heartbeat];
    let guest = Guest::new(&others);
    guest.good(&["use", "uio"]);
    others.into_iter().for_each(|ic| guest.has(ic, Driver::Uio));
    guest.is_orderly();
    guest.good(&["use", "hv_utils"]);
    for ic in others {
        guest.has(ic, Driver::HvUtils);
        assert_eq!(guest.bus.offers(ic), 1, "{ic}");
        let text = std::fs::read_to_string(guest.bus.device_directory(ic).join("driver_override")).unwrap();
        assert_eq!(text.trim(), "", "the override of {ic} is cleared");
    }
    guest.is_orderly();
}

#[test]
fn file_copy_goes_to_raw_vmbus_and_is_let_go_again() {
    let guest = Guest::new(&[Ic::FileCopy]);
    guest.has(Ic::FileCopy, None);
    guest.good(&["use", "uio", "file-copy"]);
    guest.has(Ic::FileCopy, Driver::Uio);
    // The kernel has no driver for it: with nobody is where it was.
    let ran = guest.good(&["use", "hv_utils", "fcopy"]);
    guest.has(Ic::FileCopy, None);
    assert!(ran.row("file-copy").contains("no driver for it since Linux 6.10"), "{}", ran.out);
    guest.is_orderly();
}

#[test]
fn override_that_is_lost_is_set_again() {
    let device = Arc::new(OnceLock::<PathBuf>::new());
    let (spoilt, mut times) = (Arc::clone(&device), 0);
    // In the moment between the override and the bind, as it goes with a device that is replaced.
    let guest = Guest::observed(&[Ic::Kvp], move |written, moment| {
        if written.file.ends_with("driver_override") && moment == Moment::After && times == 0 {
            times += 1;
            std::fs::write(spoilt.wait().join("driver_override"), "(null)\n").unwrap();
        }
    });
    device.set(guest.bus.device_directory(Ic::Kvp)).unwrap();
    guest.good(&["use", "uio", "kvp"]);
    guest.has(Ic::Kvp, Driver::Uio);
    guest.is_orderly();
}

#[test]
fn device_of_a_driver_that_refuses_goes_back_to_the_kernel() {
    let guest = Guest::new(&[Ic::Kvp, Ic::Vss]);
    guest.bus.set_refusing(Driver::Uio);
    let ran = guest.run(&["use", "uio", "kvp", "vss"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("kvp cannot be given to uio_hv_generic: the driver does not take it"),
        "{}",
        ran.err
    );
    guest.has(Ic::Kvp, Driver::HvUtils);
    guest.has(Ic::Vss, Driver::HvUtils);
    guest.is_orderly();
    // What did not work is not kept.
    assert_eq!(guest.read("etc/hv-utils/hv-utils.toml.d/50-driver.toml"), "");
}

#[test]
fn devices_that_had_no_driver_before_have_none_after() {
    let guest = Guest::new(&[Ic::Vss, Ic::Heartbeat]);
    guest.bus.unbind(Ic::Heartbeat).unwrap();
    guest.good(&["use", "uio", "vss"]);
    guest.has(Ic::Vss, Driver::Uio);
    guest.has(Ic::Heartbeat, None);
}

#[test]
fn device_that_arrives_meanwhile_gets_its_driver() {
    let act = Arc::new(Mutex::new(None::<Box<dyn FnOnce() + Send>>));
    let taken = Arc::clone(&act);
    let guest = Guest::observed(&[Ic::Kvp], move |written, moment| {
        if written.file.ends_with("hv_utils/unbind")
            && moment == Moment::After
            && let Some(act) = taken.lock().unwrap().take()
        {
            act();
        }
    });
    // Written by hand: another device appears while nothing is probed.
    let devices = guest.path("sys/bus/vmbus/devices");
    let name = Ic::Shutdown.instance().to_string();
    let (probed, probe) = (guest.path("sys/bus/vmbus/drivers_probe"), name.clone());
    *act.lock().unwrap() = Some(Box::new(move || {
        let device = devices.join(&name);
        std::fs::create_dir_all(&device).unwrap();
        std::fs::write(device.join("class_id"), format!("{{{}}}\n", Ic::Shutdown.class())).unwrap();
        std::fs::write(device.join("id"), "77\n").unwrap();
        std::fs::write(device.join("driver_override"), "(null)\n").unwrap();
    }));
    guest.good(&["use", "uio", "kvp"]);
    assert!(std::fs::read_to_string(probed).unwrap().contains(&probe), "the newcomer is probed");
    guest.is_orderly();
}

#[test]
fn program_that_keeps_a_device_open_does_not_hang_the_guest() {
    let guest = Guest::new(&[Ic::Vss, Ic::Heartbeat]);
    // The kernel holds the write until the device is closed: so does a pipe that nobody reads.
    let unbind = guest.path("sys/bus/vmbus/drivers/hv_utils/unbind");
    std::fs::remove_file(&unbind).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &unbind, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let ran = guest.run(&["use", "uio", "vss"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("a program keeps its device node open"), "{}", ran.err);
    // What is left to be done is the guard's, now that the write is over.
    until("the guard is done", || InstanceLock::take(&guest.path("run"), "hv-driver").is_ok());
    guest.is_orderly();
    guest.has(Ic::Vss, Driver::HvUtils);
}
