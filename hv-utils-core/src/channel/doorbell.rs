//! How the two ends of a channel interrupt each other: a uio node, or two eventfds and a socket.
//!
//! It knows nothing of rings. [`Doorbell::ring`] interrupts the peer, [`Doorbell::wait`] waits for an interrupt or
//! for the end of the channel; several interrupts can be one, so after a wait everything must be looked at.

use super::error::ChannelError;
use super::monitor::MonitorBit;
use super::nodes::UioNode;
use crate::sys;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

/// What a read of an eventfd returns.
const COUNTER_BYTES: usize = 8;

/// One end's way to interrupt the other, and to be interrupted.
#[derive(Debug)]
pub(super) enum Doorbell {
    Eventfds(Eventfds),
    Uio(UioBell),
}

impl Doorbell {
    /// Interrupts the peer.
    pub(super) fn ring(&self) -> Result<(), ChannelError> {
        match self {
            Self::Eventfds(bell) => bell.ring(),
            Self::Uio(bell) => bell.ring(),
        }
    }

    /// Waits for an interrupt, and takes it. Cancel safe.
    pub(super) async fn wait(&self) -> Result<(), ChannelError> {
        match self {
            Self::Eventfds(bell) => bell.wait().await,
            Self::Uio(bell) => bell.wait().await,
        }
    }

    pub(super) const fn socket(&self) -> Option<&UnixStream> {
        match self {
            Self::Eventfds(bell) => Some(&bell.peer),
            Self::Uio(_) => None,
        }
    }
}

/// The simulated link: an eventfd each way; the channel lives as long as the socket.
#[derive(Debug)]
pub(super) struct Eventfds {
    outgoing: OwnedFd,
    incoming: AsyncFd<Arc<OwnedFd>>,
    peer: UnixStream,
}

impl Eventfds {
    /// Both descriptors must be non-blocking.
    pub(super) fn new(outgoing: OwnedFd, incoming: OwnedFd, peer: UnixStream) -> io::Result<Self> {
        Ok(Self { outgoing, incoming: sys::watch(incoming)?, peer })
    }

    fn ring(&self) -> Result<(), ChannelError> {
        match rustix::io::write(&self.outgoing, &1_u64.to_ne_bytes()) {
            // A full counter is an interrupt that the peer has not taken yet.
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(ChannelError::io("signal through the eventfd")(error.into())),
        }
    }

    async fn wait(&self) -> Result<(), ChannelError> {
        // The interrupt first: what came before the end is still to be read.
        tokio::select! {
            biased;
            result = self.interrupted() => result,
            error = self.closed() => Err(error),
        }
    }

    async fn interrupted(&self) -> Result<(), ChannelError> {
        loop {
            let mut guard =
                self.incoming.readable().await.map_err(ChannelError::io("wait for the eventfd"))?;
            let result = rustix::io::read(self.incoming.get_ref(), &mut [0_u8; COUNTER_BYTES]);
            // Reading took the whole counter: what comes now makes the descriptor ready anew.
            guard.clear_ready();
            match result {
                Ok(COUNTER_BYTES) => return Ok(()),
                // A pipe whose writer is gone, for one, would be readable for ever.
                Ok(_) => {
                    let source = io::Error::new(io::ErrorKind::InvalidData, "it is no eventfd");
                    return Err(ChannelError::Io { what: "read the eventfd", source });
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(ChannelError::io("read the eventfd")(error.into())),
            }
        }
    }

    async fn closed(&self) -> ChannelError {
        loop {
            if let Err(error) = self.peer.readable().await {
                return ChannelError::io("wait for the peer's socket")(error);
            }
            match self.peer.try_read(&mut [0_u8; 1]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Nothing is ever sent after the hello: bytes are as much an end as the end itself.
                _ => return ChannelError::Closed,
            }
        }
    }
}

/// A uio node: its event counter, and a write or a bit in the monitor page to signal.
#[derive(Debug)]
pub(super) struct UioBell {
    node: Box<dyn UioNode>,
    interrupts: AsyncFd<Arc<OwnedFd>>,
    monitor: Option<MonitorBit>,
}

impl UioBell {
    /// `monitor`: for a monitored channel, where writing to the node signals nobody.
    pub(super) fn new(node: Box<dyn UioNode>, monitor: Option<MonitorBit>) -> io::Result<Self> {
        Ok(Self { interrupts: sys::watch(node.descriptor().clone())?, node, monitor })
    }

    fn ring(&self) -> Result<(), ChannelError> {
        if let Some(monitor) = &self.monitor {
            monitor.set();
            return Ok(());
        }
        self.node.signal().map_err(gone_or("signal through the uio node"))
    }

    async fn wait(&self) -> Result<(), ChannelError> {
        loop {
            let mut guard =
                self.interrupts.readable().await.map_err(ChannelError::io("wait for the uio node"))?;
            let result = self.node.take_events();
            guard.clear_ready();
            match result {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(gone_or("read the uio node")(error)),
            }
        }
    }
}

/// EIO is how a rescinded device answers, ENODEV and EINVAL how one answers that is being removed.
fn gone_or(what: &'static str) -> impl FnOnce(io::Error) -> ChannelError {
    use rustix::io::Errno;
    move |error| match Errno::from_io_error(&error) {
        Some(Errno::IO | Errno::NODEV | Errno::INVAL) => ChannelError::Closed,
        _ => ChannelError::io(what)(error),
    }
}
