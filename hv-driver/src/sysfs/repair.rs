//! The end of every switch, good or bad: auto-probing is on again, and every device that arrived meanwhile has a driver.
//!
//! Called by the switch itself, by the guard when the switch died, and by the next start when both did. It can be
//! called at any time and twice. A marker in the run directory says that a switch is under way, and which devices had
//! no driver before it: those are left as they were.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hv_utils_core::channel::sysfs::VmbusDevice;
use hv_utils_core::wire::Ic;

use super::Bus;
use crate::error::Error;
use hv_utils_core::daemon::replace;

/// A probe takes effect within this.
const EFFECT: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(10);
/// A host that replaces a closed device does so within this.
const REPLACED: Duration = Duration::from_millis(1500);

/// `RUN_DIR/hv-driver.switching`: there is one while a switch is under way.
#[derive(Debug, Clone)]
pub struct Marker {
    path: PathBuf,
}

/// Devices that are to be left without a driver: instance and channel number.
type Idle = Vec<(String, String)>;

impl Marker {
    /// The marker of this run directory.
    #[must_use]
    pub fn new(run_dir: &Path) -> Self {
        Self { path: run_dir.join("hv-driver.switching") }
    }

    /// Whether a switch is under way, or was when its program died.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.path.exists()
    }

    /// Says that `moving`, if it is there, is about to be switched; `stays` if it is to be without a driver afterwards.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set(&self, bus: &Bus, moving: Option<&VmbusDevice>, stays: bool) -> Result<(), Error> {
        let mut text = String::new();
        for device in bus.devices()? {
            let moved = moving.is_some_and(|moving| moving.instance == device.instance);
            if if moved { stays } else { device.driver.is_none() } {
                text += &format!("idle {} {}\n", device.instance, relid(&device));
            }
        }
        Ok(replace(&self.path, text.as_bytes(), 0o600)?)
    }

    /// Says that it is over.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn clear(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.path, &error))
            }
            _ => Ok(()),
        }
    }

    fn idle(&self) -> Idle {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let mut idle = Vec::new();
        for line in text.lines() {
            if let ["idle", instance, relid] = line.split(' ').collect::<Vec<_>>()[..] {
                idle.push((instance.to_owned(), relid.to_owned()));
            }
        }
        idle
    }
}

fn relid(device: &VmbusDevice) -> String {
    device.relid.map(|relid| relid.to_string()).unwrap_or_default()
}

/// Turns auto-probing on and gives every device that arrived since the marker was set to a driver. The marker stays.
///
/// # Errors
/// A write failed; the others were tried all the same.
pub fn repair(bus: &Bus, marker: &Marker) -> Result<(), Error> {
    let mut result = bus.set_probing(true);
    let idle = marker.idle();
    for device in bus.devices()? {
        let left =
            idle.iter().any(|(instance, number)| *instance == device.instance && *number == relid(&device));
        if device.driver.is_none() && !left && !is_replaced(bus, &device)? {
            result = result.and(give(bus, &device));
        }
    }
    result
}

/// Whether the host replaces a KVP device without a driver, whose channel may have been closed a moment ago: the kernel gives
/// the new one to a driver by itself. Linux 6.12 does not survive a probe that meets the rescind: `hv_utils` cannot open the
/// channel and stumbles over its own clean-up (`hvutil_transport_destroy`, a NULL pointer). Seen.
fn is_replaced(bus: &Bus, device: &VmbusDevice) -> Result<bool, Error> {
    if Ic::from_class(&device.class) != Some(Ic::Kvp) {
        return Ok(false);
    }
    let began = Instant::now();
    while began.elapsed() < REPLACED {
        let now = bus.devices()?.into_iter().find(|now| now.instance == device.instance);
        if now.is_none_or(|now| now.driver.is_some() || now.relid != device.relid) {
            return Ok(true);
        }
        std::thread::sleep(LOOK);
    }
    Ok(false)
}

fn give(bus: &Bus, device: &VmbusDevice) -> Result<(), Error> {
    bus.probe(&device.instance)?;
    let has_kernel_driver = Ic::from_class(&device.class).is_some_and(|ic| ic != Ic::FileCopy);
    if !has_kernel_driver || driven_soon(bus, &device.instance) {
        return Ok(());
    }
    // An override that was set on the way keeps it from every other driver than one that refuses it.
    bus.set_override(&device.instance, None)?;
    bus.probe(&device.instance)?;
    driven_soon(bus, &device.instance);
    Ok(())
}

fn driven_soon(bus: &Bus, instance: &str) -> bool {
    let began = Instant::now();
    let link = bus.path("devices").join(instance).join("driver");
    loop {
        if link.symlink_metadata().is_ok() {
            return true;
        }
        if began.elapsed() >= EFFECT {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}
