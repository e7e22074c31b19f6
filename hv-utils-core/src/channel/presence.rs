//! Notice that a device may have come or gone.
//!
//! The kernel's uevents tell it (NETLINK_KOBJECT_UEVENT), with udev's copies of them, which come when the node has
//! its final permissions. Where a sandbox has no netlink, or the tree is not the machine's own, inotify watches the
//! directories of the nodes. Either is a hint only: who waits reads sysfs anew. There is no timer.

use crate::sys;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// The longest uevent is 2048 bytes of variables, their count and the header.
const EVENT_BYTES: usize = 8192;
/// Group 1 carries the kernel's own messages, group 2 udev's.
const GROUPS: u32 = 1 | 2;
/// Parts of a message that make it worth a look.
const SUBSYSTEMS: [&[u8]; 3] = [b"SUBSYSTEM=vmbus\0", b"SUBSYSTEM=uio\0", b"SUBSYSTEM=misc\0"];

/// A subscription to the coming and going of devices.
#[derive(Debug)]
pub struct Presence {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Uevents(AsyncFd<Arc<OwnedFd>>),
    Directories { inotify: AsyncFd<Arc<OwnedFd>>, dev_root: PathBuf },
}

impl Presence {
    /// Subscribes; what happens from now on is not missed. Needs a tokio runtime.
    ///
    /// # Errors
    /// Neither source can be had.
    pub fn subscribe(dev_root: &Path) -> io::Result<Self> {
        // Uevents speak of the machine's own devices and of no other tree.
        if dev_root == Path::new("/dev")
            && let Ok(source) = Source::uevents()
        {
            return Ok(Self { source });
        }
        Ok(Self { source: Source::directories(dev_root)? })
    }

    /// Waits until something came or went that could be a device of ours. Cancel safe.
    ///
    /// # Errors
    /// The subscription is broken; a new one is needed.
    pub async fn changed(&mut self) -> io::Result<()> {
        match &self.source {
            Source::Uevents(socket) => until_relevant(socket, read_uevents).await,
            Source::Directories { inotify, dev_root } => {
                until_relevant(inotify, read_directory_events).await?;
                // `vmbus` in it is made with its first node: whoever waits looks after this, and misses nothing.
                watch(inotify, dev_root)
            }
        }
    }
}

impl Source {
    fn uevents() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::KOBJECT_UEVENT),
        )?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self::Uevents(sys::watch(socket)?))
    }

    fn directories(dev_root: &Path) -> io::Result<Self> {
        let inotify = sys::watch(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?)?;
        watch(&inotify, dev_root)?;
        Ok(Self::Directories { inotify, dev_root: dev_root.to_owned() })
    }
}

/// Watches the directory of nodes, and `vmbus` in it if that is there. Watching twice changes nothing.
fn watch(inotify: &AsyncFd<Arc<OwnedFd>>, dev_root: &Path) -> io::Result<()> {
    // ATTRIB: udev gives a node its group and mode a moment after the kernel made it.
    let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE | WatchFlags::ATTRIB;
    inotify::add_watch(inotify.get_ref(), dev_root, flags)?;
    match inotify::add_watch(inotify.get_ref(), dev_root.join("vmbus"), flags) {
        Ok(_) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the descriptor and reads everything there is, until `read` found something relevant.
async fn until_relevant(
    descriptor: &AsyncFd<Arc<OwnedFd>>,
    read: fn(&OwnedFd) -> rustix::io::Result<bool>,
) -> io::Result<()> {
    loop {
        let mut guard = descriptor.readable().await?;
        let mut relevant = false;
        loop {
            match read(descriptor.get_ref()) {
                Ok(found) => relevant |= found,
                Err(rustix::io::Errno::AGAIN) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        guard.clear_ready();
        if relevant {
            return Ok(());
        }
    }
}

fn read_uevents(socket: &OwnedFd) -> rustix::io::Result<bool> {
    let mut buffer = [0_u8; EVENT_BYTES];
    match rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty()) {
        Ok((length, _)) => Ok(is_relevant(&buffer[..length])),
        // Some were lost: any of them could have been ours.
        Err(rustix::io::Errno::NOBUFS) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_relevant(event: &[u8]) -> bool {
    SUBSYSTEMS.iter().any(|part| event.windows(part.len()).any(|window| window == *part))
}

fn read_directory_events(inotify: &OwnedFd) -> rustix::io::Result<bool> {
    let mut buffer = [0_u8; EVENT_BYTES];
    rustix::io::read(inotify, &mut buffer).map(|length| length > 0)
}

#[cfg(test)]
#[path = "presence_tests.rs"]
mod tests;
