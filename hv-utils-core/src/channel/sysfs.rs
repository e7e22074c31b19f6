//! VMBus devices as sysfs shows them: class, driver, channel, uio node and maps.
//!
//! It only reads, and decides nothing. Devices are found by class GUID, never by instance. A device can go away
//! between two reads and its attributes can come late, so what is missing is `None` and not an error.
//! Layout: Linux `Documentation/ABI/stable/sysfs-bus-vmbus`, `drivers/uio/uio.c`.

use crate::wire::Guid;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Linux `enum vmbus_channel_state`: `CHANNEL_OPENED_STATE`. `CHANNEL_OPEN_STATE`, the one before it, is that of a channel which may
/// be opened: after its offer, and again after it was closed (`drivers/hv/channel.c`, `__vmbus_open`, `vmbus_close_internal`).
const OPENED: u32 = 3;

/// A device on the VMBus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmbusDevice {
    /// Directory name under `bus/vmbus/devices`: the instance GUID without braces.
    pub instance: String,
    /// What kind of device it is (`class_id`).
    pub class: Guid,
    /// The device's own GUID as the host offers it (`device_id`).
    pub device_id: Option<Guid>,
    /// The driver it is bound to, for example `hv_utils` or `uio_hv_generic`.
    pub driver: Option<String>,
    /// Number of its primary channel (`id`); another one after each offer.
    pub relid: Option<u32>,
    /// State of its primary channel (`state`): 0 being offered, 1 being opened, 2 not open, 3 open.
    pub state: Option<u32>,
    /// Bit of the monitor page that signals the host (`channels/RELID/monitor_id`). Rare: then, and only then,
    /// writing to the uio node does not signal.
    pub monitor_id: Option<u8>,
    /// What `uio_hv_generic` made of it, if bound to it.
    pub uio: Option<Uio>,
}

/// A uio device and its memory maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uio {
    /// The number in `/dev/uioN`.
    pub index: u32,
    /// The maps in order; map 0 holds the two rings. Empty while the kernel has not shown them yet.
    pub maps: Vec<UioMap>,
}

/// One memory map of a uio device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UioMap {
    /// Number of the map; it is mapped at this many pages into the node.
    pub index: u32,
    /// Its name, for example `txrx_rings`.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

impl VmbusDevice {
    /// Bytes of one ring with its control page: half of map 0, which is right on every kernel.
    #[must_use]
    pub fn ring_bytes(&self) -> Option<u64> {
        let uio = self.uio.as_ref()?;
        uio.maps.iter().find(|map| map.index == 0).map(|map| map.size / 2)
    }

    /// Whether its channel is not open yet, or not any more. A kernel that does not say is believed to have it open.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.is_some_and(|state| state < OPENED)
    }

    /// Bytes in all maps together: on some kernels a device bound to `uio_hv_generic` costs 47 MiB.
    #[must_use]
    pub fn mapped_bytes(&self) -> u64 {
        self.uio.as_ref().map_or(0, |uio| uio.maps.iter().map(|map| map.size).sum())
    }
}

/// All VMBus devices, sorted by instance. A machine without VMBus has none.
///
/// # Errors
/// The directory of devices exists but cannot be read.
pub fn devices(sysfs_root: &Path) -> io::Result<Vec<VmbusDevice>> {
    let directory = sysfs_root.join("bus/vmbus/devices");
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let Ok(instance) = entry?.file_name().into_string() else { continue };
        let path = directory.join(&instance);
        found.extend(read_device(&path, instance));
    }
    found.sort_by(|a, b| a.instance.cmp(&b.instance));
    Ok(found)
}

/// The device of that class; if the bus has several, the one with the lowest instance.
///
/// # Errors
/// As [`devices`].
pub fn find(sysfs_root: &Path, class: Guid) -> io::Result<Option<VmbusDevice>> {
    Ok(devices(sysfs_root)?.into_iter().find(|device| device.class == class))
}

/// The number of the uio node that belongs to an instance now.
#[must_use]
pub fn uio_index(sysfs_root: &Path, instance: &str) -> Option<u32> {
    find_uio_directory(&sysfs_root.join("bus/vmbus/devices").join(instance)).map(|(index, _)| index)
}

/// Whether the kernel has a misc device of that name, for example `vmbus/hv_kvp`.
#[must_use]
pub fn has_misc_device(sysfs_root: &Path, name: &str) -> bool {
    // A slash cannot be in a file name: the kernel writes an exclamation mark.
    sysfs_root.join("class/misc").join(name.replace('/', "!")).exists()
}

fn read_device(path: &Path, instance: String) -> Option<VmbusDevice> {
    let class = attribute(path, "class_id")?.parse().ok()?;
    let relid: Option<u32> = attribute(path, "id").and_then(|text| text.parse().ok());
    let monitor_id = relid
        .and_then(|relid| attribute(path, &format!("channels/{relid}/monitor_id")))
        .and_then(|text| text.parse().ok());
    Some(VmbusDevice {
        instance,
        class,
        device_id: attribute(path, "device_id").and_then(|text| text.parse().ok()),
        driver: driver(path),
        relid,
        state: attribute(path, "state").and_then(|text| text.parse().ok()),
        monitor_id,
        uio: read_uio(path),
    })
}

fn driver(path: &Path) -> Option<String> {
    let target = fs::read_link(path.join("driver")).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

fn read_uio(device: &Path) -> Option<Uio> {
    let (index, path) = find_uio_directory(device)?;
    Some(Uio { index, maps: (0..).map_while(|number| read_map(&path, number)).collect() })
}

fn find_uio_directory(device: &Path) -> Option<(u32, PathBuf)> {
    fs::read_dir(device.join("uio")).ok()?.filter_map(Result::ok).find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name.strip_prefix("uio")?.parse().ok()?, entry.path()))
    })
}

fn read_map(uio: &Path, index: u32) -> Option<UioMap> {
    let path = uio.join(format!("maps/map{index}"));
    let size = attribute(&path, "size")?;
    let size = u64::from_str_radix(size.strip_prefix("0x").unwrap_or(&size), 16).ok()?;
    Some(UioMap { index, name: attribute(&path, "name").unwrap_or_default(), size })
}

/// An attribute's text without the newline at its end.
fn attribute(path: &Path, name: &str) -> Option<String> {
    fs::read_to_string(path.join(name)).ok().map(|text| text.trim_end().to_owned())
}

#[cfg(test)]
#[path = "sysfs_tests.rs"]
mod tests;
