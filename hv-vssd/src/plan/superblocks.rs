//! The mounts, put together by superblock: what is frozen is a superblock, however often it is mounted.
//!
//! `major:minor` of `mountinfo` names it: the same at every place, for bind mounts and for all subvolumes of a btrfs.

use super::Device;
use super::kinds::Class;
use super::look::{Look, Seen};
use super::mountinfo::Mount;
use super::tree::Tree;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// One superblock.
#[derive(Debug)]
pub(super) struct Superblock {
    pub(super) device: Device,
    /// Its mounts, the one by which it is best opened first; without hidden ones if there are others.
    pub(super) places: Vec<usize>,
    /// How many of them, from the first, can be opened without asking another machine or a program, and are not files.
    pub(super) near: usize,
    /// Why it cannot be opened.
    pub(super) shut: Option<Shut>,
}

/// Why a superblock cannot be opened by any of its mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    /// All are hidden.
    Hidden,
    /// All show only a file, by which nothing is opened.
    Files,
    /// The way to all leads over others' mounts, as the one with this index, which may not answer.
    Far(usize),
}

impl Superblock {
    /// The mount by which it is opened.
    pub(super) fn mount<'a>(&self, mounts: &'a [Mount]) -> &'a Mount {
        &mounts[self.places[0]]
    }
}

/// All superblocks, by number.
pub(super) fn collect(mounts: &[Mount], tree: &Tree<'_>, look: &dyn Look) -> Vec<Superblock> {
    let directories = with_mounts_below(mounts, tree);
    let mut groups: BTreeMap<Device, Vec<usize>> = BTreeMap::new();
    for (index, mount) in (0..).zip(mounts) {
        groups.entry(mount.device).or_default().push(index);
    }
    groups
        .into_iter()
        .map(|(device, places)| {
            let mut made = superblock(device, places, mounts, tree, &directories);
            let class = Class::of(&made.mount(mounts).kind, device);
            if class == Class::Disk && made.shut.is_none() {
                put_files_last(&mut made, mounts, tree, &directories, look);
            }
            made
        })
        .collect()
}

fn superblock(
    device: Device,
    mut places: Vec<usize>,
    mounts: &[Mount],
    tree: &Tree<'_>,
    directories: &HashSet<usize>,
) -> Superblock {
    let visible: Vec<usize> = places.iter().copied().filter(|index| !tree.is_hidden(*index)).collect();
    let hidden = visible.is_empty();
    if !hidden {
        places = visible;
    }
    // A bind mount may be of a file, by which nothing can be opened, and looks like one of a directory. What shows the
    // whole filesystem is a directory, and so is what has something mounted in it.
    places.sort_by_cached_key(|index| {
        let mount = &mounts[*index];
        let whole = mount.root == Path::new("/");
        (
            tree.far(*index).is_some(),
            tree.point_may_hang(*index),
            !whole,
            !directories.contains(index),
            mount.point.as_os_str().len(),
            mount.point.clone(),
            mount.id,
        )
    });
    let near = places.iter().take_while(|index| tree.far(**index).is_none()).count();
    let shut = if hidden { Some(Shut::Hidden) } else { tree.far(places[0]).map(Shut::Far) };
    Superblock { device, places, near, shut }
}

/// What may be a file is looked at until something else is found, where looking cannot hang.
fn put_files_last(
    superblock: &mut Superblock,
    mounts: &[Mount],
    tree: &Tree<'_>,
    directories: &HashSet<usize>,
    look: &dyn Look,
) {
    let is_file = |index: &usize| {
        let mount = &mounts[*index];
        let certain = mount.root == Path::new("/") || directories.contains(index);
        !certain
            && !tree.point_may_hang(*index)
            && matches!(look.at(&mount.point), Seen::There { mount: id, directory: false, .. } if id == mount.id)
    };
    let files = superblock.places[..superblock.near].iter().take_while(|index| is_file(index)).count();
    superblock.places.rotate_left(files);
    superblock.near -= files;
    superblock.shut = match superblock.places.len() - files {
        0 => Some(Shut::Files),
        _ => tree.far(superblock.places[0]).map(Shut::Far),
    };
}

/// The mounts in which something else is mounted.
fn with_mounts_below(mounts: &[Mount], tree: &Tree<'_>) -> HashSet<usize> {
    mounts.iter().filter_map(|mount| tree.by_id(mount.parent)).collect()
}
