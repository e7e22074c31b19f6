//! The only place where the plan looks at a path outside of /proc and /sys: which mount a file is on, and what is mounted
//! at a mount point.
//!
//! The answer is worth a system call, because a path from the kernel may belong to another mount namespace, where it means
//! another file or none. What could wait for ever is not looked at: the caller knows the mounts on the way, and symbolic links
//! are not followed to where it does not. A path with O_PATH opens no file and starts no automount.

use super::Device;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat2, statx};
use rustix::io::Errno;
use std::path::Path;

/// What there is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Something, on the mount with this number.
    There {
        /// As in `mountinfo`.
        mount: u64,
        /// Its own numbers if it is a block device.
        block: Option<Device>,
        /// It is a directory.
        directory: bool,
    },
    /// Nothing, so the path is not one of this mount namespace.
    Absent,
    /// It cannot be told: the kernel is older than 5.8, or forbids it.
    Unknown,
}

/// Looks at paths: the kernel, or in tests a table.
pub(super) trait Look {
    /// What is at `path`, no component of which may be a symbolic link.
    fn at(&self, path: &Path) -> Seen;
    /// What the device node `path` leads to, which is below /dev.
    fn device(&self, path: &Path) -> Seen;
}

/// The running system.
#[derive(Debug)]
pub(super) struct Kernel;

impl Look for Kernel {
    fn at(&self, path: &Path) -> Seen {
        let how = OFlags::PATH | OFlags::CLOEXEC;
        let file = match openat2(CWD, path, how, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Seen::Absent,
            Err(_) => return Seen::Unknown,
        };
        seen(statx(&file, "", FLAGS | AtFlags::EMPTY_PATH, MASK))
    }

    fn device(&self, path: &Path) -> Seen {
        seen(statx(CWD, path, FLAGS, MASK))
    }
}

const FLAGS: AtFlags = AtFlags::NO_AUTOMOUNT.union(AtFlags::STATX_DONT_SYNC);
const MASK: StatxFlags = StatxFlags::TYPE.union(StatxFlags::MNT_ID);

fn seen(result: rustix::io::Result<Statx>) -> Seen {
    let Ok(found) = result else { return Seen::Unknown };
    if !StatxFlags::from_bits_retain(found.stx_mask).contains(MASK) {
        return Seen::Unknown;
    }
    let kind = FileType::from_raw_mode(u32::from(found.stx_mode));
    let device = Device { major: found.stx_rdev_major, minor: found.stx_rdev_minor };
    Seen::There {
        mount: found.stx_mnt_id,
        block: (kind == FileType::BlockDevice).then_some(device),
        directory: kind == FileType::Directory,
    }
}
