//! The directories by which filesystems are frozen and thawed: opened before, held until after.
//!
//! A path is only good for finding a filesystem; what was opened is checked to be the one meant, since mounts may have come
//! and gone since the plan was made. The descriptor keeps the filesystem mounted: who unmounts it meanwhile detaches it, and
//! it can still be thawed.

use crate::plan::{Device, Entry};
use rustix::fs::{AtFlags, FsWord, Mode, OFlags, StatxFlags, fstat, fstatfs, major, minor, open, statx};
use rustix::io::Errno;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// How `statfs` knows btrfs (`linux/magic.h`).
const BTRFS: FsWord = 0x9123_683e;
/// How it knows overlays.
const OVERLAY: FsWord = 0x794c_7630;

/// Why a filesystem cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// None of its mounts is where it was.
    Gone,
    /// The kernel does not let us.
    Refused(Errno),
}

/// Opens a filesystem by its mount, or by another one of the same.
pub(crate) fn target(entry: &Entry) -> Result<OwnedFd, Unreached> {
    let first = at(&entry.mount, entry.device, Some(entry.mount_id));
    let mut reason = match first {
        Ok(descriptor) => return Ok(descriptor),
        Err(reason) => reason,
    };
    for mount in &entry.also {
        match at(mount, entry.device, None) {
            Ok(descriptor) => return Ok(descriptor),
            Err(Unreached::Gone) => {}
            Err(other) => reason = other,
        }
    }
    Err(reason)
}

/// Opens the directory at `path` if it belongs to the mount with this number, or, where none is given or the kernel does
/// not tell, to this device.
pub(crate) fn at(path: &Path, device: Device, mount_id: Option<u64>) -> Result<OwnedFd, Unreached> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    // Not the owner, and without CAP_FOWNER: then with the access time, which is only a time.
    let opened = match open(path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => open(path, flags, Mode::empty()),
        opened => opened,
    };
    let descriptor = opened.map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::STALE => Unreached::Gone,
        error => Unreached::Refused(error),
    })?;
    if is_meant(&descriptor, device, mount_id) { Ok(descriptor) } else { Err(Unreached::Gone) }
}

fn is_meant(descriptor: impl AsFd, device: Device, mount_id: Option<u64>) -> bool {
    let told = statx(&descriptor, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok();
    let told = told.filter(|told| told.stx_mask & StatxFlags::MNT_ID.bits() != 0).map(|told| told.stx_mnt_id);
    match (mount_id, told) {
        (Some(wanted), Some(told)) => wanted == told,
        // btrfs has other numbers for its subvolumes than mountinfo has for the whole: by its number of the mount or not at
        // all, but where the kernel (before 5.8) does not know that one.
        (wanted, None) if device.major == 0 => wanted.is_some(),
        _ if device.major == 0 => false,
        _ => fstat(&descriptor)
            .is_ok_and(|stat| (major(stat.st_dev), minor(stat.st_dev)) == (device.major, device.minor)),
    }
}

/// Whether a file is on this filesystem, be it through an overlay; where that cannot be told (of two of btrfs), that it is.
pub(crate) fn holds(entry: &Entry, file: impl AsFd, proc_root: &Path) -> bool {
    let kind = fstatfs(&file).map(|told| told.f_type);
    if kind == Ok(OVERLAY) {
        return upper(&file, proc_root).is_some_and(|upper| holds(entry, upper, proc_root));
    }
    if entry.device.major != 0 {
        return is_meant(file, entry.device, None);
    }
    entry.kind == "btrfs" && kind == Ok(BTRFS)
}

/// Where the overlay that a file is on writes to; nothing if that cannot be reached from here.
fn upper(file: impl AsFd, proc_root: &Path) -> Option<OwnedFd> {
    let told = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    let mounts = fs::read_to_string(proc_root.join("self/mountinfo")).ok()?;
    let of_file =
        |line: &&str| line.split(' ').next().and_then(|id| id.parse().ok()) == Some(told.stx_mnt_id);
    let options = mounts.lines().find(of_file)?.rsplit(' ').next()?;
    let directory = options.split(',').find_map(|option| option.strip_prefix("upperdir="))?;
    open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()
}
