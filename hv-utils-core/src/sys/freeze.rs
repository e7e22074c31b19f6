//! Freezing and thawing of a mounted filesystem: `FIFREEZE` and `FITHAW` of `linux/fs.h`.
//!
//! Both take a descriptor of any directory in the filesystem and need CAP_SYS_ADMIN. They block: freezing until all
//! writes under way have ended and all dirty data is on the disk.

use rustix::ioctl::{NoArg, Opcode, ioctl, opcode};
use std::io;
use std::os::fd::AsFd;

/// `_IOWR('X', 119, int)`; the argument is not used.
const FIFREEZE: Opcode = opcode::read_write::<i32>(b'X', 119);
/// `_IOWR('X', 120, int)`; the argument is not used.
const FITHAW: Opcode = opcode::read_write::<i32>(b'X', 120);

/// Freezes the filesystem that `directory` belongs to: when this returns, all of it is on the disk, and whoever writes
/// waits until it is thawed.
///
/// # Errors
/// `EBUSY`: it is frozen already. `EOPNOTSUPP`: filesystems of this type cannot be frozen. Others from the disk.
pub fn freeze(directory: impl AsFd) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    let request = unsafe { NoArg::<FIFREEZE>::new() };
    // SAFETY: the kernel reads and writes no memory of ours for it.
    Ok(unsafe { ioctl(directory, request) }?)
}

/// Thaws the filesystem that `directory` belongs to, whoever has frozen it.
///
/// # Errors
/// `EINVAL`: it is not frozen. Others from the disk; it is still frozen then.
pub fn thaw(directory: impl AsFd) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    let request = unsafe { NoArg::<FITHAW>::new() };
    // SAFETY: the kernel reads and writes no memory of ours for it.
    Ok(unsafe { ioctl(directory, request) }?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn requests_have_the_numbers_of_linux_fs_h() {
        assert_eq!((FIFREEZE, FITHAW), (0xc004_5877, 0xc004_5878));
    }

    #[test]
    fn what_cannot_be_frozen_says_so() {
        // procfs has no freezing of its own; without the privilege the question is not looked at.
        let directory = std::fs::File::open("/proc").unwrap();
        let error = Errno::from_io_error(&freeze(&directory).unwrap_err()).unwrap();
        assert!(matches!(error, Errno::OPNOTSUPP | Errno::PERM), "{error}");
        let error = Errno::from_io_error(&thaw(&directory).unwrap_err()).unwrap();
        assert!(matches!(error, Errno::INVAL | Errno::PERM), "{error}");
    }
}
