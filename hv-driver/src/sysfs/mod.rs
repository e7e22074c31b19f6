//! The bus as sysfs shows and takes it: looking at a component's device, and the few writes that move it.
//!
//! It decides nothing. A device can be replaced between a look and a write, so a write that finds no device is told
//! apart from one that is forbidden, and whoever asked looks again.

mod module;
mod openers;
mod repair;
mod unbind;

pub use module::load_raw_driver;
pub use openers::{Node, Opener, openers};
pub use repair::{Marker, repair};

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hv_utils_core::channel::sysfs::{self, VmbusDevice};
use hv_utils_core::wire::Ic;

use crate::engine::{Device, Goal, HV_UTILS, Identity, Override, Owner, UIO};
use crate::error::Error;

/// The VMBus below a sysfs.
#[derive(Debug, Clone)]
pub struct Bus {
    sysfs: PathBuf,
}

/// A component's device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What sysfs shows of it.
    pub vmbus: VmbusDevice,
    /// What a switch has to know.
    pub device: Device,
}

impl Bus {
    /// The bus below `sysfs`.
    #[must_use]
    pub fn new(sysfs: &Path) -> Self {
        Self { sysfs: sysfs.to_owned() }
    }

    /// The device of a component, if the host offers it.
    ///
    /// # Errors
    /// The directory of devices cannot be read.
    pub fn find(&self, ic: Ic) -> Result<Option<Found>, Error> {
        let devices = self.devices()?;
        Ok(devices.into_iter().find(|device| device.class == ic.class()).and_then(|vmbus| self.found(vmbus)))
    }

    /// All devices.
    ///
    /// # Errors
    /// As [`Bus::find`].
    pub fn devices(&self) -> Result<Vec<VmbusDevice>, Error> {
        sysfs::devices(&self.sysfs)
            .map_err(|error| Error::io("list the VMBus devices in", &self.path("devices"), &error))
    }

    /// `None` if it went away while it was looked at.
    fn found(&self, vmbus: VmbusDevice) -> Option<Found> {
        let directory = self.path("devices").join(&vmbus.instance);
        let inode = fs::metadata(&directory).ok()?.ino();
        let owner = match vmbus.driver.as_deref() {
            None => Owner::Nobody,
            Some(UIO) => Owner::Uio,
            Some(HV_UTILS) => Owner::HvUtils,
            Some(_) => Owner::Other,
        };
        let forced = match fs::read_to_string(directory.join("driver_override")).unwrap_or_default().trim() {
            // The kernel prints an override that is not set as a null pointer.
            "" | "(null)" => Override::None,
            UIO => Override::Uio,
            _ => Override::Other,
        };
        let identity = Identity { relid: vmbus.relid, inode };
        Some(Found { vmbus, device: Device { identity, owner, forced } })
    }

    /// The uio node of a device, if it has one.
    #[must_use]
    pub fn node(&self, vmbus: &VmbusDevice, dev_root: &Path) -> Option<Node> {
        let name = format!("uio{}", vmbus.uio.as_ref()?.index);
        let attribute = self.path("devices").join(&vmbus.instance).join("uio").join(&name).join("dev");
        let text = fs::read_to_string(attribute).unwrap_or_default();
        let number = text
            .trim()
            .split_once(':')
            .and_then(|(major, minor)| Some(rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?)));
        Some(Node { path: dev_root.join(name), number })
    }

    /// Whether the guest is set up to hibernate: the host allows it, and the kernel can.
    #[must_use]
    pub fn hibernation(&self) -> bool {
        fs::read_to_string(self.path("hibernation")).is_ok_and(|text| text.trim() == "1")
    }

    /// Whether that driver is there.
    #[must_use]
    pub fn has_driver(&self, driver: &str) -> bool {
        self.path("drivers").join(driver).exists()
    }

    /// Whether this is the machine's own sysfs.
    fn is_real(&self) -> bool {
        self.sysfs == Path::new("/sys")
    }

    /// Whether new devices are given to drivers.
    #[must_use]
    pub fn probes(&self) -> bool {
        fs::read_to_string(self.path("drivers_autoprobe")).is_ok_and(|text| text.trim() != "0")
    }

    /// Lets new devices be given to drivers, or not.
    ///
    /// # Errors
    /// The write failed.
    pub fn set_probing(&self, on: bool) -> Result<(), Error> {
        self.set(&self.path("drivers_autoprobe"), if on { "1\n" } else { "0\n" })
    }

    /// Sets a device's override, or clears it.
    ///
    /// # Errors
    /// The write failed; not if the device is gone.
    pub fn set_override(&self, instance: &str, driver: Option<&str>) -> Result<(), Error> {
        let path = self.path("devices").join(instance).join("driver_override");
        // Only a newline clears: an empty write never reaches the kernel's code.
        self.set(&path, &format!("{}\n", driver.unwrap_or_default()))
    }

    /// Takes a device from `driver`; `false` if it was not there. Waits, bounded, for programs that have a char device of
    /// `hv_utils` open. Nobody may have a uio node open, see [`openers()`].
    ///
    /// # Errors
    /// The write is forbidden, or somebody keeps the device open.
    pub fn unbind(&self, instance: &str, driver: &str) -> Result<bool, Error> {
        unbind::unbind(&self.path("drivers").join(driver).join("unbind"), instance)
    }

    /// Gives a device to a driver; `false` if the driver does not take it.
    ///
    /// # Errors
    /// The write is forbidden.
    pub fn bind(&self, instance: &str, goal: Goal) -> Result<bool, Error> {
        told(&self.path("drivers").join(goal.driver()).join("bind"), instance)
    }

    /// Gives a device without a driver to the one that wants it, if any does.
    ///
    /// # Errors
    /// The write is forbidden.
    pub fn probe(&self, instance: &str) -> Result<bool, Error> {
        told(&self.path("drivers_probe"), instance)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sysfs.join("bus/vmbus").join(name)
    }

    fn set(&self, path: &Path, text: &str) -> Result<(), Error> {
        let written = OpenOptions::new().write(true).truncate(true).open(path);
        match written.and_then(|mut file| file.write_all(text.as_bytes())) {
            Err(error) if is_gone(&error) && path.ends_with("driver_override") => Ok(()),
            other => other.map_err(|error| Error::io("write to", path, &error)),
        }
    }
}

/// Writes a device's name to a file of commands; `false` if the kernel does not do it.
fn told(path: &Path, instance: &str) -> Result<bool, Error> {
    match command(path, instance) {
        Ok(()) => Ok(true),
        Err(error) if is_forbidden(&error) => Err(Error::io("write to", path, &error)),
        Err(error) => {
            tracing::debug!(%error, instance, path = %path.display(), "the kernel does not do it");
            Ok(false)
        }
    }
}

/// One command is one write. Appending is the same to sysfs; to a file, it keeps the command before.
fn command(path: &Path, instance: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(format!("{instance}\n").as_bytes())
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Whether a device was not there any more: the file is missing, or was when it was written to.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error())
}
