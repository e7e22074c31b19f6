//! Which mount a path leads to, told from `mountinfo` alone.
//!
//! A mount is hidden if another lies over its mount point or over a directory on the way to it: its path then leads
//! elsewhere, and freezing by it would freeze another filesystem. The kernel goes from mount to mount by parent and place
//! (`fs/namei.c`), and so does this. Symbolic links are not seen: paths from the kernel have none.

use super::kinds;
use super::mountinfo::Mount;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// The mounts by what they are mounted on.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    mounts: &'a [Mount],
    /// By the mount below, and the place in it. Without one below: those whose parent is outside of what this process sees.
    children: HashMap<(Option<usize>, &'a Path), usize>,
    by_id: HashMap<u64, usize>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(mounts: &'a [Mount]) -> Self {
        let by_id: HashMap<u64, usize> = (0..).zip(mounts).map(|(index, mount)| (mount.id, index)).collect();
        // Of several at one place in one mount, which kernels before 4.11 could make, the later is in force: a higher number.
        let children = (0..).zip(mounts).map(|(index, mount)| {
            let parent = by_id.get(&mount.parent).copied().filter(|parent| *parent != index);
            ((parent, mount.point.as_path()), index)
        });
        Self { mounts, children: children.collect(), by_id }
    }

    /// The mount with this number.
    pub(super) fn by_id(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The mount that `path` leads to; `None` only where nothing is mounted at the root.
    pub(super) fn find(&self, path: &Path) -> Option<usize> {
        self.way(path).last().copied()
    }

    /// Whether looking `path` up may wait for another machine or a program.
    pub(super) fn may_hang(&self, path: &Path) -> bool {
        self.way(path).iter().any(|index| kinds::may_hang(&self.mounts[*index].kind))
    }

    /// Whether its mount point leads elsewhere than to this mount.
    pub(super) fn is_hidden(&self, index: usize) -> bool {
        self.find(&self.mounts[index].point) != Some(index)
    }

    /// The mounts that a lookup of `path` passes, the last being where it ends.
    fn way(&self, path: &Path) -> Vec<usize> {
        let mut way = Vec::new();
        let mut at = PathBuf::from("/");
        self.start(&mut way);
        for name in path.components() {
            if let Component::Normal(name) = name {
                at.push(name);
                self.climb(&mut way, &at);
            }
        }
        way
    }

    /// A lookup begins at the process's root and does not see what is mounted over that; only the kernel's first root is
    /// always covered by the real one.
    fn start(&self, way: &mut Vec<usize>) {
        let root = Path::new("/");
        way.extend(self.children.get(&(None, root)));
        while way.last().is_some_and(|last| self.mounts[*last].kind == "rootfs") && self.step(way, root) {}
    }

    /// Goes up what is mounted at `at`, mount upon mount.
    fn climb(&self, way: &mut Vec<usize>, at: &Path) {
        while self.step(way, at) {}
    }

    fn step(&self, way: &mut Vec<usize>, at: &Path) -> bool {
        let below = way.last().copied();
        // One whose parent was missed, because the file changed while it was read, is found by its place alone.
        let next = self.children.get(&(below, at)).or_else(|| self.children.get(&(None, at)));
        match next {
            Some(next) if !way.contains(next) => {
                way.push(*next);
                true
            }
            _ => false,
        }
    }
}
