//! What a superblock stands on: other superblocks on which the files lie that are its disks, or whose directories it shows.
//!
//! Asked of any superblock, also of what is not frozen: what lies between two that are frozen counts as well. Only where
//! something writes to matters: the lower directories of an overlay are not written.

use super::Device;
use super::blocks::{Blocks, Feet};
use super::kinds::Class;
use super::look::Seen;
use super::mountinfo::Mount;
use super::superblocks::Superblock;
use super::tree::Tree;
use std::collections::HashMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What the kernel puts after the path of a file that has been removed.
const DELETED: &[u8] = b" (deleted)";

/// What is under a superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Under {
    /// This superblock.
    Superblock(usize),
    /// Disks, and it cannot be told which: nearly always real ones, but they may be files of any other.
    SomeDisks,
    /// A file or directory, and it cannot be told where it lies: that may be in any other, also in one on unknown disks.
    Anything,
}

/// One thing that a superblock stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ground {
    pub(super) on: Under,
    /// How it stands on it, for people.
    pub(super) how: String,
}

/// Finds what superblocks stand on.
pub(super) struct Grounds<'a> {
    mounts: &'a [Mount],
    superblocks: &'a [Superblock],
    tree: &'a Tree<'a>,
    blocks: Blocks<'a>,
    by_device: HashMap<Device, usize>,
}

impl<'a> Grounds<'a> {
    pub(super) fn new(
        mounts: &'a [Mount],
        superblocks: &'a [Superblock],
        tree: &'a Tree<'a>,
        blocks: Blocks<'a>,
    ) -> Self {
        let by_device =
            (0..).zip(superblocks).map(|(index, superblock)| (superblock.device, index)).collect();
        Self { mounts, superblocks, tree, blocks, by_device }
    }

    /// What the superblock with this index stands on; nothing if that is a disk or memory.
    pub(super) fn of(&self, index: usize) -> Vec<Ground> {
        let superblock = &self.superblocks[index];
        let mount = superblock.mount(self.mounts);
        match Class::of(&mount.kind, superblock.device) {
            Class::Pseudo => Vec::new(),
            Class::Stacked => self.of_stacked(mount),
            // Only asked if the disk of another is a file there. Its server may be this machine, and have its data anywhere.
            Class::Network | Class::Fuse => {
                vec![unknown(Under::Anything, "its data may be on this machine as well")]
            }
            Class::Disk | Class::Unfreezable | Class::Shared | Class::ReadOnly => match self.devices(mount) {
                Some(devices) => self.of_feet(&self.blocks.feet(devices)),
                None => vec![unknown(Under::SomeDisks, "its disks cannot be told")],
            },
        }
    }

    /// Of an overlay where it writes, of the others what was mounted.
    fn of_stacked(&self, mount: &Mount) -> Vec<Ground> {
        let overlay = mount.kind.starts_with("overlay");
        let directory = if overlay { mount.option("upperdir") } else { Some(mount.source.clone()) };
        let Some(directory) = directory else { return Vec::new() };
        // A backslash may be one of the name, or of whoever mounted it with one before a ',' or ':'.
        let on = self.locate(&directory).or_else(|| self.locate(&without_backslashes(&directory)));
        vec![at(on, "it writes to", &directory)]
    }

    fn of_feet(&self, feet: &Feet) -> Vec<Ground> {
        let files = feet.files.iter();
        let mut grounds: Vec<Ground> =
            files.map(|file| at(self.locate(file), "its disk is the file", file)).collect();
        if feet.nameless {
            grounds.push(unknown(Under::Anything, "its disk is a file that cannot be told"));
        }
        grounds
    }

    /// The block devices of `mount`: its own, and those for logs and the like that its options name. `None`: not known.
    fn devices(&self, mount: &Mount) -> Option<Vec<Device>> {
        let mut devices = match mount.kind.as_str() {
            _ if mount.device.major != 0 => vec![mount.device],
            "btrfs" => self.blocks.btrfs(&mount.source)?,
            // Flash, by a way of its own.
            "ubifs" | "jffs2" => Vec::new(),
            _ => self.members(&mount.source)?,
        };
        // xfs, ext4, reiserfs.
        let others =
            ["logdev", "rtdev", "journal_path", "jdev"].into_iter().filter_map(|name| mount.option(name));
        devices.extend(others.filter_map(|path| self.blocks.device_of(&path)));
        Some(devices)
    }

    /// The devices in a list with colons, as bcachefs has it.
    fn members(&self, source: &Path) -> Option<Vec<Device>> {
        let names = source.as_os_str().as_bytes().split(|byte| *byte == b':');
        names.map(|name| self.blocks.device_of(&bytes_path(name))).collect()
    }

    /// The superblock on which the file or directory `path` lies; `None` if it cannot be told.
    fn locate(&self, path: &Path) -> Option<usize> {
        let mount = self.mount_of(path).or_else(|| {
            // Of a removed file there is still the directory that it was in.
            let whole = bytes_path(path.as_os_str().as_bytes().strip_suffix(DELETED)?);
            self.mount_of(whole.parent()?)
        });
        self.by_device.get(&self.mounts[mount?].device).copied()
    }

    fn mount_of(&self, path: &Path) -> Option<usize> {
        let by_name = || self.tree.find(path);
        if !path.is_absolute() {
            return None;
        }
        if self.tree.may_hang(path) {
            return by_name();
        }
        match self.blocks.look.at(path) {
            Seen::There { mount, .. } => self.tree.by_id(mount).or_else(by_name),
            Seen::Absent => None,
            Seen::Unknown => by_name(),
        }
    }
}

fn without_backslashes(path: &Path) -> PathBuf {
    let mut bytes = path.as_os_str().as_bytes().iter();
    let kept = std::iter::from_fn(|| match bytes.next() {
        Some(b'\\') => bytes.next(),
        other => other,
    });
    bytes_path(&kept.copied().collect::<Vec<u8>>())
}

fn at(on: Option<usize>, how: &str, path: &Path) -> Ground {
    let unknown = if on.is_some() { "" } else { ", and it cannot be told where that is" };
    Ground {
        on: on.map_or(Under::Anything, Under::Superblock),
        how: format!("{how} {}{unknown}", path.display()),
    }
}

fn unknown(on: Under, how: &str) -> Ground {
    Ground { on, how: how.to_owned() }
}

fn bytes_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes.to_vec()))
}
