//! The double's device nodes: a uio node over a memfd and eventfds, a char device over a socket pair.
//!
//! They do what the kernel's drivers do at each call, and fail where a test asked for it.

use super::bus::Call;
use super::kernel::{Opener, Shared, char_name};
use crate::channel::nodes::{CharNode, Nodes, UioNode};
use crate::channel::sim::Rings;
use crate::sys::{self, SharedMemory};
use crate::wire::Ic;
use crate::wire::ring::RingMemory;
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

/// Offset of the interrupt mask in a control page.
const INTERRUPT_MASK: usize = 8;

/// Opens the nodes of a [`super::FakeBus`].
#[derive(Debug)]
pub(super) struct FakeNodes(pub(super) Arc<Shared>);

impl Nodes for FakeNodes {
    fn open_uio(&self, path: &Path) -> io::Result<Box<dyn UioNode>> {
        self.0.fault(Call::Open)?;
        let index = path.file_name().and_then(|name| name.to_str()?.strip_prefix("uio")?.parse().ok());
        let mut state = self.0.state();
        let (ring_bytes, old_kernel) = (state.ring_bytes, state.old_kernel);
        let device = state
            .devices
            .iter_mut()
            .find(|device| device.uio.is_some() && device.uio == index)
            .ok_or(Errno::NOENT)?;
        if device.left_open.is_some() {
            // vmbus_connect_ring: the channel is not in the state of an offer.
            return Err(Errno::INVAL.into());
        }
        let control_bytes = rustix::param::page_size();
        let rings = Rings::with_control_pages(ring_bytes, control_bytes)?;
        let node =
            FakeUio::new(self.0.clone(), (device.ic, device.relid), device.monitored, rings, old_kernel)?;
        device.opener = Some(Opener::Uio {
            gone: node.gone.clone(),
            interrupts: node.interrupts.clone(),
            channel: node.lifetime.clone(),
        });
        drop(state);
        Ok(Box::new(node))
    }

    fn open_char(&self, path: &Path) -> io::Result<Box<dyn CharNode>> {
        self.0.fault(Call::Open)?;
        let mut state = self.0.state();
        let device = state
            .devices
            .iter_mut()
            .find(|device| char_name(device.ic).is_some_and(|name| path.ends_with(name)))
            .ok_or(Errno::NOENT)?;
        if device.opener.is_some() {
            return Err(Errno::BUSY.into());
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, kernels) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let kernels = Arc::new(kernels);
        device.opener = Some(Opener::Char { kernel_end: kernels.clone() });
        let key = (device.ic, device.relid);
        drop(state);
        // Nobody waits for it only when the bus is gone.
        let _ = self.0.kernel_ends.send(KernelEnd { socket: sys::watch(kernels)? });
        Ok(Box::new(FakeChar { shared: self.0.clone(), key, socket: Arc::new(ours) }))
    }

    fn age(&self, path: &Path) -> Option<Duration> {
        path.exists().then(|| self.0.state().node_age)
    }
}

/// An open uio node.
#[derive(Debug)]
struct FakeUio {
    shared: Arc<Shared>,
    key: (Ic, u32),
    monitored: bool,
    old_kernel: bool,
    rings: Rings,
    /// What maps 1 and 2 show.
    pages: OwnedFd,
    interrupts: Arc<OwnedFd>,
    to_host: OwnedFd,
    gone: Arc<AtomicBool>,
    /// The host sees the channel closed when this is, here and with the device.
    lifetime: Arc<UnixStream>,
}

impl FakeUio {
    fn new(
        shared: Arc<Shared>,
        key: (Ic, u32),
        monitored: bool,
        rings: Rings,
        old_kernel: bool,
    ) -> io::Result<Self> {
        let pages = rustix::fs::memfd_create("hv-utils-pages", MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&pages, 2 * rustix::param::page_size() as u64)?;
        let [_, to_host, interrupts] = rings.descriptors();
        let (to_host, interrupts) = (to_host.try_clone_to_owned()?, interrupts.try_clone_to_owned()?);
        let (guest, host) = UnixStream::pair()?;
        if old_kernel {
            rings.memory().store(rings.memory().len() / 2 + INTERRUPT_MASK, 1);
        }
        let channel = rings.host_end(host).map_err(io::Error::other)?;
        // Nobody waits for it only when the bus is gone.
        let _ = shared.channels.send(channel);
        Ok(Self {
            shared,
            key,
            monitored,
            old_kernel,
            rings,
            pages,
            interrupts: Arc::new(interrupts),
            to_host,
            gone: Arc::default(),
            lifetime: Arc::new(guest),
        })
    }

