//! Who else writes: one inotify instance per pool, on the file and, for its re-creation, on the directory.
//!
//! The descriptor can be waited on by anyone; only the pool's own thread reads it. It drains the instance right after
//! each write of our own, under both locks: whatever arrives later is foreign. Without inotify (no instances left)
//! the pool is compared by `statx` at each request instead.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::files::parent;

const EVENTS: usize = 4096;

/// What the events say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct News {
    /// The file's data or length was changed.
    pub(crate) modified: bool,
    /// The name was created, deleted or moved, or nothing is certain any more.
    pub(crate) replaced: bool,
}

impl News {
    pub(crate) fn any(self) -> bool {
        self.modified || self.replaced
    }
}

/// The watch of one pool.
#[derive(Debug)]
pub(crate) struct Watch {
    fd: Arc<OwnedFd>,
    /// Watch descriptor of the pool file, once there is one.
    file: Option<i32>,
    name: Vec<u8>,
}

impl Watch {
    /// Watches the directory of `pool`.
    pub(crate) fn new(pool: &Path) -> Result<Watch, Errno> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        watch_dir(&fd, pool)?;
        let name = pool.file_name().map(OsStr::as_bytes).unwrap_or_default().to_vec();
        Ok(Watch { fd: Arc::new(fd), file: None, name })
    }

    /// Watches the pool file that is now at `pool`, in place of an earlier one.
    pub(crate) fn follow(&mut self, pool: &Path) -> Result<(), Errno> {
        if let Some(old) = self.file.take() {
            // It is gone already if the file is.
            let _ = inotify::remove_watch(&self.fd, old);
        }
        // The directory may be another one too; the same one twice is one watch.
        watch_dir(&self.fd, pool)?;
        let flags =
            WatchFlags::MODIFY | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::DONT_FOLLOW;
        self.file = Some(inotify::add_watch(&self.fd, pool, flags)?);
        Ok(())
    }

    /// The descriptor to wait on: readable when something happened.
    pub(crate) fn fd(&self) -> &Arc<OwnedFd> {
        &self.fd
    }

    /// Takes all events out and tells what they say of the pool.
    pub(crate) fn drain(&self) -> News {
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = Reader::new(&*self.fd, &mut buffer);
        let mut news = News::default();
        loop {
            match reader.next() {
                Ok(event) => self.note(&event, &mut news),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return news,
                // Cannot be; if it is, a look at the file is never wrong.
                Err(_) => return News { modified: true, replaced: true },
            }
        }
    }

    fn note(&self, event: &inotify::Event<'_>, news: &mut News) {
        let what = event.events();
        if what.contains(ReadFlags::MODIFY) {
            news.modified = true;
        } else if let Some(name) = event.file_name() {
            news.replaced |= name.to_bytes() == self.name;
        } else {
            // The end of a watch that was removed says nothing new; a queue that overflowed may hide anything.
            news.replaced |= !what.contains(ReadFlags::IGNORED);
        }
    }
}

fn watch_dir(fd: &OwnedFd, pool: &Path) -> Result<(), Errno> {
    let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
    let itself = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
    inotify::add_watch(fd, parent(pool), names | itself).map(drop)
}

/// True if a watch has something to read.
pub(crate) fn is_readable(fd: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    !matches!(poll(&mut fds, Some(&now)), Ok(0))
}

#[cfg(test)]
mod tests;
