//! The host's side of a simulated channel: rings, the hello, and a listener that offers them to guests.
//!
//! In pieces, because a test host also has to do it wrong: another hello, too few descriptors, memory of another
//! size. [`Listener::accept`] is the whole of it done right.

use super::{CONTROL_BYTES, Hello, HelloError};
use crate::channel::ChannelError;
use crate::channel::doorbell::{Doorbell, Eventfds};
use crate::channel::ring_channel::{End, RingChannel};
use crate::sys::SharedMemory;
use crate::wire::Guid;
use crate::wire::ring;
use rustix::event::EventfdFlags;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};

/// The memory and the eventfds of one channel, ready to be handed to a guest.
#[derive(Debug)]
pub struct Rings {
    memory: Arc<SharedMemory>,
    memfd: OwnedFd,
    to_host: OwnedFd,
    to_guest: OwnedFd,
    control_bytes: usize,
}

impl Rings {
    /// Two zeroed rings of `ring_bytes` each, control pages included, with the feature bits set.
    ///
    /// # Errors
    /// The system has no memory or descriptors left, or the size is none.
    pub fn create(ring_bytes: u32) -> io::Result<Self> {
        Self::with_control_pages(ring_bytes, CONTROL_BYTES)
    }

    /// As [`create`](Self::create), with control pages of another size, as a real device has them on some machines.
    pub(crate) fn with_control_pages(ring_bytes: u32, control_bytes: usize) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memfd = rustix::fs::memfd_create("hv-utils-rings", flags)?;
        let total = 2 * u64::from(ring_bytes);
        rustix::fs::ftruncate(&memfd, total)?;
        // A guest that shrank it would kill us.
        rustix::fs::fcntl_add_seals(&memfd, SealFlags::SHRINK | SealFlags::GROW)?;
        let bytes = usize::try_from(total).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let memory = Arc::new(SharedMemory::map(&memfd, 0, bytes)?);
        ring::initialise(&memory, control_bytes);
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            memory,
            memfd,
            to_host: rustix::event::eventfd(0, flags)?,
            to_guest: rustix::event::eventfd(0, flags)?,
            control_bytes,
        })
    }

    /// The mapping of both rings.
    #[must_use]
    pub const fn memory(&self) -> &Arc<SharedMemory> {
        &self.memory
    }

    /// What goes with a hello, in its order: memory, guest to host, host to guest.
    #[must_use]
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 3] {
        [self.memfd.as_fd(), self.to_host.as_fd(), self.to_guest.as_fd()]
    }

    /// The host's end of the channel; it lasts as long as `stream`. Packets may be queued before the hello is sent.
    ///
    /// # Errors
    /// The size is no ring's, or the system has no descriptors left.
    pub fn host_end(&self, stream: UnixStream) -> Result<RingChannel, ChannelError> {
        let bell = self.host_bell(stream).map_err(ChannelError::io("open the host's end"))?;
        RingChannel::new(self.memory.clone(), self.control_bytes, End::Host, Doorbell::Eventfds(bell))
    }

    fn host_bell(&self, stream: UnixStream) -> io::Result<Eventfds> {
        Eventfds::new(self.to_guest.try_clone()?, self.to_host.try_clone()?, stream)
    }
}

/// Sends a hello, right or wrong, with its descriptors. It is small and the first thing on the socket, so it never
/// has to wait.
///
/// # Errors
/// As `sendmsg(2)`: the guest is gone.
pub fn send_hello(socket: impl AsFd, hello: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(descriptors.len()))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(hello)], &mut control, SendFlags::NOSIGNAL)?;
    if sent < hello.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(())
}

/// A socket where guests find the channel of one IC. Dropping it removes the socket.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`; a socket that a dead host left there is replaced. Needs a tokio runtime.
    ///
    /// # Errors
    /// The path cannot be bound, or another host listens there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for a guest; nothing is sent to it yet. Cancel safe.
    ///
    /// # Errors
    /// As `accept(2)`.
    pub async fn accept_stream(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    /// Waits for a guest and opens a channel to it. Cancel safe.
    ///
    /// # Errors
    /// The guest was gone at once, or the system has no memory or descriptors left.
    pub async fn accept(&self, class: Guid, ring_bytes: u32) -> Result<RingChannel, HelloError> {
        let stream = self.accept_stream().await?;
        let rings = Rings::create(ring_bytes)?;
        send_hello(&stream, &Hello::new(class, ring_bytes).encode(), &rings.descriptors())?;
        Ok(rings.host_end(stream)?)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Nothing to be done about a failure: the next host replaces the file.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn is_abandoned(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    // Connecting to a file that is no socket is refused too: that one is somebody's, and stays.
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let connected = || std::os::unix::net::UnixStream::connect(path);
    is_socket && connected().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
