//! Which mount a path leads to, told from `mountinfo` alone.
//!
//! A mount is hidden if another lies over its mount point or over a directory on the way to it: its path then leads
//! elsewhere, and freezing by it would freeze another filesystem. The kernel goes from mount to mount by parent and place
//! (`fs/namei.c`), and so does this, once for every directory on the way to a mount point: a chain of thousands of mounts
//! is gone along once, not once for each. Symbolic links are not seen: paths from the kernel have none.

use super::kinds;
use super::mountinfo::Mount;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// A directory that is a mount point or on the way to one. The first is `/`.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// The mount in which a lookup of it ends; `None` only where nothing is mounted at the root.
    top: Option<usize>,
    /// On the way there is a mount that may wait for another machine, a program, or an automount.
    hangs: bool,
    /// The last mount on the way that belongs to another machine or a program, and is not the process's own root.
    far: Option<usize>,
}

/// The mounts by what they are mounted on.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    mounts: &'a [Mount],
    by_id: HashMap<u64, usize>,
    /// The places below a place. Every place has a higher number than the one that it is in.
    names: HashMap<(usize, &'a OsStr), usize>,
    places: Vec<Place>,
    /// The place of each mount.
    points: Vec<usize>,
}

/// By the mount below, and the place in it. Without one below: those whose parent is outside of what this process sees.
type Children = HashMap<(Option<usize>, usize), usize>;

impl<'a> Tree<'a> {
    pub(super) fn new(mounts: &'a [Mount]) -> Self {
        let by_id: HashMap<u64, usize> = (0..).zip(mounts).map(|(index, mount)| (mount.id, index)).collect();
        let mut tree = Self { mounts, by_id, names: HashMap::new(), places: Vec::new(), points: Vec::new() };
        let mut within = vec![0];
        for mount in mounts {
            let (from, rest) = tree.rest(mount);
            let point = tree.place(from, rest, &mut within);
            tree.points.push(point);
        }
        // Of several at one place in one mount, which kernels before 4.11 could make, the later is in force: a higher number.
        let children = (0..).zip(mounts).map(|(index, mount)| {
            let parent = tree.by_id(mount.parent).filter(|parent| *parent != index);
            ((parent, tree.points[index]), index)
        });
        tree.places = tree.walk(&children.collect(), &within);
        tree
    }

    /// The place of the mount that this one is mounted on, if it is known by now, and the way from there: else each of
    /// thousands in each other would be gone to from the root.
    fn rest(&self, mount: &'a Mount) -> (usize, &'a Path) {
        let known = || {
            let parent = self.by_id(mount.parent)?;
            let from = self.points.get(parent)?;
            let below = self.mounts[parent].point.as_os_str().as_bytes();
            let rest = mount.point.as_os_str().as_bytes().strip_prefix(below)?;
            let whole = rest.is_empty() || rest.starts_with(b"/");
            whole.then(|| (*from, Path::new(OsStr::from_bytes(rest))))
        };
        known().unwrap_or((0, &mount.point))
    }

    /// The number of the place `path` seen from another; it is made, with those on the way to it, if there is none yet.
    fn place(&mut self, from: usize, path: &'a Path, within: &mut Vec<usize>) -> usize {
        names(path).fold(from, |at, name| {
            *self.names.entry((at, name)).or_insert_with(|| {
                within.push(at);
                within.len() - 1
            })
        })
    }

    /// Goes to every place once, from the one that it is in.
    fn walk(&self, children: &Children, within: &[usize]) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::with_capacity(within.len());
        let mut passed = vec![false; self.mounts.len()];
        for (at, within) in within.iter().enumerate() {
            let mut place = places.get(*within).copied().unwrap_or_default();
            let mut first = at == 0;
            // A lookup begins at the process's root and does not see what is mounted over that; only the kernel's first
            // root is always covered by the real one.
            while first || at != 0 || place.top.is_some_and(|top| self.mounts[top].kind == "rootfs") {
                first = false;
                // One whose parent was missed, because the file changed while it was read, is found by its place alone.
                let next = children.get(&(place.top, at)).or_else(|| children.get(&(None, at)));
                let Some(next) = next.copied().filter(|next| !std::mem::replace(&mut passed[*next], true))
                else {
                    break;
                };
                let kind = &self.mounts[next].kind;
                place.top = Some(next);
                place.hangs |= kinds::may_hang(kind);
                if at != 0 && kinds::is_far(kind) {
                    place.far = Some(next);
                }
            }
            places.push(place);
        }
        places
    }

    /// The mount with this number.
    pub(super) fn by_id(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The mount that `path` leads to; `None` only where nothing is mounted at the root.
    pub(super) fn find(&self, path: &Path) -> Option<usize> {
        self.at(path).top
    }

    /// Whether looking `path` up may wait for another machine or a program.
    pub(super) fn may_hang(&self, path: &Path) -> bool {
        self.at(path).hangs
    }

    /// Whether its mount point leads elsewhere than to this mount.
    pub(super) fn is_hidden(&self, index: usize) -> bool {
        self.places[self.points[index]].top != Some(index)
    }

    /// Whether looking up its mount point may wait for another machine or a program.
    pub(super) fn point_may_hang(&self, index: usize) -> bool {
        self.places[self.points[index]].hangs
    }

    /// The mount of another machine or a program that a lookup of its mount point passes, if it is not the root: without
    /// that one nothing on this machine goes on anyway. An automount is none: what is mounted in it is there already.
    pub(super) fn far(&self, index: usize) -> Option<usize> {
        self.places[self.points[index]].far
    }

    /// Where a lookup of `path` leaves the ways to mount points.
    fn at(&self, path: &Path) -> Place {
        let mut at = 0;
        for name in names(path) {
            match self.names.get(&(at, name)) {
                Some(next) => at = *next,
                None => break,
            }
        }
        self.places[at]
    }
}

fn names(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}
