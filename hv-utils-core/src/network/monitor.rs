//! The netlink socket: a dump of everything, then every change as the kernel announces it.
//!
//! A dump never waits: the kernel makes each part of it while we send or receive, so `open` is plain code, and
//! a table that fell behind (the kernel drops announcements when nobody reads them in time) is made anew on the
//! spot. One descriptor, however often that happens.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use netlink_packet_core::NetlinkBuffer;
use rustix::io::Errno;
use rustix::net::{self, SendFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use super::message::{Dump, Event, parse};
use super::socket::{Received, connect, messages, number, receive, refusal};
use super::table::Table;

/// `NLMSG_ERROR` of `linux/netlink.h`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
const DONE: u16 = 3;
/// `NLM_F_REPLACE`: what is announced has taken another's place.
const REPLACE: u16 = 0x100;
/// `NLM_F_DUMP_INTR`: something changed between the parts of a dump.
const DUMP_INTERRUPTED: u16 = 0x10;

/// Room for one message, to begin with. The kernel fits a dump's parts to it; only announcements of interfaces
/// with hundreds of alternative names are longer.
const BUFFER: usize = 8 * 1024;
/// Dumps in a row before one that was disturbed is good enough: what disturbed it was taken in as well.
const DUMPS: usize = 8;
/// Datagrams taken at one go, so that a storm of announcements leaves room for other work.
const BATCH: usize = 256;
/// Datagrams taken when all that there are have to be: more than a queue of usual size holds, and an end to it while
/// they keep coming.
const QUEUE: usize = 16 * 1024;
/// The least between two lists that only make sure of routes, while nobody asks: next hops may come and go all the time.
const PAUSE: Duration = Duration::from_secs(1);

/// Why interfaces and addresses are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The socket could not be made.
    #[error("no netlink socket for the addresses ({0}): allow AF_NETLINK to this service")]
    Socket(Errno),
    /// The kernel did not list what there is.
    #[error("the kernel does not list interfaces and addresses ({0})")]
    Dump(Errno),
    /// It began to, again and again, and never came to the end.
    #[error(
        "the kernel's lists of interfaces and addresses are cut short each time: too much changes at once"
    )]
    Torn,
}

/// The table of interfaces, addresses and default routes, and what keeps it current.
#[derive(Debug)]
pub struct Monitor {
    socket: AsyncFd<OwnedFd>,
    /// Our address on the bus of sockets: replies to our own requests carry it.
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
    sysfs_root: PathBuf,
    table: Table,
    /// When everything was listed last.
    listed: Instant,
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
            listed: Instant::now(),
        };
        monitor.table = monitor.list()?;
        Ok(monitor)
    }

    /// What is known.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Waits until the kernel may have said something, or has to be asked. Cancel safe.
    pub async fn readable(&self) {
        tokio::select! {
            ready = self.socket.readable() => if ready.is_err() {
                // Only when the runtime goes down: there will never be anything more.
                std::future::pending::<()>().await;
            },
            () = async { sleep_until(self.listed + PAUSE).await }, if self.table.is_stale() => {}
        }
    }

    /// Takes in what the kernel has said, without waiting; tells whether the table is different now.
    ///
    /// # Errors
    /// The table could not be made anew after announcements were lost.
    pub fn drain(&mut self) -> Result<bool, NetworkError> {
        let changed = self.take_in(BATCH, Monitor::receive_if_readable)?;
        let again = self.table.is_stale() && self.listed.elapsed() >= PAUSE;
        Ok(changed | (again && self.start_over()?))
    }

    /// As [`Monitor::drain`], but asks the kernel and not the runtime, which may not have looked yet: afterwards the
    /// table holds all that was true when this was called.
    ///
    /// # Errors
    /// As [`Monitor::drain`].
    pub fn catch_up(&mut self) -> Result<bool, NetworkError> {
        let changed = self.take_in(QUEUE, |monitor| monitor.receive().map_err(NetworkError::Dump))?;
        Ok(changed | (self.table.is_stale() && self.start_over()?))
    }

    fn take_in(
        &mut self,
        most: usize,
        mut receive: impl FnMut(&mut Monitor) -> Result<Received, NetworkError>,
    ) -> Result<bool, NetworkError> {
        let mut changed = false;
        for _ in 0..most {
            match receive(self)? {
                Received::Nothing => break,
                Received::Messages(length) => changed |= self.take_announcements(length),
                Received::Lost => changed |= self.start_over()?,
            }
        }
        Ok(changed)
    }

    fn start_over(&mut self) -> Result<bool, NetworkError> {
        let table = self.list()?;
        let changed = self.table != table;
        self.table = table;
        self.listed = Instant::now();
        Ok(changed)
    }

    fn take_announcements(&mut self, length: usize) -> bool {
        let mut changed = false;
        for message in messages(&self.buffer[..length]) {
            if let Some(event) = event(&message) {
                changed |= self.table.apply(event, |name| has_device(&self.sysfs_root, name));
            }
        }
        changed
    }

    /// Everything there is.
    fn list(&mut self) -> Result<Table, NetworkError> {
        choose(|| {
            let mut table = Table::default();
            let mut dumped = Dumped::Whole;
            for dump in [Dump::Links, Dump::Addresses, Dump::Routes] {
                if dumped != Dumped::Torn {
                    dumped = dumped.max(self.dump(dump, &mut table)?);
                }
            }
            if dumped == Dumped::Torn {
                // The kernel may still hold the dump for unfinished, and would refuse another.
                (self.socket, self.port) = connect().map_err(NetworkError::Socket)?;
            }
            Ok((dumped, table))
        })
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
            undisturbed &= !ours || message.flags() & DUMP_INTERRUPTED == 0;
            match message.message_type() {
                DONE if ours => return Ok((undisturbed, true)),
                ERROR if ours => return Err(NetworkError::Dump(refusal(message.payload()))),
                _ => {
                    if let Some(event) = event(&message) {
                        undisturbed &= ours;
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

/// The first list that is whole. A change in the middle may have been seen in the wrong order: then once more, and in the
/// end the last that was complete.
fn choose(mut list: impl FnMut() -> Result<(Dumped, Table), NetworkError>) -> Result<Table, NetworkError> {
    let mut complete = None;
    for _ in 0..DUMPS {
        match list()? {
            (Dumped::Whole, table) => return Ok(table),
            (Dumped::Disturbed, table) => complete = Some(table),
            (Dumped::Torn, _) => {}
        }
    }
    complete.ok_or(NetworkError::Torn)
}

/// What a message says, if it is about what we keep.
fn event(message: &NetlinkBuffer<&[u8]>) -> Option<Event> {
    let mut event = parse(message.message_type(), message.payload())?;
    if let Event::Route(news) = &mut event {
        news.replaces = message.flags() & REPLACE != 0;
    }
    Some(event)
}

/// Whether a device is behind an interface: kernels before 5.14 tell only here.
fn has_device(sysfs_root: &Path, name: &str) -> bool {
    !name.contains('/') && name != ".." && sysfs_root.join("class/net").join(name).join("device").exists()
}

#[cfg(test)]
mod tests;
