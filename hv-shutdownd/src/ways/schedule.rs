//! The file by which logind tells that a shutdown is scheduled: it goes when that is called off.
//!
//! logind's property says the same, but no signal tells of its change in the versions that are in use.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use hv_utils_core::sys;
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use tokio::io::unix::AsyncFd;

/// The directory of the file, below the root; nothing else of note is in it.
const DIRECTORY: &str = "run/systemd/shutdown";

/// A watch on it.
pub(super) struct Schedule {
    inotify: AsyncFd<Arc<OwnedFd>>,
}

impl Schedule {
    /// Watches it from now on. Needs a tokio runtime.
    pub(super) fn watch(root: &Path) -> io::Result<Self> {
        let inotify = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let flags = WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        add_watch(&inotify, root.join(DIRECTORY), flags)?;
        Ok(Self { inotify: sys::watch(inotify)? })
    }

    /// Until a file has come or gone. Cancel safe.
    pub(super) async fn changed(&self) {
        loop {
            let Ok(mut guard) = self.inotify.readable().await else { return std::future::pending().await };
            if guard.try_io(|inotify| drain(inotify.get_ref())).is_ok_and(|drained| drained.is_ok()) {
                return;
            }
        }
    }
}

/// Reads all there is; fails if there is nothing.
fn drain(inotify: &OwnedFd) -> io::Result<()> {
    let mut buffer = [const { MaybeUninit::uninit() }; 1024];
    let mut reader = Reader::new(inotify, &mut buffer);
    reader.next()?;
    while reader.next().is_ok() {}
    Ok(())
}
