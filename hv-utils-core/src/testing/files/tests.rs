//! What is written to the tree by somebody who knows nothing of the double.

use super::*;
use crate::testing::FakeBus;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A test that hangs has failed.
const HANG: Duration = Duration::from_secs(30);

struct Scene {
    directory: TempDir,
    bus: FakeBus,
    seen: mpsc::Receiver<Written>,
}

impl Scene {
    fn new(ics: &[Ic]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bus = FakeBus::new(directory.path()).unwrap();
        ics.iter().for_each(|ic| bus.offer(*ic).unwrap());
        let (sender, seen) = mpsc::channel();
        let tell = move |written: &Written, moment| {
            if moment == Moment::After {
                let _ = sender.send(written.clone());
            }
        };
        bus.obey_files(tell).unwrap();
        Self { directory, bus, seen }
    }

    /// Writes as a shell's `>>` does, and waits for the effect.
    fn append(&self, file: &str, text: &str) -> Written {
        let path = self.directory.path().join("sys/bus/vmbus").join(file);
        OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
        self.seen.recv_timeout(HANG).unwrap()
    }

    fn set(&self, file: &str, text: &str) {
        fs::write(self.directory.path().join("sys/bus/vmbus").join(file), text).unwrap();
        self.seen.recv_timeout(HANG).unwrap();
    }
}

fn name(ic: Ic) -> String {
    format!("{}\n", ic.instance())
}

#[test]
fn unbind_override_and_bind_move_a_device() {
    let scene = Scene::new(&[Ic::Vss]);
    let written = scene.append("drivers/hv_utils/unbind", &name(Ic::Vss));
    assert_eq!(
        (written.number, written.file.as_str(), written.text.as_str()),
        (1, "drivers/hv_utils/unbind", &*Ic::Vss.instance().to_string())
    );
    assert_eq!(scene.bus.driver(Ic::Vss), None);
    scene.append("drivers/uio_hv_generic/bind", &name(Ic::Vss));
    assert_eq!(scene.bus.driver(Ic::Vss), None, "without an override the driver does not match");
    scene.set(&format!("devices/{}/driver_override", Ic::Vss.instance()), "uio_hv_generic\n");
    scene.append("drivers/uio_hv_generic/bind", &name(Ic::Vss));
    assert_eq!(scene.bus.driver(Ic::Vss), Some(Driver::Uio));
    assert_eq!(scene.bus.offers(Ic::Vss), 1);
}

#[test]
fn unbound_kvp_is_replaced_and_loses_its_override() {
    let scene = Scene::new(&[Ic::Kvp]);
    scene.set("drivers_autoprobe", "0\n");
    scene.set(&format!("devices/{}/driver_override", Ic::Kvp.instance()), "uio_hv_generic\n");
    scene.append("drivers/hv_utils/unbind", &name(Ic::Kvp));
    assert_eq!((scene.bus.offers(Ic::Kvp), scene.bus.driver(Ic::Kvp)), (2, None));
    // The new device's directory is obeyed as well.
    scene.set(&format!("devices/{}/driver_override", Ic::Kvp.instance()), "uio_hv_generic\n");
    scene.append("drivers_probe", &name(Ic::Kvp));
    assert_eq!(scene.bus.driver(Ic::Kvp), Some(Driver::Uio));
}

#[test]
fn host_that_does_not_replace_leaves_the_device() {
    let scene = Scene::new(&[Ic::Kvp]);
    scene.bus.set_reoffers(false);
    scene.append("drivers/hv_utils/unbind", &name(Ic::Kvp));
    assert_eq!((scene.bus.offers(Ic::Kvp), scene.bus.driver(Ic::Kvp)), (1, None));
    scene.append("drivers_probe", &name(Ic::Kvp));
    assert_eq!(scene.bus.driver(Ic::Kvp), Some(Driver::HvUtils));
}

