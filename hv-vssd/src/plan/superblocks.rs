//! The mounts, put together by superblock: what is frozen is a superblock, however often it is mounted.
//!
//! `major:minor` of `mountinfo` names it: the same at every place, for bind mounts and for all subvolumes of a btrfs.

use super::Device;
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
    /// All its mounts are hidden.
    pub(super) hidden: bool,
}

impl Superblock {
    /// The mount by which it is opened.
    pub(super) fn mount<'a>(&self, mounts: &'a [Mount]) -> &'a Mount {
        &mounts[self.places[0]]
    }
}

/// All superblocks, by number.
pub(super) fn collect(mounts: &[Mount], tree: &Tree<'_>) -> Vec<Superblock> {
    let directories = with_mounts_below(mounts, tree);
    let mut groups: BTreeMap<Device, Vec<usize>> = BTreeMap::new();
    for (index, mount) in (0..).zip(mounts) {
        groups.entry(mount.device).or_default().push(index);
    }
    groups
        .into_iter()
        .map(|(device, places)| superblock(device, places, mounts, tree, &directories))
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
        let may_hang = tree.may_hang(&mount.point);
        (
            may_hang,
            !whole,
            !directories.contains(index),
            mount.point.as_os_str().len(),
            mount.point.clone(),
            mount.id,
        )
    });
    Superblock { device, places, hidden }
}

/// The mounts in which something else is mounted.
fn with_mounts_below(mounts: &[Mount], tree: &Tree<'_>) -> HashSet<usize> {
    mounts.iter().filter_map(|mount| tree.by_id(mount.parent)).collect()
}
