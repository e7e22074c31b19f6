//! What block devices stand on, told from sysfs: device mapper, md, bcache and partitions on other devices, loop devices on
//! files.
//!
//! A device that names nothing below it ends the way: disks, and also zram and brd, which are in memory. What a local program
//! serves as a disk (nbd) cannot be seen through.

use super::Device;
use super::look::{Look, Seen};
use super::mountinfo;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Major number of loop devices (`Documentation/admin-guide/devices.txt`).
const LOOP: u32 = 7;

/// The block devices below [`sys`](Self::sys).
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub(super) sys: &'a Path,
    pub(super) look: &'a dyn Look,
}

/// What devices end on, other than disks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Feet {
    /// The files of loop devices, as the kernel names them.
    pub(super) files: BTreeSet<PathBuf>,
    /// There is a loop device whose file the kernel does not name.
    pub(super) nameless: bool,
}

impl Blocks<'_> {
    /// What `devices` end on. Each device is seen once, so a circle, which cannot be, would not matter.
    pub(super) fn feet(&self, devices: Vec<Device>) -> Feet {
        let mut feet = Feet::default();
        let mut seen = BTreeSet::new();
        let mut open = devices;
        while let Some(device) = open.pop() {
            if seen.insert(device) {
                open.extend(self.below(device, &mut feet));
            }
        }
        feet
    }

    /// The devices directly under `device`; if it is a loop device on a file, that is noted.
    fn below(&self, device: Device, feet: &mut Feet) -> Vec<Device> {
        let disk = self.disk(device);
        match read_path(&disk.join("loop/backing_file")) {
            Some(file) => match self.device_of(&file) {
                Some(device) => vec![device],
                None => {
                    feet.files.insert(file);
                    Vec::new()
                }
            },
            None if device.major == LOOP => {
                feet.nameless = true;
                Vec::new()
            }
            None => slaves(&disk).chain(caches(&disk)).collect(),
        }
    }

    /// The directory of `device`, or if that is a partition, of its disk.
    fn disk(&self, device: Device) -> PathBuf {
        let directory = self.sys.join(format!("dev/block/{}:{}", device.major, device.minor));
        match directory.join("partition").exists() {
            true => directory.join(".."),
            false => directory,
        }
    }

    /// The numbers of the device node `path`; `None` if it is none. Only below /dev is looked.
    pub(super) fn device_of(&self, path: &Path) -> Option<Device> {
        let name = path.strip_prefix("/dev").ok()?;
        // sysfs has '!' for the '/' in a device's name (`cciss/c0d0`).
        let name: Vec<u8> =
            name.as_os_str().as_bytes().iter().map(|byte| if *byte == b'/' { b'!' } else { *byte }).collect();
        let known = self.sys.join("class/block").join(OsString::from_vec(name)).join("dev");
        read_device(&known).or_else(|| match self.look.device(path) {
            Seen::There { block, .. } => block,
            Seen::Absent | Seen::Unknown => None,
        })
    }

    /// All devices of the btrfs of which `source` is one.
    pub(super) fn btrfs(&self, source: &Path) -> Option<Vec<Device>> {
        let own = self.device_of(source)?;
        let members = |filesystem: PathBuf| -> Vec<Device> {
            entries(&filesystem.join("devices"))
                .filter_map(|member| read_device(&member.join("dev")))
                .collect()
        };
        let mut all = entries(&self.sys.join("fs/btrfs")).map(members);
        Some(all.find(|members| members.contains(&own)).unwrap_or_else(|| vec![own]))
    }
}

fn slaves(disk: &Path) -> impl Iterator<Item = Device> + use<> {
    entries(&disk.join("slaves")).filter_map(|slave| read_device(&slave.join("dev")))
}

/// The caching devices of a bcache: each is a link to a directory in the caching device's own. What it caches is a slave.
fn caches(disk: &Path) -> impl Iterator<Item = Device> + use<> {
    let set = entries(&disk.join("bcache/cache"));
    let caches =
        set.filter(|entry| entry.file_name().is_some_and(|name| name.as_bytes().starts_with(b"cache")));
    caches.filter_map(|cache| read_device(&cache.join("../dev")))
}

/// What is in a directory; nothing if there is none.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

fn read_device(file: &Path) -> Option<Device> {
    mountinfo::device(fs::read(file).ok()?.trim_ascii_end())
}

/// A path that the kernel wrote, with a line's end after it and nothing escaped.
fn read_path(file: &Path) -> Option<PathBuf> {
    let mut path = fs::read(file).ok()?;
    path.pop_if(|last| *last == b'\n');
    Some(PathBuf::from(OsString::from_vec(path))).filter(|path| path.is_absolute())
}
