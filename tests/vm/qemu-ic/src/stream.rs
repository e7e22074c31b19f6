//! The byte stream to the test host: a character device, or a socket that listens.
//!
//! Hosts come and go. While none is there nothing is sent and nothing kept: a host asks for the state when it comes. A
//! virtio-serial port whose other side is closed reads as end-of-file again and again, so it is looked at from time to
//! time instead.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::qemu::{HANG_UP, Handler, Pointer, PollDescriptor, poll, qemu_set_fd_handler};
use crate::timer::Timer;

/// `O_NONBLOCK`.
const NONBLOCK: i32 = 0o4000;
/// How often an abandoned port is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// More than this is not kept for a host that does not read.
const MAX_UNSENT: usize = 4 << 20;

/// Where hosts come.
enum Door {
    Port(File),
    Socket { listener: UnixListener, guest: Option<UnixStream> },
}

/// The stream of one device.
pub(crate) struct Stream {
    door: Door,
    connected: bool,
    unsent: Vec<u8>,
    look: Timer,
    handlers: (Handler, Handler),
    opaque: Pointer,
}

/// What a look at the stream brought.
pub(crate) enum Arrival {
    /// Bytes, at the end of the buffer.
    Bytes,
    /// Nothing now.
    Nothing,
    /// The host is gone: what it sent in part is void.
    Gone,
}

impl Stream {
    /// Opens the door. `readable` and `writable` are called with `opaque` when there is something to do.
    pub(crate) fn open(
        place: &str,
        readable: Handler,
        writable: Handler,
        opaque: Pointer,
    ) -> std::io::Result<Stream> {
        let door = match place.strip_prefix("unix:") {
            Some(path) => {
                // What an earlier virtual machine left behind.
                let _ = std::fs::remove_file(path);
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Door::Socket { listener, guest: None }
            }
            None => Door::Port(File::options().read(true).write(true).custom_flags(NONBLOCK).open(place)?),
        };
        let connected = matches!(door, Door::Port(_));
        let look = Timer::new(readable, opaque);
        let stream =
            Stream { door, connected, unsent: Vec::new(), look, handlers: (readable, writable), opaque };
        stream.listen();
        Ok(stream)
    }

    /// Reads what there is.
    pub(crate) fn read(&mut self, into: &mut Vec<u8>) -> Arrival {
        if !self.connected && !self.admit() {
            return Arrival::Nothing;
        }
        let mut bytes = [0; 16384];
        let result = match &mut self.door {
            Door::Port(file) => file.read(&mut bytes),
            Door::Socket { guest: Some(guest), .. } => guest.read(&mut bytes),
            Door::Socket { guest: None, .. } => return Arrival::Nothing,
        };
        match result {
            Ok(0) => {
                self.end();
                Arrival::Gone
            }
            Ok(count) => {
                into.extend(&bytes[..count]);
                Arrival::Bytes
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Arrival::Nothing
            }
            Err(_) => {
                self.end();
                Arrival::Gone
            }
        }
    }

    /// Sends, or keeps for later what the host does not take now.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if !self.connected {
            return;
        }
        self.unsent.extend(bytes);
        self.flush();
        if self.unsent.len() > MAX_UNSENT {
            self.end();
        }
    }

    /// Goes on sending.
    pub(crate) fn flush(&mut self) {
        while self.connected && !self.unsent.is_empty() {
            let result = match &mut self.door {
                Door::Port(file) => file.write(&self.unsent),
                Door::Socket { guest: Some(guest), .. } => guest.write(&self.unsent),
                Door::Socket { guest: None, .. } => return,
            };
            match result {
                Ok(count) => {
                    self.unsent.drain(..count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return self.end(),
            }
        }
        self.listen();
    }

    /// The host broke the rules, or went: nothing of it is left. A socket is closed, a port can only be ignored.
    pub(crate) fn end(&mut self) {
        self.unsent.clear();
        self.connected = false;
        self.ignore(self.descriptor());
        if let Door::Socket { guest, .. } = &mut self.door {
            *guest = None;
        }
        match self.door {
            Door::Port(_) => self.look.fire_in(LOOK),
            Door::Socket { .. } => self.listen(),
        }
    }

    /// Whether a host is there now that was not.
    fn admit(&mut self) -> bool {
        match &mut self.door {
            Door::Port(file) => {
                if is_hung_up(file.as_raw_fd()) {
                    self.look.fire_in(LOOK);
                    return false;
                }
            }
            Door::Socket { listener, guest } => {
                let Ok((stream, _)) = listener.accept() else { return false };
                if stream.set_nonblocking(true).is_err() {
                    return false;
                }
                let waiting = listener.as_raw_fd();
                *guest = Some(stream);
                self.ignore(waiting);
            }
        }
        self.connected = true;
        self.listen();
        true
    }

    fn descriptor(&self) -> RawFd {
        match &self.door {
            Door::Port(file) => file.as_raw_fd(),
            Door::Socket { guest: Some(guest), .. } => guest.as_raw_fd(),
            Door::Socket { listener, .. } => listener.as_raw_fd(),
        }
    }

    fn listen(&self) {
        let writable = (!self.unsent.is_empty()).then_some(self.handlers.1);
        // SAFETY: the descriptor is open, and the handlers take the opaque value as a name, not as a pointer.
        unsafe { qemu_set_fd_handler(self.descriptor(), Some(self.handlers.0), writable, self.opaque) };
    }

    fn ignore(&self, descriptor: RawFd) {
        // SAFETY: without handlers QEMU forgets the descriptor.
        unsafe { qemu_set_fd_handler(descriptor, None, None, self.opaque) };
    }
}

fn is_hung_up(fd: RawFd) -> bool {
    let mut descriptor = PollDescriptor { fd, events: 1, revents: 0 };
    // SAFETY: one descriptor, which is told, and no waiting.
    unsafe { poll(&raw mut descriptor, 1, 0) };
    descriptor.revents & HANG_UP != 0
}
