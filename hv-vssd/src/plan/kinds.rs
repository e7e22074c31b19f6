//! Types of filesystems, and what freezing means to each.
//!
//! FIFREEZE is refused with EOPNOTSUPP unless a filesystem's `super_operations` have `freeze_fs` or `freeze_super`
//! (`fs/ioctl.c`, `ioctl_fsfreeze`). In mainline those have it: bcachefs (6.7 to 6.17, and out of tree), btrfs, ext2, ext4 (which
//! also serves ext3), f2fs, gfs2, jfs, nilfs2, reiserfs (to 6.12), xfs; efivarfs has it for hibernation. OpenZFS has none (its
//! `zpl_super_operations`, and issue 260 of that project), nor has FUSE, and what is named in [`UNFREEZABLE`] has only `sync_fs`.
//! A type on a disk that is not named here is taken for one that can: it is tried, and the kernel knows. What it has refused
//! once is known from then on: the service remembers.

use super::Device;

/// What a type means for a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// On disks of this machine, and to be frozen, or at least to be tried.
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
    "msdos", "ntfs", "ntfs3", "omfs", "qnx4", "sysv", "ubifs", "udf", "ufs", "umsdos", "v7", "vfat", "yaffs",
    "yaffs2", "zfs", "zonefs",
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
/// On disks, and yet without a device number of their own: they span several disks, or are on flash.
const ANONYMOUS: &[&str] = &["bcachefs", "btrfs", "jffs2", "ubifs", "yaffs", "yaffs2", "zfs"];

impl Class {
    /// Whether it is on disks of this machine.
    pub(super) const fn is_local(self) -> bool {
        matches!(self, Self::Disk | Self::Unfreezable | Self::Shared | Self::ReadOnly)
    }

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

/// Whether its names come from another machine or a program, which may not answer.
pub(super) fn is_far(kind: &str) -> bool {
    kind.starts_with("fuse") || NETWORK.contains(&kind)
}

/// Whether looking at a name in it may wait for another machine or a program, perhaps for ever. autofs would have something
/// mounted first.
pub(super) fn may_hang(kind: &str) -> bool {
    is_far(kind) || kind == "autofs"
}
