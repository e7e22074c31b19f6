//! The netlink socket: a dump of everything, then every change as the kernel announces it.
//!
//! A dump never waits: the kernel makes each part of it while we send or receive, so `open` is plain code, and
//! a table that fell behind (the kernel drops announcements when nobody reads them in time) is made anew on the
//! spot. One descriptor, however often that happens.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use netlink_packet_core::NetlinkBuffer;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::message::{Dump, parse};
use super::ready::register;
use super::table::Table;

/// `RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR` of `linux/rtnetlink.h`.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;
/// `NLMSG_ERROR` of `linux/netlink.h`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
const DONE: u16 = 3;
/// `NLM_F_DUMP_INTR`: something changed between the parts of a dump.
const DUMP_INTERRUPTED: u16 = 0x10;

/// Room for one message, to begin with. The kernel fits a dump's parts to it; only announcements of interfaces
/// with hundreds of alternative names are longer.
const BUFFER: usize = 8 * 1024;
/// What the buffer may grow to.
const BUFFER_LIMIT: usize = 1024 * 1024;
/// Dumps in a row before one that was disturbed is good enough: what disturbed it was taken in as well.
const DUMPS: usize = 8;
/// Datagrams taken at one go, so that a storm of announcements leaves room for other work.
const BATCH: usize = 256;

/// Why interfaces and addresses are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The socket could not be made.
    #[error("no netlink socket for the addresses ({0}): allow AF_NETLINK to this service")]
    Socket(Errno),
    /// The kernel did not list what there is.
    #[error("the kernel does not list interfaces and addresses ({0})")]
    Dump(Errno),
}

/// The table of interfaces and addresses, and what keeps it current.
#[derive(Debug)]
pub struct Monitor {
    socket: AsyncFd<OwnedFd>,
    /// Our address on the bus of sockets: replies to our own requests carry it.
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
    sysfs_root: PathBuf,
    table: Table,
}

/// One datagram, or why there is none.
#[derive(Debug, Clone, Copy)]
enum Received {
    /// This many bytes are in the buffer.
    Messages(usize),
    /// Nothing is waiting.
    Nothing,
    /// Announcements were lost, or one did not fit.
    Lost,
}

/// How a dump went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dumped {
    /// Nothing else happened meanwhile.
    Whole,
    /// Complete, but something changed in between.
    Disturbed,
    /// Its end was lost, with what else the kernel could not deliver.
    Torn,
}

impl Monitor {
    /// Connects and takes in all there is. Needs a tokio runtime; `sysfs_root` is asked for the devices behind
    /// interfaces where the kernel's messages do not name them.
    ///
    /// # Errors
    /// No netlink socket, or no dump from it.
    pub fn open(sysfs_root: &Path) -> Result<Monitor, NetworkError> {
        let (socket, port) = connect().map_err(NetworkError::Socket)?;
        let mut monitor = Monitor {
            socket,
            port,
            sequence: 0,
            buffer: vec![0; BUFFER],
            sysfs_root: sysfs_root.to_owned(),
            table: Table::default(),
        };
        monitor.resynchronise()?;
        Ok(monitor)
    }

    /// What is known.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Waits until the kernel may have said something. Cancel safe.
    pub async fn readable(&self) {
        if self.socket.readable().await.is_err() {
            // Only when the runtime goes down: there will never be anything more.
            std::future::pending::<()>().await;
        }
    }

    /// Takes in what the kernel has said, without waiting; tells whether the table is different now.
    ///
    /// # Errors
    /// The table could not be made anew after announcements were lost.
    pub fn drain(&mut self) -> Result<bool, NetworkError> {
        let mut changed = false;
        for _ in 0..BATCH {
            match self.receive_if_readable()? {
                Received::Nothing => break,
                Received::Messages(length) => changed |= self.take_announcements(length),
                Received::Lost => {
                    let before = std::mem::take(&mut self.table);
                    self.resynchronise()?;
                    changed |= self.table != before;
                }
            }
        }
        Ok(changed)
    }

    fn take_announcements(&mut self, length: usize) -> bool {
        let mut changed = false;
        for message in messages(&self.buffer[..length]) {
            if let Some(event) = parse(message.message_type(), message.payload()) {
                changed |= self.table.apply(event, |name| has_device(&self.sysfs_root, name));
            }
        }
        changed
    }

    /// Fills the table anew. A change in the middle may have been seen in the wrong order: then once more.
    fn resynchronise(&mut self) -> Result<(), NetworkError> {
        for _ in 0..DUMPS {
            let mut table = Table::default();
            let dumped = match self.dump(Dump::Links, &mut table)? {
                Dumped::Torn => Dumped::Torn,
                links => links.max(self.dump(Dump::Addresses, &mut table)?),
            };
            match dumped {
                Dumped::Whole | Dumped::Disturbed => self.table = table,
                // The kernel may still hold the dump for unfinished, and would refuse another.
                Dumped::Torn => (self.socket, self.port) = connect().map_err(NetworkError::Socket)?,
            }
            if dumped == Dumped::Whole {
                break;
            }
        }
        Ok(())
    }

