//! The char devices by which the kernel's `hv_utils` leaves a service to user space.
//!
//! Register, read a request, write its reply; what a message means is not known here. The kernel negotiates with the
//! host itself. Facts: Linux `drivers/hv/hv_utils_transport.c`, `hv_kvp.c`, `hv_snapshot.c`, before 6.10
//! `hv_fcopy.c`. Such a device blocks in `read` whatever its flags, and when its driver goes away the kernel waits
//! until we have closed it, so a hang-up is looked for first.

use super::error::ChannelError;
use super::nodes::{CharNode, Nodes};
use crate::sys;
use crate::wire::kvp::chardev;
use crate::wire::{Ic, Status, vss};
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// `VSS_OP_REGISTER1`; the kernel answers with the same number as u32.
const VSS_REGISTER: u8 = 129;
/// `FCOPY_VERSION_1`, which is the registration and the kernel's answer.
const FCOPY_VERSION: u32 = 1;
/// More than the kernel's longest message, which has no fixed size.
const FCOPY_BUFFER_BYTES: usize = 16384;

/// How poll says that the driver is going away.
const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP).union(PollFlags::NVAL);

/// How the char device of one IC is spoken to.
#[derive(Debug)]
pub(super) struct Protocol {
    /// Its name below `/dev`, and as a misc device.
    pub(super) node: &'static str,
    register: fn() -> Vec<u8>,
    is_greeting: fn(&[u8]) -> bool,
    /// Bytes of the longest message; a shorter buffer is refused.
    buffer_bytes: usize,
    /// Whether a reply is the status alone, and not the whole message with the status over its start.
    status_only: bool,
}

const KVP: Protocol = Protocol {
    node: "vmbus/hv_kvp",
    register: chardev::register,
    is_greeting: |message| chardev::parse_registration(message).is_ok(),
    buffer_bytes: chardev::MESSAGE_BYTES,
    status_only: false,
};

const VSS: Protocol = Protocol {
    node: "vmbus/hv_vss",
    register: || {
        let mut message = vec![0; vss::CHARDEV_BYTES];
        message[0] = VSS_REGISTER;
        message
    },
    is_greeting: |message| message == u32::from(VSS_REGISTER).to_ne_bytes(),
    buffer_bytes: vss::CHARDEV_BYTES,
    status_only: false,
};

const FILE_COPY: Protocol = Protocol {
    node: "vmbus/hv_fcopy",
    register: || FCOPY_VERSION.to_ne_bytes().to_vec(),
    is_greeting: |message| message.len() == size_of::<u32>(),
    buffer_bytes: FCOPY_BUFFER_BYTES,
    status_only: true,
};

/// The char device of an IC; `None` for those that the kernel serves alone.
pub(super) const fn protocol(ic: Ic) -> Option<&'static Protocol> {
    match ic {
        Ic::Kvp => Some(&KVP),
        Ic::Vss => Some(&VSS),
        Ic::FileCopy => Some(&FILE_COPY),
        Ic::Heartbeat | Ic::Shutdown | Ic::TimeSync => None,
    }
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The kernel accepted us.
    Registered,
    /// A request is in the buffer.
    Request,
}

/// An open char device, registered or about to be.
#[derive(Debug)]
pub(super) struct CharDevice {
    protocol: &'static Protocol,
    node: Box<dyn CharNode>,
    ready: AsyncFd<Arc<OwnedFd>>,
    registered: bool,
}

impl CharDevice {
    /// Opens the device and sends the registration; its answer is the first thing to arrive.
    pub(super) fn open(
        protocol: &'static Protocol,
        dev_root: &Path,
        nodes: &dyn Nodes,
    ) -> Result<Self, ChannelError> {
        let node = nodes
            .open_char(&dev_root.join(protocol.node))
            .map_err(ChannelError::io("open the kernel's device"))?;
        let ready = sys::watch(node.descriptor().clone())
            .map_err(ChannelError::io("wait for the kernel's device"))?;
        node.write(&(protocol.register)())
            .map_err(gone_or("register with the kernel: is another daemon registered"))?;
        Ok(Self { protocol, node, ready, registered: false })
    }

    /// Waits for the next message; `message` is reused. Cancel safe.
    pub(super) async fn recv(&mut self, message: &mut Vec<u8>) -> Result<Arrival, ChannelError> {
        loop {
            let mut guard =
                self.ready.readable().await.map_err(ChannelError::io("wait for the kernel's device"))?;
            let events = self.node.poll().map_err(ChannelError::io("poll the kernel's device"))?;
            if events.intersects(GONE) {
                return Err(ChannelError::Closed);
            }
            if !events.contains(PollFlags::IN) {
                guard.clear_ready();
                continue;
            }
            message.resize(self.protocol.buffer_bytes, 0);
            match self.node.read(message) {
                Ok(count) => {
                    message.truncate(count);
                    return self.judge(message);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(gone_or("read the kernel's device")(error)),
            }
        }
    }

    fn judge(&mut self, message: &[u8]) -> Result<Arrival, ChannelError> {
        if self.registered {
            return Ok(Arrival::Request);
        }
        if !(self.protocol.is_greeting)(message) {
            return Err(ChannelError::Registration);
        }
        self.registered = true;
        Ok(Arrival::Registered)
    }

    /// Whether the kernel has another request for us: then it has given up the one before it, since it sends one at a
    /// time. Never waits.
    pub(super) fn has_next(&self) -> Result<bool, ChannelError> {
        let events = self.node.poll().map_err(ChannelError::io("poll the kernel's device"))?;
        // What a driver that goes away says besides is told by the next read or write.
        Ok(events.contains(PollFlags::IN) && !events.intersects(GONE))
    }

    /// Answers the request in `message`, which holds the reply's fields already.
    pub(super) fn reply(&self, message: &mut [u8], status: Status) -> Result<(), ChannelError> {
        let status = status.0.to_ne_bytes();
        let written = if self.protocol.status_only {
            self.node.write(&status)
        } else {
            if let Some(place) = message.first_chunk_mut() {
                *place = status;
            }
            self.node.write(message)
        };
        match written {
            Ok(_) => Ok(()),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => Err(ChannelError::Late),
            Err(error) => Err(gone_or("answer through the kernel's device")(error)),
        }
    }
}

/// EBADF is how a device answers whose driver is going away.
fn gone_or(what: &'static str) -> impl FnOnce(io::Error) -> ChannelError {
    move |error| match Errno::from_io_error(&error) {
        Some(Errno::BADF) => ChannelError::Closed,
        _ => ChannelError::io(what)(error),
    }
}