#[test]
fn two_quick_commands_are_both_obeyed() {
    let scene = Scene::new(&[Ic::Vss, Ic::Shutdown]);
    let path = scene.directory.path().join("sys/bus/vmbus/drivers/hv_utils/unbind");
    for ic in [Ic::Vss, Ic::Shutdown] {
        OpenOptions::new().append(true).open(&path).unwrap().write_all(name(ic).as_bytes()).unwrap();
    }
    for _ in 0..2 {
        scene.seen.recv_timeout(HANG).unwrap();
    }
    assert_eq!((scene.bus.driver(Ic::Vss), scene.bus.driver(Ic::Shutdown)), (None, None));
}

#[test]
fn when_the_tree_has_caught_up_all_that_was_written_has_had_its_effect() {
    let ics = [Ic::Vss, Ic::TimeSync, Ic::Shutdown, Ic::Heartbeat];
    let scene = Scene::new(&ics);
    let path = scene.directory.path().join("sys/bus/vmbus/drivers/hv_utils/unbind");
    for ic in ics {
        OpenOptions::new().append(true).open(&path).unwrap().write_all(name(ic).as_bytes()).unwrap();
    }
    scene.bus.caught_up().unwrap();
    assert_eq!(ics.map(|ic| scene.bus.driver(ic)), [None; 4]);
    assert_eq!(scene.seen.try_iter().count(), 4, "the question itself is nothing that is told");
    scene.bus.caught_up().unwrap();
}

#[test]
fn driver_that_refuses_takes_nothing() {
    let scene = Scene::new(&[Ic::Vss]);
    scene.bus.set_refusing(Driver::Uio);
    scene.append("drivers/hv_utils/unbind", &name(Ic::Vss));
    scene.set(&format!("devices/{}/driver_override", Ic::Vss.instance()), "uio_hv_generic\n");
    scene.append("drivers/uio_hv_generic/bind", &name(Ic::Vss));
    scene.append("drivers_probe", &name(Ic::Vss));
    assert_eq!(scene.bus.driver(Ic::Vss), None);
}

#[test]
fn link_to_the_raw_driver_comes_when_all_maps_are_there() {
    let scene = Scene::new(&[Ic::Vss]);
    scene.append("drivers/hv_utils/unbind", &name(Ic::Vss));
    scene.bus.set_driver_override(Ic::Vss, Driver::Uio).unwrap();
    scene.seen.recv_timeout(HANG).unwrap();
    // What stands where the maps would be holds up the act before them.
    let device = scene.bus.device_directory(Ic::Vss);
    fs::write(device.join("uio"), "").unwrap();
    scene.append("drivers/uio_hv_generic/bind", &name(Ic::Vss));
    let has_driver = || device.join("driver").symlink_metadata().is_ok();
    assert!(!has_driver(), "whoever sees it would take what is there for all");
    assert_eq!(scene.bus.driver(Ic::Vss), None);
    fs::remove_file(device.join("uio")).unwrap();
    scene.append("drivers/uio_hv_generic/bind", &name(Ic::Vss));
    assert!(has_driver());
    assert_eq!(scene.bus.driver(Ic::Vss), Some(Driver::Uio));
}

#[test]
fn new_device_is_found_when_its_override_has_been_cleared() {
    let scene = Scene::new(&[]);
    // What stands where the class would be holds up the act before it.
    let device = scene.bus.device_directory(Ic::Vss);
    fs::create_dir_all(device.join("class_id")).unwrap();
    scene.bus.offer(Ic::Vss).unwrap_err();
    assert_eq!(fs::read_to_string(device.join("driver_override")).unwrap(), "(null)\n");
    // Whoever finds it may write to it at once: that is obeyed.
    scene.set(&format!("devices/{}/driver_override", Ic::Vss.instance()), "uio_hv_generic\n");
    fs::remove_dir(device.join("class_id")).unwrap();
    scene.bus.offer(Ic::Vss).unwrap();
    assert_eq!(scene.bus.driver(Ic::Vss), Some(Driver::HvUtils));
}