    /// One dump into `table`. What waits already is older than the dump, and a full queue would leave it no room.
    fn dump(&mut self, dump: Dump, table: &mut Table) -> Result<Dumped, NetworkError> {
        while !matches!(self.receive().map_err(NetworkError::Dump)?, Received::Nothing) {}
        self.sequence = self.sequence.wrapping_add(1);
        let request = dump.request(self.sequence);
        net::send(&self.socket, &request, SendFlags::empty()).map_err(NetworkError::Dump)?;
        let mut dumped = Dumped::Whole;
        loop {
            let length = match self.receive().map_err(NetworkError::Dump)? {
                Received::Messages(length) => length,
                Received::Nothing => return Ok(Dumped::Torn),
                Received::Lost => {
                    dumped = Dumped::Disturbed;
                    continue;
                }
            };
            let (undisturbed, finished) = self.take_dump(length, table)?;
            if !undisturbed {
                dumped = Dumped::Disturbed;
            }
            if finished {
                return Ok(dumped);
            }
        }
    }

    /// Takes in one datagram during a dump; tells whether it was all of the dump's, and whether that is its end.
    fn take_dump(&self, length: usize, table: &mut Table) -> Result<(bool, bool), NetworkError> {
        let mut undisturbed = true;
        for message in messages(&self.buffer[..length]) {
            let ours = message.port_number() == self.port && message.sequence_number() == self.sequence;
            undisturbed &= ours && message.flags() & DUMP_INTERRUPTED == 0;
            match message.message_type() {
                DONE if ours => return Ok((undisturbed, true)),
                ERROR if ours => return Err(NetworkError::Dump(refusal(message.payload()))),
                kind => {
                    if let Some(event) = parse(kind, message.payload()) {
                        table.apply(event, |name| has_device(&self.sysfs_root, name));
                    }
                }
            }
        }
        Ok((undisturbed, false))
    }

    /// As [`Monitor::receive`], without a system call where the runtime knows that there is nothing.
    fn receive_if_readable(&mut self) -> Result<Received, NetworkError> {
        let Monitor { socket, buffer, .. } = self;
        let received = socket.try_io(Interest::READABLE, |socket| match receive(socket, buffer)? {
            Received::Nothing => Err(io::ErrorKind::WouldBlock.into()),
            other => Ok(other),
        });
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Nothing),
            other => other.map_err(|error| NetworkError::Dump(number(&error))),
        }
    }

    fn receive(&mut self) -> Result<Received, Errno> {
        receive(self.socket.get_ref(), &mut self.buffer)
    }
}

fn connect() -> Result<(AsyncFd<OwnedFd>, u32), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    net::bind(&socket, &netlink::SocketAddrNetlink::new(0, GROUPS))?;
    let port = netlink::SocketAddrNetlink::try_from(net::getsockname(&socket)?)?.pid();
    let socket = register(socket, Interest::READABLE).map_err(|error| number(&error))?;
    Ok((socket, port))
}

/// Receives one datagram; of those that other programs send, nothing.
fn receive(socket: &OwnedFd, buffer: &mut Vec<u8>) -> Result<Received, Errno> {
    let (_, length, sender) = match net::recvfrom(socket, &mut buffer[..], RecvFlags::TRUNC) {
        Ok(received) => received,
        Err(Errno::WOULDBLOCK) => return Ok(Received::Nothing),
        Err(Errno::NOBUFS) => return Ok(Received::Lost),
        Err(error) => return Err(error),
    };
    let sender = sender.and_then(|sender| netlink::SocketAddrNetlink::try_from(sender).ok());
    if sender.is_none_or(|sender| sender.pid() != 0) {
        return Ok(Received::Messages(0));
    }
    if length > buffer.len() {
        buffer.resize(length.next_power_of_two().min(BUFFER_LIMIT), 0);
        return Ok(Received::Lost);
    }
    Ok(Received::Messages(length))
}

/// The well-formed messages of a datagram.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(bytes).ok()?;
        let length = usize::try_from(message.length()).ok()?.next_multiple_of(4);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(message)
    })
}

/// The error that an `NLMSG_ERROR` carries, negative as the kernel returns it.
fn refusal(payload: &[u8]) -> Errno {
    let number = payload.first_chunk().map_or(0, |number| i32::from_ne_bytes(*number));
    Errno::from_raw_os_error(number.saturating_neg().clamp(1, 4095))
}

fn number(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Whether a device is behind an interface: kernels before 5.14 tell only here.
fn has_device(sysfs_root: &Path, name: &str) -> bool {
    !name.contains('/') && name != ".." && sysfs_root.join("class/net").join(name).join("device").exists()
}

#[cfg(test)]
mod tests;
