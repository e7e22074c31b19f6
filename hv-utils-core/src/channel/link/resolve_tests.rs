//! The choice of the way to the host, as a table.

use super::{Absence, Facts, SETTLED, Target, resolve};
use crate::channel::ChannelChoice;
use crate::channel::sysfs::{Uio, UioMap, VmbusDevice};
use crate::wire::Ic;
use std::time::Duration;

fn device(ic: Ic, driver: Option<&str>) -> VmbusDevice {
    let maps = vec![UioMap { index: 0, name: "txrx_rings".into(), size: 0x8000 }];
    VmbusDevice {
        instance: ic.instance().to_string(),
        class: ic.class(),
        device_id: None,
        driver: driver.map(Into::into),
        relid: Some(3),
        state: Some(3),
        monitor_id: None,
        uio: (driver == Some("uio_hv_generic")).then_some(Uio { index: 0, maps }),
    }
}

/// With the nodes that a driver makes.
fn ready(choice: &ChannelChoice, ic: Ic, driver: Option<&str>) -> String {
    let facts = Facts { device: Some(device(ic, driver)), uio_node: true, char_node: Some(SETTLED) };
    name(&resolve(choice, ic, facts))
}

fn name(target: &Target) -> String {
    match target {
        Target::Uio(_) => "uio".into(),
        Target::CharDevice(protocol) => protocol.node.into(),
        Target::Kernel => "kernel".into(),
        Target::Fresh(_) => "fresh".into(),
        Target::Opening => "opening".into(),
        Target::Late => "late".into(),
        Target::Absent(Absence::BoundTo(driver)) => format!("not {driver}"),
        Target::Absent(Absence::Unbound) => "unbound".into(),
        Target::Absent(Absence::NoDevice) => "none".into(),
    }
}

#[test]
fn the_driver_and_the_choice_decide() {
    use ChannelChoice::{Auto, HvUtils, Uio};
    let (raw, kernel) = (Some("uio_hv_generic"), Some("hv_utils"));
    let table = [
        (Auto, Ic::Kvp, raw, "uio"),
        (Auto, Ic::Kvp, kernel, "vmbus/hv_kvp"),
        (Auto, Ic::Vss, kernel, "vmbus/hv_vss"),
        (Auto, Ic::FileCopy, kernel, "vmbus/hv_fcopy"),
        (Auto, Ic::FileCopy, raw, "uio"),
        (Auto, Ic::Heartbeat, raw, "uio"),
        (Auto, Ic::Heartbeat, kernel, "kernel"),
        (Auto, Ic::Shutdown, kernel, "kernel"),
        (Auto, Ic::TimeSync, kernel, "kernel"),
        (Auto, Ic::Kvp, None, "unbound"),
        (Auto, Ic::Kvp, Some("other"), "not other"),
        (Uio, Ic::Kvp, raw, "uio"),
        (Uio, Ic::Kvp, kernel, "not hv_utils"),
        (Uio, Ic::Shutdown, kernel, "not hv_utils"),
        (Uio, Ic::Kvp, None, "unbound"),
        (HvUtils, Ic::Kvp, kernel, "vmbus/hv_kvp"),
        (HvUtils, Ic::Shutdown, kernel, "kernel"),
        (HvUtils, Ic::Kvp, raw, "not uio_hv_generic"),
        (HvUtils, Ic::Kvp, None, "unbound"),
    ];
    for (choice, ic, driver, expected) in table {
        assert_eq!(ready(&choice, ic, driver), expected, "{choice} {ic} {driver:?}");
    }
}

#[test]
fn without_a_device_there_is_nothing_whatever_was_chosen() {
    for choice in [ChannelChoice::Auto, ChannelChoice::Uio, ChannelChoice::HvUtils] {
        // A node of the kernel's alone is the rest of a device that is going away.
        let facts = Facts { device: None, uio_node: false, char_node: Some(SETTLED) };
        assert_eq!(name(&resolve(&choice, Ic::Kvp, facts)), "none", "{choice}");
    }
}

#[test]
fn what_is_not_complete_yet_is_late() {
    let auto = ChannelChoice::Auto;
    let late = |driver: &str, change: fn(&mut Facts)| {
        let mut facts =
            Facts { device: Some(device(Ic::Kvp, Some(driver))), uio_node: true, char_node: Some(SETTLED) };
        change(&mut facts);
        name(&resolve(&auto, Ic::Kvp, facts))
    };
    let uio = |facts: &mut Facts| facts.device.as_mut().unwrap().uio = None;
    let maps = |facts: &mut Facts| facts.device.as_mut().unwrap().uio.as_mut().unwrap().maps.clear();
    assert_eq!(late("uio_hv_generic", |facts| facts.uio_node = false), "late");
    assert_eq!(late("uio_hv_generic", uio), "late");
    assert_eq!(late("uio_hv_generic", maps), "late");
    assert_eq!(late("hv_utils", |facts| facts.char_node = None), "late");
    let younger = |facts: &mut Facts| facts.char_node = Some(SETTLED - Duration::from_nanos(1));
    assert_eq!(late("hv_utils", younger), "fresh");
    // 2 is that of a channel which was offered and may be opened, or was closed again.
    for (state, expected) in [
        (Some(0), "opening"),
        (Some(1), "opening"),
        (Some(2), "opening"),
        (Some(3), "vmbus/hv_kvp"),
        (None, "vmbus/hv_kvp"),
    ] {
        let mut facts = Facts {
            device: Some(device(Ic::Kvp, Some("hv_utils"))),
            uio_node: false,
            char_node: Some(SETTLED),
        };
        facts.device.as_mut().unwrap().state = state;
        assert_eq!(name(&resolve(&auto, Ic::Kvp, facts)), expected, "{state:?}");
    }
}
