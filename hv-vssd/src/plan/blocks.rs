//! What block devices stand on, told from sysfs: device mapper, md, bcache and partitions on other devices, loop devices on
//! files.
//!
//! A device that names nothing below it ends the way: disks, and also zram and brd, which are in memory. What a local program
//! serves as a disk (nbd) cannot be seen through.

use super::look::{Look, Seen};
use super::mountinfo;
use super::{Device, Roots};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Major number of loop devices (`Documentation/admin-guide/devices.txt`).
const LOOP: u32 = 7;
/// How many devices are looked at under one filesystem.
const MOST_DEVICES: usize = 1000;
/// How many entries are read of a directory.
const MOST_ENTRIES: usize = 10_000;
/// No file that is read here is longer: those of sysfs have a page, and the kernel's command line has some KiB.
const MOST_BYTES: u64 = 64 * 1024;

/// The block devices. What has been read of one is kept.
pub(super) struct Blocks<'a> {
    roots: &'a Roots,
    pub(super) look: &'a dyn Look,
    below: RefCell<HashMap<Device, Below>>,
    btrfs: OnceCell<Vec<Btrfs>>,
}

/// What is directly under a device.
#[derive(Debug, Clone)]
enum Below {
    Devices(Vec<Device>),
    /// It is a loop device on this file.
    File(PathBuf),
    /// It is a loop device whose file the kernel does not name.
    Nameless,
}

/// A btrfs that is mounted somewhere.
#[derive(Debug)]
struct Btrfs {
    uuid: OsString,
    members: Vec<Device>,
}

/// What devices end on, other than disks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Feet {
    /// The files of loop devices, as the kernel names them.
    pub(super) files: BTreeSet<PathBuf>,
    /// There is a loop device whose file the kernel does not name.
    pub(super) nameless: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(roots: &'a Roots, look: &'a dyn Look) -> Self {
        Self { roots, look, below: RefCell::default(), btrfs: OnceCell::new() }
    }

    /// What `devices` end on. Each device is seen once, so a circle, which cannot be, would not matter.
    pub(super) fn feet(&self, devices: Vec<Device>) -> Feet {
        let mut feet = Feet::default();
        let mut seen = BTreeSet::new();
        let mut open = devices;
        while let Some(device) = open.pop() {
            if !seen.insert(device) {
                continue;
            }
            let mut known = self.below.borrow_mut();
            match known.entry(device).or_insert_with(|| self.below(device)) {
                Below::Devices(devices) => open.extend_from_slice(devices),
                Below::File(file) => drop(feet.files.insert(file.clone())),
                Below::Nameless => feet.nameless = true,
            }
            if seen.len() > MOST_DEVICES {
                // No more is looked at, so it may end on any file.
                feet.nameless = true;
                break;
            }
        }
        feet
    }

    fn below(&self, device: Device) -> Below {
        let disk = self.disk(device);
        match read_path(&disk.join("loop/backing_file")) {
            Some(file) => match self.device_of(&file) {
                Some(device) => Below::Devices(vec![device]),
                None => Below::File(file),
            },
            None if device.major == LOOP => Below::Nameless,
            None => Below::Devices(slaves(&disk).chain(caches(&disk)).collect()),
        }
    }

    /// The directory of `device`, or if that is a partition, of its disk.
    fn disk(&self, device: Device) -> PathBuf {
        let directory = self.roots.sys.join(format!("dev/block/{}:{}", device.major, device.minor));
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
        let known = self.roots.sys.join("class/block").join(OsString::from_vec(name)).join("dev");
        read_device(&known).or_else(|| match self.look.device(path) {
            Seen::There { block: Some(block), .. } => Some(block),
            _ if path == Path::new("/dev/root") => self.root(),
            _ => None,
        })
    }

    /// What the kernel was told to mount as root, where it did so itself, without an initramfs: it calls that `/dev/root`,
    /// which is no name of a device.
    fn root(&self) -> Option<Device> {
        let line = read(&self.roots.proc.join("cmdline"))?;
        let words = line.split(u8::is_ascii_whitespace);
        let word = words.filter_map(|word| word.strip_prefix(b"root=")).next_back()?;
        let path = Path::new(OsStr::from_bytes(word));
        match path != Path::new("/dev/root") && path.starts_with("/dev") {
            true => self.device_of(path),
            false => mountinfo::device(word),
        }
    }

    /// All devices of the btrfs that was mounted by the name `source`; of a kernel that lists none, the one of that name.
    pub(super) fn btrfs(&self, source: &Path) -> Option<Vec<Device>> {
        let all = self.btrfs.get_or_init(|| self.all_btrfs());
        let own = self.device_of(source);
        let uuid = source.as_os_str().as_bytes().strip_prefix(b"UUID=");
        let is_it = |btrfs: &&Btrfs| {
            own.is_some_and(|own| btrfs.members.contains(&own))
                || uuid.is_some_and(|uuid| btrfs.uuid.as_bytes().eq_ignore_ascii_case(uuid))
        };
        match (all.iter().find(is_it), own, &all[..]) {
            (Some(btrfs), _, _) => Some(btrfs.members.clone()),
            (None, Some(own), _) => Some(vec![own]),
            // All that are mounted anywhere are listed, so it can only be this one.
            (None, None, [only]) => Some(only.members.clone()),
            (None, None, _) => None,
        }
    }

    fn all_btrfs(&self) -> Vec<Btrfs> {
        let filesystem = |directory: PathBuf| {
            let members = entries(&directory.join("devices"));
            let members = members.filter_map(|member| read_device(&member.join("dev"))).collect();
            Some(Btrfs { uuid: directory.file_name()?.to_owned(), members })
        };
        let all = entries(&self.roots.sys.join("fs/btrfs")).filter_map(filesystem);
        all.filter(|btrfs| !btrfs.members.is_empty()).collect()
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
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .take(MOST_ENTRIES)
        .filter_map(|entry| Some(entry.ok()?.path()))
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn read_device(file: &Path) -> Option<Device> {
    mountinfo::device(read(file)?.trim_ascii_end())
}

/// A path that the kernel wrote, with a line's end after it and nothing escaped.
fn read_path(file: &Path) -> Option<PathBuf> {
    let mut path = read(file)?;
    path.pop_if(|last| *last == b'\n');
    Some(PathBuf::from(OsString::from_vec(path))).filter(|path| path.is_absolute())
}
