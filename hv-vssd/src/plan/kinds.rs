//! Types of filesystems, and what freezing means to each.
//!
//! FIFREEZE is refused with EOPNOTSUPP unless a filesystem's `super_operations` have `freeze_fs` or `freeze_super`
//! (`fs/ioctl.c`, `ioctl_fsfreeze`). In mainline those have it: bcachefs (6.7 to 6.17, and out of tree), btrfs, ext2, ext4 (which
//! also serves ext3), f2fs, gfs2, jfs, nilfs2, reiserfs (to 6.12), xfs; efivarfs has it for hibernation. OpenZFS has none (its
//! `zpl_super_operations`, and issue 260 of that project), nor has FUSE, and what is named in [`UNFREEZABLE`] has only `sync_fs`.
//! A type on a disk that is not named here is taken for one that can: it is tried, and the kernel knows.

use super::Device;

/// What a type means for a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// On disks of this machine, and to be frozen.
    Disk,
    /// On disks of this machine, and the kernel cannot freeze it.
    Unfreezable,
    /// On disks of this machine that others write to as well.
    Shared,
    /// A format that is only read.
    ReadOnly,
    /// Another machine's.
    Network,
    /// A program's.
    Fuse,
    /// A view of other mounted filesystems.
    Stacked,
    /// The kernel's, or in memory.
    Pseudo,
}

const UNFREEZABLE: &[&str] = &[
    "adfs", "affs", "apfs", "befs", "bfs", "exfat", "fuseblk", "hfs", "hfsplus", "hpfs", "jffs2", "minix",
    "msdos", "ntfs", "ntfs3", "omfs", "qnx4", "sysv", "udf", "ufs", "umsdos", "v7", "vfat", "zfs", "zonefs",
];
/// gfs2 can be frozen, but on all nodes of its cluster at once, and each of them may be asked for a backup at the same time;
/// ocfs2 cannot.
const SHARED: &[&str] = &["gfs2", "ocfs2"];
const READ_ONLY: &[&str] = &["cramfs", "efs", "erofs", "iso9660", "qnx6", "romfs", "squashfs"];
const NETWORK: &[&str] = &[
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
    "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
];
const STACKED: &[&str] = &["aufs", "ecryptfs", "overlay", "overlayfs", "shiftfs", "unionfs"];
/// On disks, and yet without a device number of their own: they span several disks.
const ANONYMOUS: &[&str] = &["bcachefs", "btrfs", "zfs"];

impl Class {
    /// Of the type `kind` with the superblock numbers `device`.
    pub(super) fn of(kind: &str, device: Device) -> Class {
        let is = |names: &[&str]| names.contains(&kind);
        match kind {
            "fuse" => Class::Fuse,
            _ if kind.starts_with("fuse.") => Class::Fuse,
            _ if kind.starts_with("fuseblk.") => Class::Unfreezable,
            _ if is(NETWORK) => Class::Network,
            _ if is(STACKED) => Class::Stacked,
            _ if device.major == 0 && !is(ANONYMOUS) => Class::Pseudo,
            _ if is(READ_ONLY) => Class::ReadOnly,
            _ if is(SHARED) => Class::Shared,
            _ if is(UNFREEZABLE) => Class::Unfreezable,
            _ => Class::Disk,
        }
    }
}

/// Whether looking at a name in it may wait for another machine or a program, perhaps for ever. autofs would have something
/// mounted first.
pub(super) fn may_hang(kind: &str) -> bool {
    kind.starts_with("fuse") || kind == "autofs" || NETWORK.contains(&kind)
}
