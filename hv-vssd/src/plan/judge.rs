//! Whether a superblock is frozen, and if not, why: what its type allows, then what the administrator wants.
//!
//! Order counts: what is excluded is never a failure, and what holds no data of this machine's disks needs no rule.

use super::kinds::Class;
use super::mountinfo::Mount;
use super::superblocks::{Shut, Superblock};
use super::{Rules, Verdict};
use hv_utils_core::glob;
use std::path::Path;

/// How the reason ends of one that is left alone only because it cannot be frozen.
pub(super) const AT_RISK: &str = "; what a backup has of it may be inconsistent";

/// The verdict on `superblock`.
pub(super) fn judge(superblock: &Superblock, mounts: &[Mount], rules: &Rules) -> Verdict {
    let mount = superblock.mount(mounts);
    let class = Class::of(&mount.kind, superblock.device);
    if let Some(reason) = no_business(class) {
        return Verdict::Skip(reason.to_owned());
    }
    if let Some(reason) = unwanted(superblock, mounts, rules) {
        return Verdict::Skip(reason);
    }
    if class == Class::ReadOnly || mount.is_read_only() {
        return Verdict::Skip("it is read-only: nothing on its disk changes".to_owned());
    }
    let impossible = match class {
        Class::Disk if rules.refused_types.contains(&mount.kind) => {
            Some("Linux refused to freeze this type of filesystem".to_owned())
        }
        _ => impossible(class, superblock.shut, mounts),
    };
    match impossible {
        Some(reason) if rules.fail_on_unfreezable => Verdict::Fail(reason),
        Some(reason) => Verdict::Skip(format!("{reason}{AT_RISK}")),
        None => Verdict::Freeze,
    }
}

/// Why it is nothing that a backup of this machine's disks would have to wait for.
fn no_business(class: Class) -> Option<&'static str> {
    match class {
        Class::Pseudo => Some("it is not on a disk"),
        Class::Network => Some("its data are on another machine"),
        Class::Fuse => Some("a program serves it (FUSE), and could not while it is frozen"),
        Class::Stacked => Some("it shows others' directories, which are frozen where they lie"),
        Class::Disk | Class::Unfreezable | Class::Shared | Class::ReadOnly => None,
    }
}

/// Why it ought to be frozen and cannot be.
fn impossible(class: Class, shut: Option<Shut>, mounts: &[Mount]) -> Option<String> {
    Some(match (class, shut) {
        (Class::Unfreezable, _) => "Linux cannot freeze this type of filesystem".to_owned(),
        (Class::Shared, _) => {
            "other machines write to its disk too, and a freeze would stop or miss them".to_owned()
        }
        (_, None) => return None,
        (_, Some(Shut::Hidden)) => "it is hidden under another mount, so it cannot be opened".to_owned(),
        (_, Some(Shut::Files)) => "it is mounted only as a file, by which it cannot be opened".to_owned(),
        (_, Some(Shut::Far(by))) => format!(
            "it is mounted below {} ({}), which may not answer",
            mounts[by].point.display(),
            mounts[by].kind
        ),
    })
}

fn unwanted(superblock: &Superblock, mounts: &[Mount], rules: &Rules) -> Option<String> {
    let mount = superblock.mount(mounts);
    if let Some(pattern) = rules.exclude_types.iter().find(|pattern| glob::matches(pattern, &mount.kind)) {
        return Some(format!("its type is excluded by '{pattern}' in exclude-types"));
    }
    let excluded = |pattern: &&String| names(superblock, mounts).any(|place| fits(pattern, place));
    if let Some(pattern) = rules.exclude.iter().find(excluded) {
        return Some(format!("it is excluded by '{pattern}' in exclude"));
    }
    let mut places = superblock.places.iter().map(|index| mounts[*index].point.as_path());
    let included = rules.include.is_empty()
        || places.any(|place| rules.include.iter().any(|pattern| fits(pattern, place)));
    (!included).then(|| "no pattern in include fits its mount point".to_owned())
}

/// The mount points under which it can be excluded: those that show the same of it as the one by which it is opened. That a
/// directory of it is bound elsewhere, or is a subvolume, must not exclude all the rest; and the root filesystem, which is
/// often bound as a whole, is excluded only as `/`.
fn names<'a>(superblock: &'a Superblock, mounts: &'a [Mount]) -> impl Iterator<Item = &'a Path> {
    let first = superblock.mount(mounts);
    let only = first.point == Path::new("/");
    let places =
        superblock.places.iter().map(|index| &mounts[*index]).filter(|mount| mount.root == first.root);
    places.take(if only { 1 } else { usize::MAX }).map(|mount| mount.point.as_path())
}

fn fits(pattern: &str, place: &Path) -> bool {
    glob::matches(pattern, &place.to_string_lossy())
}

/// The patterns to include that fit no mount point at all, whatever is mounted there.
pub(super) fn unmatched(mounts: &[Mount], rules: &Rules) -> Vec<String> {
    let fits_none = |pattern: &&String| !mounts.iter().any(|mount| fits(pattern, &mount.point));
    rules.include.iter().filter(fits_none).cloned().collect()
}
