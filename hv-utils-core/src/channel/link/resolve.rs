//! Which way to the host there is now, for what was asked for.
//!
//! [`facts`] reads what there is, [`resolve`] decides by it alone; nothing is opened here. A device found in the middle
//! of being set up is [`Target::Late`]: worth another look in a moment.

use super::LinkOptions;
use crate::channel::hv_utils::{self, Protocol};
use crate::channel::nodes::Nodes;
use crate::channel::sysfs::{self, VmbusDevice};
use crate::channel::{ChannelChoice, uio};
use crate::wire::Ic;
use std::fmt;
use std::io;
use std::time::Duration;

/// Driver names in sysfs.
pub(super) const UIO_DRIVER: &str = "uio_hv_generic";
pub(super) const KERNEL_DRIVER: &str = "hv_utils";

/// How long a char device is left alone after its driver has made it.
///
/// The driver shows the device before it has finished with it. A registration in between is handed to what was there before:
/// to nothing, or to the memory of a device that is gone, and the kernel ends or spins for ever (Linux 6.12.95,
/// `hv_kvp_init_transport`: the pointer is set after `misc_register`). Before Linux 6.13 it can be there before the channel
/// is open, with the same end. Nothing in sysfs tells the end of a probe; what is missing then takes microseconds.
pub(super) const SETTLED: Duration = Duration::from_secs(1);

/// Where to go.
#[derive(Debug)]
pub(super) enum Target {
    /// Open this device's uio node.
    Uio(VmbusDevice),
    /// Open the kernel's char device.
    CharDevice(&'static Protocol),
    /// The same, once the kernel has certainly finished with it.
    Fresh(&'static Protocol),
    /// The kernel's driver is still opening the channel, or waits for the host.
    Opening,
    /// The kernel serves this IC by itself.
    Kernel,
    /// Something is there, but not all of it yet.
    Late,
    /// Nothing is there that could be used.
    Absent(Absence),
}

/// Why nothing can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Absence {
    /// The host does not offer the IC.
    NoDevice,
    /// The device has no driver.
    Unbound,
    /// The device belongs to a driver that the choice excludes.
    BoundTo(String),
}

impl Absence {
    /// The fixed text for the log.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::NoDevice => "the host does not offer the service",
            Self::Unbound => "the device has no driver",
            Self::BoundTo(_) => "the device has another driver",
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice => {
                f.write_str("waiting until it does (integration services of the VM's settings)")
            }
            Self::Unbound => f.write_str("waiting until uio_hv_generic or hv_utils takes it"),
            Self::BoundTo(driver) => {
                write!(
                    f,
                    "it is bound to {driver}; waiting until it is bound anew (--channel auto takes either)"
                )
            }
        }
    }
}

/// What the decision rests on.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) device: Option<VmbusDevice>,
    /// `/dev/uioN` of the device is there.
    pub(super) uio_node: bool,
    /// `/dev/vmbus/hv_*` of the IC is there, for so long at least.
    pub(super) char_node: Option<Duration>,
}

/// Reads the facts.
///
/// # Errors
/// sysfs cannot be read.
pub(super) fn facts(options: &LinkOptions, nodes: &dyn Nodes) -> io::Result<Facts> {
    let device = sysfs::find(&options.sysfs_root, options.ic.class())?;
    let uio = device.as_ref().and_then(|device| device.uio.as_ref());
    let uio_node = uio.is_some_and(|uio| uio::node_path(&options.dev_root, uio.index).exists());
    let char_node =
        hv_utils::protocol(options.ic).and_then(|protocol| nodes.age(&options.dev_root.join(protocol.node)));
    Ok(Facts { device, uio_node, char_node })
}

/// Decides.
pub(super) fn resolve(choice: &ChannelChoice, ic: Ic, facts: Facts) -> Target {
    let Facts { device, uio_node, char_node } = facts;
    let Some(device) = device else { return Target::Absent(Absence::NoDevice) };
    let Some(driver) = device.driver.as_deref() else { return Target::Absent(Absence::Unbound) };
    match (driver, choice) {
        (UIO_DRIVER, ChannelChoice::Auto | ChannelChoice::Uio) => {
            if uio_node && device.ring_bytes().is_some() { Target::Uio(device) } else { Target::Late }
        }
        (KERNEL_DRIVER, ChannelChoice::Auto | ChannelChoice::HvUtils) => match hv_utils::protocol(ic) {
            None => Target::Kernel,
            Some(protocol) => match char_node {
                None => Target::Late,
                Some(_) if device.is_closed() => Target::Opening,
                Some(age) if age < SETTLED => Target::Fresh(protocol),
                Some(_) => Target::CharDevice(protocol),
            },
        },
        _ => Target::Absent(Absence::BoundTo(driver.to_owned())),
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
