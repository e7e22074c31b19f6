//! Copies kept aside before something of a pool is lost: `STATE_DIR/damaged` and `STATE_DIR/cloned`.
//!
//! A copy is named `pool_N-TIME-DIGEST` (seconds since 1970; the digest of what was wrong), is complete as soon as it
//! has its name, and is made once for the same digest. Per pool the latest [`KEPT`] stay.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

use super::Pool;
use super::crc::Crc;
use super::error::PoolError;
use super::files::{create_dir, sync_dir};
use super::journal::CHUNK;
use super::medium::{DiskFile, Medium};

/// Copies of one pool that are kept.
pub(crate) const KEPT: usize = 5;
/// A larger file is copied up to here: its owner is no pool writer.
const LONGEST: u64 = 256 * 1024 * 1024;

/// A place for copies.
#[derive(Debug, Clone)]
pub(crate) struct Aside {
    dir: PathBuf,
}

impl Aside {
    /// `what` is the directory's name in the state directory.
    pub(crate) fn new(state_dir: &Path, what: &str) -> Aside {
        Aside { dir: state_dir.join(what) }
    }

    /// Keeps a copy, unless one with this digest is there; returns its path.
    ///
    /// # Errors
    /// The copy could not be made durable; nothing of it remains under its final name.
    pub(crate) fn keep(&self, pool: Pool, file: &DiskFile, digest: u64) -> Result<PathBuf, PoolError> {
        create_dir(&self.dir, Mode::RWXU)?;
        let suffix = format!("-{digest:016x}");
        let mut copies = self.copies(pool)?;
        if let Some(earlier) =
            copies.iter().find(|path| path.as_os_str().as_bytes().ends_with(suffix.as_bytes()))
        {
            return Ok(earlier.clone());
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let path = self.dir.join(format!("pool_{}-{time:010}{suffix}", pool.number()));
        let unfinished = self.dir.join(format!(".unfinished_{}", pool.number()));
        copy(file, &unfinished)?;
        fs::rename(&unfinished, &path).map_err(|errno| PoolError::io("create", &path, errno))?;
        sync_dir(&self.dir)?;
        copies.push(path.clone());
        self.prune(copies);
        Ok(path)
    }

    /// The copies of a pool, oldest first.
    fn copies(&self, pool: Pool) -> Result<Vec<PathBuf>, PoolError> {
        let prefix = format!("pool_{}-", pool.number());
        let failed = |error: std::io::Error| {
            PoolError::io("list", &self.dir, Errno::from_io_error(&error).unwrap_or(Errno::IO))
        };
        let mut copies = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if name.as_bytes().starts_with(prefix.as_bytes()) {
                copies.push(self.dir.join(name));
            }
        }
        copies.sort_unstable();
        Ok(copies)
    }

    fn prune(&self, mut copies: Vec<PathBuf>) {
        let surplus = copies.len().saturating_sub(KEPT);
        for old in copies.drain(..surplus) {
            // One copy too many is no reason to fail.
            let _ = fs::unlink(&old);
        }
    }
}

/// A checksum of the whole file.
pub(crate) fn digest(file: &DiskFile) -> Result<u64, Errno> {
    let mut chunk = vec![0; CHUNK];
    let (mut crc, mut position) = (Crc::new(), 0);
    loop {
        let got = file.read_full(&mut chunk, position)?;
        crc.update(&chunk[..got]);
        position += got as u64;
        if got < chunk.len() || position >= LONGEST {
            return Ok(crc.value());
        }
    }
}

fn copy(file: &DiskFile, path: &Path) -> Result<(), PoolError> {
    let failed = |operation| move |errno| PoolError::io(operation, path, errno);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let to = DiskFile::new(fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(failed("create"))?);
    let mut chunk = vec![0; CHUNK];
    let mut position = 0;
    while position < LONGEST {
        let got = file.read_full(&mut chunk, position).map_err(failed("copy to"))?;
        to.write_full(&chunk[..got], position).map_err(failed("write"))?;
        position += got as u64;
        if got < chunk.len() {
            break;
        }
    }
    to.sync().map_err(failed("sync"))
}

#[cfg(test)]
mod tests;
