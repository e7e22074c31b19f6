//! Waiting for a file or socket to appear, or to be replaced by another, without waking up in between.
//!
//! inotify on the directory it will be in, or, while that is missing too, on the nearest one above it. A wait ends
//! whenever something on the way to the path changed; the caller looks again and, if need be, waits anew. What is
//! written into a file that stays the same is not seen: this is for files that are replaced as a whole.

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// A directory can vanish between looking and watching this often before we give up.
const ATTEMPTS: u32 = 8;

/// Room for the events of one read.
const BUFFER: usize = 4096;

/// A watch on the way to a path.
#[derive(Debug)]
pub struct PathWatch {
    inotify: AsyncFd<Arc<OwnedFd>>,
    /// The name that is missing in the watched directory.
    missing: OsString,
}

impl PathWatch {
    /// Watches for what is missing on the way to `path`. Set up before trying the path, it misses nothing. Needs a
    /// tokio runtime.
    ///
    /// # Errors
    /// No inotify instance is left, or no directory above the path stays long enough to be watched.
    pub fn new(path: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let (directory, missing) = nearest(path)?;
            let inotify = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            let flags = WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::ATTRIB
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            let watched = add_watch(&inotify, &directory, flags).is_ok();
            if watched && nearest(path)? == (directory, missing.clone()) {
                return Ok(Self { inotify: crate::sys::watch(inotify)?, missing });
            }
        }
        Err(io::Error::other("the directories on the way to it keep changing"))
    }

    /// Until something on the way to the path changed. Cancel safe.
    ///
    /// # Errors
    /// The descriptor cannot be read: nothing will ever be told.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut guard = self.inotify.readable().await?;
            match guard.try_io(|inotify| self.drain(inotify.get_ref())) {
                Ok(Ok(false)) | Err(_) => {}
                Ok(Ok(true)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
            }
        }
    }

    /// Reads all that is queued; whether any of it matters.
    fn drain(&self, inotify: &OwnedFd) -> io::Result<bool> {
        let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
        let mut reader = Reader::new(inotify, &mut buffer);
        let mut matters = false;
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::WOULDBLOCK) if matters => return Ok(true),
                Err(error) => return Err(error.into()),
            };
            let itself = ReadFlags::DELETE_SELF
                | ReadFlags::MOVE_SELF
                | ReadFlags::IGNORED
                | ReadFlags::QUEUE_OVERFLOW;
            let named = event.file_name().is_some_and(|name| name.to_bytes() == self.missing.as_bytes());
            matters |= named || event.events().intersects(itself);
        }
    }
}

/// The lowest directory above `path` that exists, and the name below it that leads on.
fn nearest(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let mut missing = path;
    while let (Some(directory), Some(name)) = (missing.parent(), missing.file_name()) {
        if directory.is_dir() {
            return Ok((directory.to_path_buf(), name.to_owned()));
        }
        missing = directory;
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "there is no directory above it"))
}

#[cfg(test)]
mod tests;
