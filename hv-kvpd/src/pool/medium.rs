//! The seam to the disk: exactly the system calls on an open file that can fail or be cut off by a crash.
//!
//! Journal, replay and operations are written over [`Medium`], so that the tests can run them on a simulated disk
//! that stops at any call. Opening, locking and watching are not part of it; they change no data.

use std::os::fd::OwnedFd;

use rustix::fs::{self, AtFlags, StatxFlags};
use rustix::io::Errno;

/// Which file this is, over the life of the filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FileId {
    /// Device number; may differ after a reboot.
    pub(crate) device: u64,
    /// Inode number; a new file may get it again.
    pub(crate) inode: u64,
    /// When the file was created, in seconds and nanoseconds; zero where the filesystem does not tell.
    pub(crate) born: (i64, u32),
}

/// What `statx` tells of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stat {
    pub(crate) id: FileId,
    /// Bytes.
    pub(crate) len: u64,
    /// Last change of the data, seconds and nanoseconds.
    pub(crate) modified: (i64, u32),
    /// Names that the file has; 0 once it is deleted.
    pub(crate) links: u32,
}

/// An open file.
pub(crate) trait Medium {
    /// `pread`: fewer bytes than asked for only at the end of the file or by interruption.
    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno>;
    /// `pwrite`: may write less than asked for.
    fn write_at(&self, data: &[u8], offset: u64) -> Result<usize, Errno>;
    /// `ftruncate`.
    fn set_len(&self, len: u64) -> Result<(), Errno>;
    /// `fdatasync`: data and length.
    fn sync(&self) -> Result<(), Errno>;
    /// `statx`.
    fn stat(&self) -> Result<Stat, Errno>;

    /// Reads until `out` is full or the file ends; returns the bytes read.
    fn read_full(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let mut done = 0;
        while done < out.len() {
            match self.read_at(&mut out[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(bytes) => done += bytes,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(done)
    }

    /// Writes all of `data`.
    fn write_full(&self, data: &[u8], offset: u64) -> Result<(), Errno> {
        let mut done = 0;
        while done < data.len() {
            match self.write_at(&data[done..], offset + done as u64) {
                Ok(0) => return Err(Errno::IO),
                Ok(bytes) => done += bytes,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

/// A real file.
#[derive(Debug)]
pub(crate) struct DiskFile(OwnedFd);

impl DiskFile {
    pub(crate) fn new(fd: OwnedFd) -> DiskFile {
        DiskFile(fd)
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.0
    }
}

impl Medium for DiskFile {
    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        rustix::io::pread(&self.0, out, offset)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> Result<usize, Errno> {
        rustix::io::pwrite(&self.0, data, offset)
    }

    fn set_len(&self, len: u64) -> Result<(), Errno> {
        fs::ftruncate(&self.0, len)
    }

    fn sync(&self) -> Result<(), Errno> {
        fs::fdatasync(&self.0)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        fs::statx(&self.0, c"", AtFlags::EMPTY_PATH, wanted()).map(|found| to_stat(&found))
    }
}

/// `statx` of a name in the pool directory; a symbolic link is not followed.
pub(crate) fn stat_path(path: &std::path::Path) -> Result<Stat, Errno> {
    fs::statx(fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW, wanted()).map(|found| to_stat(&found))
}

fn wanted() -> StatxFlags {
    StatxFlags::BASIC_STATS | StatxFlags::BTIME
}

fn to_stat(found: &fs::Statx) -> Stat {
    let known = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
    let born = if known { (found.stx_btime.tv_sec, found.stx_btime.tv_nsec) } else { (0, 0) };
    let device = u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor);
    Stat {
        id: FileId { device, inode: found.stx_ino, born },
        len: found.stx_size,
        modified: (found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec),
        links: found.stx_nlink,
    }
}
