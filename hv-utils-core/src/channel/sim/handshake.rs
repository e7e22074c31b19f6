//! The guest's side of opening a simulated channel: connect, hello, descriptors, map.
//!
//! Each step can be abandoned and taken up again, so a daemon can wait for a silent host and for its own end at the
//! same time. There is no time limit: a host that says nothing costs nothing.

use super::{CONTROL_BYTES, HELLO_BYTES, Hello, HelloError};
use crate::channel::doorbell::{Doorbell, Eventfds};
use crate::channel::ring_channel::{End, RingChannel};
use crate::sys::SharedMemory;
use crate::wire::Guid;
use rustix::fs::{FileType, OFlags, SealFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SocketAddrUnix,
    SocketFlags, SocketType,
};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Descriptors of a hello: memory, guest to host, host to guest.
const DESCRIPTORS: usize = 3;
/// Room for more than there may be, so that a wrong number can be told.
const DESCRIPTOR_ROOM: usize = 8;

/// A connection on which the hello is still to come.
#[derive(Debug)]
pub struct Handshake {
    stream: UnixStream,
    class: Guid,
    hello: [u8; HELLO_BYTES],
    filled: usize,
    descriptors: Vec<OwnedFd>,
    surplus: bool,
}

impl Handshake {
    /// Connects, at once or not at all. Needs a tokio runtime.
    ///
    /// # Errors
    /// Nobody listens there now.
    pub fn start(path: &Path, class: Guid) -> Result<Self, HelloError> {
        // Non-blocking from the start: a host whose backlog is full must not hold a daemon up.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(io::Error::from)?;
        let address = SocketAddrUnix::new(path).map_err(io::Error::from)?;
        rustix::net::connect(&socket, &address).map_err(io::Error::from)?;
        let stream = UnixStream::from_std(socket.into())?;
        let hello = [0; HELLO_BYTES];
        Ok(Self { stream, class, hello, filled: 0, descriptors: Vec::new(), surplus: false })
    }

    /// Waits until the hello is complete. Cancel safe.
    ///
    /// # Errors
    /// The connection ended or failed.
    pub async fn receive(&mut self) -> Result<(), HelloError> {
        while self.filled < HELLO_BYTES {
            self.stream.readable().await?;
            let received = self.stream.try_io(Interest::READABLE, || {
                receive_part(
                    &self.stream,
                    &mut self.hello[self.filled..],
                    &mut self.descriptors,
                    &mut self.surplus,
                )
            });
            match received {
                Ok(0) => return Err(HelloError::EndedEarly),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Checks the hello and opens the channel.
    ///
    /// # Errors
    /// The hello is wrong for us, or its descriptors are.
    pub fn finish(self) -> Result<RingChannel, HelloError> {
        let hello = Hello::decode(&self.hello);
        hello.check(self.class)?;
        let actual = self.descriptors.len() + usize::from(self.surplus);
        let Ok([memory, to_host, to_guest]) = <[OwnedFd; DESCRIPTORS]>::try_from(self.descriptors) else {
            return Err(HelloError::Descriptors { actual });
        };
        if self.surplus {
            return Err(HelloError::Descriptors { actual });
        }
        let memory = Arc::new(map(&memory, hello.ring_bytes)?);
        set_nonblocking(&to_host)?;
        set_nonblocking(&to_guest)?;
        let bell = Eventfds::new(to_host, to_guest, self.stream)?;
        Ok(RingChannel::new(memory, CONTROL_BYTES, End::Guest, Doorbell::Eventfds(bell))?)
    }
}

/// Receives some of the hello; descriptors are kept as they come, and closed beyond what there is room for.
fn receive_part(
    stream: &UnixStream,
    bytes: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
    surplus: &mut bool,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTOR_ROOM))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message =
        rustix::net::recvmsg(stream, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    *surplus |= message.flags.contains(ReturnFlags::CTRUNC);
    for part in control.drain() {
        let RecvAncillaryMessage::ScmRights(received) = part else { continue };
        for descriptor in received {
            if descriptors.len() < DESCRIPTOR_ROOM {
                descriptors.push(descriptor);
            } else {
                *surplus = true;
            }
        }
    }
    Ok(message.bytes)
}

/// Maps the rings, if the file holds all of them: touching a mapping beyond its file would kill us. So it is sealed
/// against shrinking before it is measured. A host may have made it without room for seals; the link's description
/// does not forbid that, and such a host, which the administrator chose, is trusted in this one respect.
fn map(memory: &OwnedFd, ring_bytes: u32) -> Result<SharedMemory, HelloError> {
    if let Err(error) = rustix::fs::fcntl_add_seals(memory, SealFlags::SHRINK) {
        tracing::debug!(%error, "the test host could shrink its memory under us: it does not let us seal it");
    }
    let expected = 2 * u64::from(ring_bytes);
    let stat = rustix::fs::fstat(memory).map_err(io::Error::from)?;
    let actual = u64::try_from(stat.st_size).unwrap_or(0);
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || actual != expected {
        return Err(HelloError::MemorySize { expected, actual });
    }
    let bytes = usize::try_from(expected).map_err(|_| HelloError::RingBytes { actual: ring_bytes })?;
    Ok(SharedMemory::map(memory.as_fd(), 0, bytes)?)
}

/// The link promises it, but a descriptor that blocked would hold the daemon up.
fn set_nonblocking(descriptor: &OwnedFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(descriptor)?;
    Ok(rustix::fs::fcntl_setfl(descriptor, flags | OFlags::NONBLOCK)?)
}
