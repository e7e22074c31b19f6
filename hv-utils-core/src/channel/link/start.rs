//! What is checked once, at start, when the administrator insists on one way to the host.
//!
//! With `auto` and `sim` nothing is: they wait. An explicit `uio` or `hv_utils` that this machine can never serve is
//! told at once, so that a unit fails visibly and not a backup three weeks later.

use super::LinkOptions;
use super::resolve::{self, Facts, KERNEL_DRIVER, UIO_DRIVER};
use crate::channel::nodes::DeviceNodes;
use crate::channel::{ChannelChoice, hv_utils, sysfs, uio};
use crate::wire::Ic;
use rustix::fs::Access;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The first kernel whose `uio_hv_generic` takes integration components, and whose `hv_utils` has no file copy.
const RAW_SINCE: (u32, u32) = (6, 10);

/// How often, and at which distance, a KVP device is looked for before it is said not to exist.
const REPLACEMENT_LOOKS: u32 = 10;
const REPLACEMENT_LOOK_DISTANCE: Duration = Duration::from_millis(100);

/// Why a link cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no such IC here.
    #[error(
        "this machine has no {ic} device: is it a Hyper-V guest, and is the integration service enabled?"
    )]
    NoDevice {
        /// The IC.
        ic: Ic,
    },
    /// The kernel is older than raw VMBus for ICs.
    #[error(
        "kernel {release} cannot bind {ic} to uio_hv_generic: use Linux 6.10 or newer, or --channel hv_utils"
    )]
    KernelTooOld {
        /// The IC.
        ic: Ic,
        /// The kernel's release.
        release: String,
    },
    /// The kernel's driver has no part for the IC.
    #[error("hv_utils of kernel {release} does not serve {ic}: use --channel uio")]
    NotInKernel {
        /// The IC.
        ic: Ic,
        /// The kernel's release.
        release: String,
    },
    /// A node may not be opened.
    #[error("not permitted to open {}: {source}", path.display())]
    NotPermitted {
        /// The node.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// sysfs is there and cannot be read.
    #[error("cannot read the VMBus devices in {}: {source}", path.display())]
    Sysfs {
        /// Root of the tree.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl LinkError {
    /// The exit code of a daemon that ends for this: 69 unavailable, or 77 not permitted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoDevice { .. } | Self::KernelTooOld { .. } | Self::NotInKernel { .. } => 69,
            Self::NotPermitted { .. } => 77,
            Self::Sysfs { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => 77,
            Self::Sysfs { .. } => 69,
        }
    }
}

/// Whether this machine can ever serve what was asked for.
pub(super) fn check(options: &LinkOptions) -> Result<(), LinkError> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    match options.choice {
        ChannelChoice::Auto | ChannelChoice::Sim(_) => Ok(()),
        ChannelChoice::Uio => check_uio(options, &facts(options)?, &release),
        ChannelChoice::HvUtils => check_hv_utils(options, &facts(options)?, &release),
    }
}

/// The facts; for a KVP device that is missing, after a moment. A real host replaces it whenever its channel is
/// closed, so right after the end of the daemon before us it is away for a while.
fn facts(options: &LinkOptions) -> Result<Facts, LinkError> {
    let read = || {
        resolve::facts(options, &DeviceNodes)
            .map_err(|source| LinkError::Sysfs { path: options.sysfs_root.clone(), source })
    };
    let mut facts = read()?;
    if options.ic != Ic::Kvp || !sysfs::devices(&options.sysfs_root).is_ok_and(|all| !all.is_empty()) {
        return Ok(facts);
    }
    for _ in 0..REPLACEMENT_LOOKS {
        if facts.device.is_some() {
            break;
        }
        std::thread::sleep(REPLACEMENT_LOOK_DISTANCE);
        facts = read()?;
    }
    Ok(facts)
}

fn check_uio(options: &LinkOptions, facts: &Facts, release: &str) -> Result<(), LinkError> {
    let ic = options.ic;
    let device = facts.device.as_ref().ok_or(LinkError::NoDevice { ic })?;
    // A device that is bound shows that the kernel can, whatever its number.
    if device.driver.as_deref() != Some(UIO_DRIVER) {
        return if is_older(release, RAW_SINCE) {
            Err(LinkError::KernelTooOld { ic, release: release.to_owned() })
        } else {
            Ok(())
        };
    }
    match &device.uio {
        Some(uio) if facts.uio_node => permitted(&uio::node_path(&options.dev_root, uio.index)),
        _ => Ok(()),
    }
}

fn check_hv_utils(options: &LinkOptions, facts: &Facts, release: &str) -> Result<(), LinkError> {
    let ic = options.ic;
    let device = facts.device.as_ref().ok_or(LinkError::NoDevice { ic })?;
    let Some(protocol) = hv_utils::protocol(ic) else { return Ok(()) };
    if facts.char_node.is_some() {
        return permitted(&options.dev_root.join(protocol.node));
    }
    let offered = device.driver.as_deref() == Some(KERNEL_DRIVER)
        || sysfs::has_misc_device(&options.sysfs_root, protocol.node);
    if ic == Ic::FileCopy && !offered && !is_older(release, RAW_SINCE) {
        return Err(LinkError::NotInKernel { ic, release: release.to_owned() });
    }
    Ok(())
}

fn permitted(path: &Path) -> Result<(), LinkError> {
    match rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) {
        Err(error @ (rustix::io::Errno::ACCESS | rustix::io::Errno::PERM)) => {
            Err(LinkError::NotPermitted { path: path.to_owned(), source: error.into() })
        }
        // Whatever else is wrong with it can pass.
        _ => Ok(()),
    }
}

/// Whether a kernel release, for example `6.1.0-40-amd64`, is older than a version. One that cannot be read is not.
fn is_older(release: &str, than: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < than,
        _ => false,
    }
}

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