    fn mask(&self, value: u32) {
        let memory = self.rings.memory();
        memory.store(memory.len() / 2 + INTERRUPT_MASK, value);
    }

    fn present(&self) -> io::Result<()> {
        if self.gone.load(Ordering::SeqCst) { Err(Errno::IO.into()) } else { Ok(()) }
    }
}

impl UioNode for FakeUio {
    fn descriptor(&self) -> &Arc<OwnedFd> {
        &self.interrupts
    }

    fn map(&self, index: u32, bytes: usize) -> io::Result<SharedMemory> {
        self.shared.fault(Call::Map)?;
        match index {
            0 => SharedMemory::map(self.rings.descriptors()[0], 0, bytes),
            _ => {
                let offset = u64::from(index - 1) * rustix::param::page_size() as u64;
                SharedMemory::map(&self.pages, offset, bytes)
            }
        }
    }

    fn take_events(&self) -> io::Result<u32> {
        self.present()?;
        let mut count = [0; 8];
        rustix::io::read(&self.interrupts, &mut count)?;
        if self.old_kernel {
            self.mask(1);
        }
        Ok(u32::try_from(u64::from_ne_bytes(count)).unwrap_or(u32::MAX))
    }

    fn signal(&self) -> io::Result<()> {
        self.present()?;
        self.mask(0);
        if !self.monitored {
            rustix::io::write(&self.to_host, &1_u64.to_ne_bytes())?;
        }
        Ok(())
    }
}

impl Drop for FakeUio {
    fn drop(&mut self) {
        // The test's directory may be gone before the last channel is; then nobody looks at the tree any more.
        let _ = self.shared.uio_closed(self.key.0, self.key.1);
    }
}

/// An open char device.
#[derive(Debug)]
struct FakeChar {
    shared: Arc<Shared>,
    key: (Ic, u32),
    socket: Arc<OwnedFd>,
}

impl CharNode for FakeChar {
    fn descriptor(&self) -> &Arc<OwnedFd> {
        &self.socket
    }

    fn read(&self, message: &mut [u8]) -> io::Result<usize> {
        self.shared.fault(Call::Read)?;
        Ok(rustix::net::recv(&self.socket, message, RecvFlags::empty())?.0)
    }

    fn write(&self, message: &[u8]) -> io::Result<usize> {
        self.shared.fault(Call::Write)?;
        Ok(rustix::net::send(&self.socket, message, SendFlags::NOSIGNAL)?)
    }
}

impl Drop for FakeChar {
    fn drop(&mut self) {
        // Closed for the other end at once: a child that is just being started may have the socket, too, for a moment.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        let mut state = self.shared.state();
        if let Some(device) = state.device(self.key.0).filter(|device| device.relid == self.key.1) {
            device.opener = None;
        }
    }
}

/// The kernel's end of an open char device: whole messages each way. The device's driver is there for as long as
/// nobody rescinds it.
#[derive(Debug)]
pub struct KernelEnd {
    socket: AsyncFd<Arc<OwnedFd>>,
}

impl KernelEnd {
    /// Sends a message to the daemon.
    ///
    /// # Errors
    /// The daemon closed the device.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        rustix::net::send(self.socket.get_ref(), message, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for a message from the daemon; an empty one: it closed the device. Cancel safe.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub async fn recv(&self) -> io::Result<Vec<u8>> {
        loop {
            let mut guard = self.socket.readable().await?;
            let mut message = vec![0; 16384];
            match rustix::net::recv(self.socket.get_ref(), &mut message[..], RecvFlags::empty()) {
                Ok((count, _)) => {
                    message.truncate(count);
                    return Ok(message);
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::CONNRESET) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
