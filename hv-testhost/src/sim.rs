//! The sim link from the host's side: a socket per service, a hello with rings for each guest that connects.
//!
//! [`SimPort`] is where a service is offered, [`SimLink`] an open channel. A faulty hello can be ordered for the next
//! guest ([`HelloFaults`]). A guest that is connected keeps the port to itself: the next one waits in the
//! socket's queue until the channel is closed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hv_utils_core::channel::sim::{CONTROL_BYTES, Hello, Listener, Rings as SimRings, send_hello};
use hv_utils_core::channel::{ChannelError, PacketFault, RingChannel};
use hv_utils_core::sys::SharedMemory;
use hv_utils_core::wire::ring::RingMemory;
use hv_utils_core::wire::{Guid, Ic};

use crate::link::{LinkError, Packet, PacketLink, Port, Ring, Rings, Word};

/// What is to be wrong with a hello. Everything that is absent is as it must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelloFaults {
    /// Other first eight bytes.
    pub magic: Option<[u8; 8]>,
    /// Another link version.
    pub link_version: Option<u32>,
    /// Another ring size in the hello; the memory stays as it is.
    pub ring_bytes: Option<u32>,
    /// Another class GUID.
    pub class: Option<Guid>,
    /// Something in the bytes that are reserved.
    pub reserved: Option<[u8; 32]>,
    /// So many descriptors instead of three: fewer, or the last one again and again.
    pub descriptors: Option<usize>,
    /// Only so many bytes of the hello, after which the socket is closed.
    pub truncate: Option<usize>,
    /// A memfd of another size than two rings.
    pub memory_bytes: Option<u64>,
    /// Both interrupt masks are 1, as some kernels leave them.
    pub masked: bool,
}

/// One service's socket.
#[derive(Debug)]
pub struct SimPort {
    path: PathBuf,
    class: Guid,
    ring_bytes: u32,
    listener: Option<Listener>,
}

impl SimPort {
    /// Offers a service at `DIR/NAME.sock`. Needs a tokio runtime.
    ///
    /// # Errors
    /// The socket cannot be made, or another host has it.
    pub fn new(dir: &Path, ic: Ic, ring_bytes: u32) -> io::Result<SimPort> {
        let mut port =
            SimPort { path: SimPort::socket(dir, ic), class: ic.class(), ring_bytes, listener: None };
        port.offer()?;
        Ok(port)
    }

    /// Where guests of a service connect, for a host in `dir`.
    pub fn socket(dir: &Path, ic: Ic) -> PathBuf {
        dir.join(format!("{}.sock", ic.name()))
    }

    /// Where guests connect.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for a guest and greets it with a hello as ordered. Cancel safe.
    ///
    /// # Errors
    /// The system refused a connection, memory or a descriptor; a guest that left at once is no error.
    pub async fn greeted(&mut self, faults: &HelloFaults) -> io::Result<SimLink> {
        loop {
            let Some(listener) = &self.listener else { std::future::pending().await };
            let stream = listener.accept_stream().await?;
            let rings = SimRings::create(self.ring_bytes)?;
            if faults.masked {
                for ring in [Ring::ToGuest, Ring::ToHost] {
                    rings.memory().store(control(rings.memory(), ring) + Word::InterruptMask.offset(), 1);
                }
            }
            match self.greet(&stream, &rings, faults) {
                Err(error) if is_gone(&error) => continue,
                other => other?,
            }
            let channel = rings.host_end(stream).map_err(io::Error::other)?;
            return Ok(SimLink { channel });
        }
    }

    fn greet(
        &self,
        stream: &tokio::net::UnixStream,
        rings: &SimRings,
        faults: &HelloFaults,
    ) -> io::Result<()> {
        let mut hello = Hello::new(self.class, self.ring_bytes);
        hello.magic = faults.magic.unwrap_or(hello.magic);
        hello.link_version = faults.link_version.unwrap_or(hello.link_version);
        hello.ring_bytes = faults.ring_bytes.unwrap_or(hello.ring_bytes);
        hello.class = faults.class.unwrap_or(hello.class);
        hello.reserved = faults.reserved.unwrap_or(hello.reserved);
        let bytes = hello.encode();
        let other_memory = faults.memory_bytes.map(memory).transpose()?;
        let mut descriptors = rings.descriptors().to_vec();
        if let Some(memory) = &other_memory {
            descriptors[0] = memory.as_fd();
        }
        let last = descriptors[2];
        descriptors.resize(faults.descriptors.unwrap_or(3), last);
        let length = faults.truncate.unwrap_or(bytes.len()).min(bytes.len());
        send_hello(stream, &bytes[..length], &descriptors)?;
        if length < bytes.len() {
            rustix::net::shutdown(stream, rustix::net::Shutdown::Write)?;
        }
        Ok(())
    }
}

