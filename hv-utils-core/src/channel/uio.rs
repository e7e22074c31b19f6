//! Opens the raw VMBus channel of a device that is bound to `uio_hv_generic`.
//!
//! After this it is a [`RingChannel`] like any other. Sizes come from the maps, never from a constant: kernels differ.
//! That the interrupt may be masked at opening (before Linux b15b7d2a1b09) or not is the receive loop's matter.

use super::doorbell::{Doorbell, UioBell};
use super::error::ChannelError;
use super::monitor::{self, MonitorBit};
use super::nodes::{Nodes, UioNode};
use super::ring_channel::{End, RingChannel};
use super::sysfs::{self, VmbusDevice};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Map numbers of `uio_hv_generic`.
const RINGS: u32 = 0;
const INTERRUPT_PAGE: u32 = 1;
const MONITOR_PAGE: u32 = 2;

/// The device's node.
pub(super) fn node_path(dev_root: &Path, index: u32) -> PathBuf {
    dev_root.join(format!("uio{index}"))
}

/// Opens the channel; the host begins to negotiate at once.
pub(super) fn open(
    device: &VmbusDevice,
    sysfs_root: &Path,
    dev_root: &Path,
    nodes: &dyn Nodes,
) -> Result<RingChannel, ChannelError> {
    let (index, bytes) = device
        .uio
        .as_ref()
        .zip(device.ring_bytes())
        .map(|(uio, ring)| (uio.index, 2 * ring))
        .ok_or(ChannelError::Closed)?;
    let bytes = usize::try_from(bytes).map_err(|_| too_large())?;
    let node = nodes.open_uio(&node_path(dev_root, index)).map_err(not_opened)?;
    // Numbers are used again: between sysfs and the opening, the node could have become another device's.
    if sysfs::uio_index(sysfs_root, &device.instance) != Some(index) {
        return Err(ChannelError::Closed);
    }
    let memory = node.map(RINGS, bytes).map_err(ChannelError::io("map the rings of the uio node"))?;
    let monitor = match device.monitor_id {
        Some(id) => Some(monitor_bit(&*node, device, id)?),
        None => None,
    };
    let bell = UioBell::new(node, monitor).map_err(ChannelError::io("wait for the uio node"))?;
    let control_bytes = rustix::param::page_size();
    RingChannel::new(Arc::new(memory), control_bytes, End::Guest, Doorbell::Uio(bell))
}

/// EINVAL is `vmbus_connect_ring`'s word for a channel that is not in the state of an offer.
fn not_opened(error: io::Error) -> ChannelError {
    match Errno::from_io_error(&error) {
        Some(Errno::INVAL) => ChannelError::StillOpen,
        _ => ChannelError::io("open the uio node")(error),
    }
}

fn monitor_bit(node: &dyn UioNode, device: &VmbusDevice, id: u8) -> Result<MonitorBit, ChannelError> {
    let map = |index| {
        node.map(index, monitor::PAGE_BYTES).map_err(ChannelError::io("map the monitor page of the uio node"))
    };
    let relid = device.relid.ok_or(ChannelError::Closed)?;
    MonitorBit::new(map(INTERRUPT_PAGE)?, map(MONITOR_PAGE)?, relid, id).ok_or_else(|| {
        let source = io::Error::new(io::ErrorKind::InvalidData, "its bit lies outside the page");
        ChannelError::Io { what: "use the monitor page", source }
    })
}

fn too_large() -> ChannelError {
    let source = io::Error::new(io::ErrorKind::OutOfMemory, "they are larger than the address space");
    ChannelError::Io { what: "map the rings of the uio node", source }
}
