//! What may be under a file: a filesystem that keeps files, and a name that is free or a regular file's.

use super::{Refusal, denied};
use hv_utils_core::wire::Status;
use rustix::fs::{AtFlags, FileType, Mode, StatxAttributes, StatxFlags, fstat, fstatfs, stat, statx};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Filesystems that keep no files, by the numbers in Linux `include/uapi/linux/magic.h`.
const KERNELS_OWN: [i64; 22] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xf97c_ff8c, // selinuxfs
    0x4341_5d53, // smackfs
    0x5a3c_69f0, // apparmorfs
    0x1cd1,      // devpts
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x6265_6570, // configfs
    0x4249_4e4d, // binfmt_misc
    0x6573_5543, // fusectl
    0x1980_0202, // mqueue
    0x6e73_6673, // nsfs
    0x6759_6969, // rpc_pipefs
    0x0765_5821, // resctrl
    0x0187,      // autofs: what is to be mounted here is not
];
/// tmpfs, and with it devtmpfs, which has no number of its own.
const TMPFS: i64 = 0x0102_1994;

/// Refuses a directory of the kernel's own: `/proc`, `/sys`, `/dev` and their kind.
pub(super) fn check(directory: &OwnedFd, shown: &Path) -> Result<(), Refusal> {
    let look = |error| Refusal::of(error, &format!("look at {}", shown.display()));
    // Its type differs between architectures; on some the highest bit is a sign.
    let kind = fstatfs(directory).map_err(look)?.f_type as i64 & 0xffff_ffff;
    let is_dev = kind == TMPFS && {
        let here = fstat(directory).map_err(look)?.st_dev;
        stat("/dev").is_ok_and(|dev| dev.st_dev == here)
    };
    if is_dev || KERNELS_OWN.contains(&kind) {
        return Err(denied(format!("{} is the kernel's own and keeps no files", shown.display())));
    }
    Ok(())
}

/// Whether something has the name already, which may be replaced then.
pub(super) fn existing(directory: &OwnedFd, name: &str, overwrite: bool) -> Result<bool, Refusal> {
    let found = match statx(directory, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE) {
        Err(Errno::NOENT) => return Ok(false),
        other => other.map_err(|error| Refusal::of(error, "look at what has the file's name"))?,
    };
    if FileType::from_raw_mode(found.stx_mode.into()) != FileType::RegularFile {
        return Err(denied("what has the file's name is no regular file"));
    }
    if !overwrite {
        return Err(Refusal::new(
            Status::ALREADY_EXISTS,
            "there is a file already, and it may not be replaced",
        ));
    }
    if found.stx_attributes.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND) {
        return Err(denied("the file that is there is immutable (chattr)"));
    }
    Ok(true)
}

/// The permission bits that are used of a mode: never set-user-id, set-group-id, sticky.
pub(crate) fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode(mode & 0o777)
}