fn memory(bytes: u64) -> io::Result<OwnedFd> {
    let memory = rustix::fs::memfd_create("hv-testhost-odd", rustix::fs::MemfdFlags::CLOEXEC)?;
    rustix::fs::ftruncate(&memory, bytes)?;
    Ok(memory)
}

/// The same error with what failed and on which file.
pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} {}: {error}", path.display()))
}

/// What to do when a socket cannot be made.
pub(crate) fn listening_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "make its directory first (mkdir)",
        io::ErrorKind::AddrInUse => {
            "another hv-testhost listens there (or the file is no socket): end it, or choose another path"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a directory in which you may write"
        }
        io::ErrorKind::InvalidInput => "a socket's path has at most 107 bytes: choose a shorter one",
        _ => "choose another directory",
    }
}

/// Whether the guest left before it could be greeted.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected
    )
}

impl Port for SimPort {
    type Link = SimLink;

    async fn opened(&mut self) -> io::Result<SimLink> {
        self.greeted(&HelloFaults::default()).await
    }

    fn rescind(&mut self) {
        self.listener = None;
    }

    fn offer(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            let bound = Listener::bind(&self.path);
            self.listener = Some(bound.map_err(|error| failed("listen at", &self.path, &error))?);
        }
        Ok(())
    }
}

/// An open channel over shared memory.
#[derive(Debug)]
pub struct SimLink {
    channel: RingChannel,
}

impl PacketLink for SimLink {
    async fn recv(&mut self) -> Result<Packet, LinkError> {
        let mut payload = Vec::new();
        let header = self.channel.recv(&mut payload).await.map_err(link_error)?;
        Ok(Packet { header, payload })
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), LinkError> {
        self.channel.send(packet.header, &packet.payload).await.map_err(link_error)
    }

    fn try_send(&mut self, packet: &Packet) -> Result<bool, LinkError> {
        self.channel.try_send(packet.header, &packet.payload).map_err(link_error)
    }

    fn shares_machine(&self) -> bool {
        true
    }

    fn rings(&mut self) -> Option<&mut dyn Rings> {
        Some(self)
    }
}

fn link_error(error: ChannelError) -> LinkError {
    match error {
        ChannelError::Closed => LinkError::Closed,
        ChannelError::Corrupt(corruption) => LinkError::Corrupt(corruption.to_string()),
        ChannelError::Geometry(geometry) => LinkError::Corrupt(geometry.to_string()),
        ChannelError::Packet(fault @ PacketFault::TooLarge { bytes }) => {
            LinkError::TooLarge { bytes, why: fault.to_string() }
        }
        ChannelError::Packet(fault) => LinkError::Packet(fault.to_string()),
        ChannelError::Io { source, .. } => LinkError::Io(source),
        // What only a kernel's char device can say.
        other => LinkError::Io(io::Error::other(other)),
    }
}

impl Word {
    /// Offset in the control page, in bytes.
    const fn offset(self) -> usize {
        match self {
            Word::WriteIndex => 0,
            Word::ReadIndex => 4,
            Word::InterruptMask => 8,
            Word::PendingSendSize => 12,
            Word::FeatureBits => 64,
        }
    }
}

/// Offset of a ring's control page: guest to host comes first.
fn control(memory: &Arc<SharedMemory>, ring: Ring) -> usize {
    match ring {
        Ring::ToHost => 0,
        Ring::ToGuest => memory.len() / 2,
    }
}

impl Rings for SimLink {
    fn peek(&self, ring: Ring, word: Word) -> u32 {
        let memory = self.channel.memory();
        memory.load(control(memory, ring) + word.offset())
    }

    fn poke(&mut self, ring: Ring, word: Word, value: u32) {
        let memory = self.channel.memory();
        memory.store(control(memory, ring) + word.offset(), value);
    }

    fn scribble(&mut self, ring: Ring, offset: usize, bytes: &[u8]) {
        let memory = self.channel.memory();
        let data = control(memory, ring) + CONTROL_BYTES;
        let size = memory.len() / 2 - CONTROL_BYTES;
        // The memory takes whole words: what is beyond the end is left out.
        let offset = offset & !7;
        let count = bytes.len().min(size.saturating_sub(offset));
        memory.write(data + offset.min(size - 8), &bytes[..count]);
    }

    fn signal(&mut self) -> io::Result<()> {
        self.channel.signal().map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests;
