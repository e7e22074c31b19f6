//! Reading a tree as the kernel shows it, and as it looks in the middle of a change.

use super::{devices, find, has_misc_device, uio_index};
use crate::testing::{Driver, FakeBus};
use crate::wire::Ic;
use std::fs;
use tempfile::TempDir;

fn bus() -> (TempDir, FakeBus) {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    (directory, bus)
}

#[test]
fn a_machine_without_vmbus_has_no_devices() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(devices(directory.path()).unwrap(), []);
}

#[test]
fn a_device_is_found_by_class_whatever_its_directory_is_called() {
    let (_directory, bus) = bus();
    bus.offer(Ic::Vss).unwrap();
    let other = bus.device_directory(Ic::Vss).with_file_name("00000000-0000-0000-0000-000000000001");
    fs::rename(bus.device_directory(Ic::Vss), &other).unwrap();
    let device = find(&bus.sysfs_root(), Ic::Vss.class()).unwrap().unwrap();
    assert_eq!(device.instance, "00000000-0000-0000-0000-000000000001");
    assert_eq!(device.driver.as_deref(), Some("hv_utils"));
    assert_eq!(device.device_id, Some(Ic::Vss.instance()));
    assert_eq!(find(&bus.sysfs_root(), Ic::Kvp.class()).unwrap(), None);
}

#[test]
fn ring_size_is_half_of_map_0_and_maps_keep_their_order() {
    let (_directory, bus) = bus();
    for (ic, bytes) in [(Ic::Kvp, 0x4000), (Ic::Vss, 0x5000), (Ic::Heartbeat, 0x20_0000)] {
        bus.set_ring_bytes(bytes);
        bus.offer_on_uio(ic).unwrap();
        let device = find(&bus.sysfs_root(), ic.class()).unwrap().unwrap();
        assert_eq!(device.ring_bytes(), Some(u64::from(bytes)), "{ic}");
        assert_eq!(device.mapped_bytes(), 2 * u64::from(bytes) + 8192, "{ic}");
        let names: Vec<_> = device.uio.unwrap().maps.into_iter().map(|map| map.name).collect();
        assert_eq!(names, ["txrx_rings", "int_page", "monitor_page"]);
    }
}

#[test]
fn a_monitored_channel_is_told_from_others() {
    let (_directory, bus) = bus();
    bus.offer(Ic::Kvp).unwrap();
    bus.set_monitored(37);
    bus.offer(Ic::Vss).unwrap();
    let monitor_id = |ic: Ic| find(&bus.sysfs_root(), ic.class()).unwrap().unwrap().monitor_id;
    assert_eq!(monitor_id(Ic::Kvp), None);
    assert_eq!(monitor_id(Ic::Vss), Some(37));
}

#[test]
fn a_device_that_is_half_gone_is_passed_over() {
    let (_directory, bus) = bus();
    bus.offer(Ic::Kvp).unwrap();
    bus.offer(Ic::Vss).unwrap();
    fs::remove_file(bus.device_directory(Ic::Vss).join("class_id")).unwrap();
    let found = devices(&bus.sysfs_root()).unwrap();
    assert_eq!(found.iter().map(|device| device.class).collect::<Vec<_>>(), [Ic::Kvp.class()]);
}

#[test]
fn attributes_that_are_not_there_yet_are_none() {
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let path = bus.device_directory(Ic::Kvp);
    fs::remove_dir_all(path.join("uio/uio0/maps")).unwrap();
    fs::remove_file(path.join("id")).unwrap();
    let device = find(&bus.sysfs_root(), Ic::Kvp.class()).unwrap().unwrap();
    assert_eq!((device.relid, device.ring_bytes()), (None, None));
    assert_eq!(uio_index(&bus.sysfs_root(), &device.instance), Some(0));
}

#[test]
fn misc_devices_have_their_slash_replaced() {
    let (_directory, bus) = bus();
    assert!(!has_misc_device(&bus.sysfs_root(), "vmbus/hv_kvp"));
    bus.offer(Ic::Kvp).unwrap();
    assert!(has_misc_device(&bus.sysfs_root(), "vmbus/hv_kvp"));
}

#[test]
fn a_kvp_device_comes_back_with_other_numbers_and_without_its_override() {
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let before = find(&bus.sysfs_root(), Ic::Kvp.class()).unwrap().unwrap();
    bus.replace(Ic::Kvp).unwrap();
    let after = find(&bus.sysfs_root(), Ic::Kvp.class()).unwrap().unwrap();
    assert_eq!(before.driver.as_deref(), Some(Driver::Uio.name()));
    assert_eq!(after.driver.as_deref(), Some(Driver::HvUtils.name()));
    assert_ne!(before.relid, after.relid);
    assert_eq!(before.instance, after.instance);
}
