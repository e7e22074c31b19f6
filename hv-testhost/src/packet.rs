//! The packet link from the host's side: for a virtual machine, whose own kernel and VMBus have the rings.
//!
//! ```text
//!   station ── PacketPort, FramedLink ──channels── Carrier (a task) ──frames── DIR/NAME.sock ── virtual machine
//! ```
//! One byte stream per service. The virtual machine's side listens, [`PacketPort`] connects and never gives up: a
//! stream that ends is the end of the channel and is connected again. The stream belongs to a task of its own, so
//! that neither a cancelled call nor a rescind in the middle of a packet tears a frame apart. There are no rings to
//! damage here: scenarios need the sim link.
//!
//! A program that measures needs neither a host nor its verbs: it takes a port, negotiates, and asks with a clock of
//! its own in its hand.
//!
//! ```no_run
//! use hv_testhost::host::kvp::{Kvp, request::Value};
//! use hv_testhost::host::{Ic, IcOptions};
//! use hv_testhost::link::Port;
//! use hv_testhost::packet::PacketPort;
//! use hv_utils_core::wire::{self, kvp::Pool};
//!
//! # async fn measured() -> Result<(), Box<dyn std::error::Error>> {
//! let mut port = PacketPort::new("/run/machine".as_ref(), wire::Ic::Kvp)?;
//! let link = port.opened().await?;
//! let mut ic = Ic::new(link, wire::Ic::Kvp, IcOptions::real_host(wire::Ic::Kvp));
//! ic.negotiate().await?;
//! let mut kvp = Kvp::new(None);
//! let value = Value::Sz("blue".to_owned());
//! let begun = std::time::Instant::now();
//! let status = kvp.set(&mut ic, Pool::External, "Colour", &value).await?;
//! println!("{status} after {:?}", begun.elapsed());
//! # Ok(())
//! # }
//! ```
//! The port has to live as long as the channel: with it goes the stream.

mod carrier;
mod conversation;
mod device;
mod frame;

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hv_utils_core::wire::Ic;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

pub use frame::MAX_PAYLOAD;

use crate::link::{LinkError, Packet, PacketLink, Port};
use carrier::Carrier;
pub(crate) use device::Contact;
use device::{Device, Progress, Wanted, differs};

/// Packets that wait on each side of an open channel, before whoever sends more has to wait.
const QUEUE: usize = 16;
/// How long the end of a host may be held up by a virtual machine that reads nothing. A test has no other processor than
/// the one that it is left with, and wants to see what is said.
const LAST_WORDS: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 1 });

/// One service's connection to a virtual machine.
#[derive(Debug)]
pub struct PacketPort {
    path: PathBuf,
    /// Whether the device is to be there, and how often that was changed.
    wanted: watch::Sender<Wanted>,
    progress: watch::Receiver<Progress>,
    /// Whether it was said that the machine keeps its device.
    keeps: bool,
    meeting: Arc<Meeting>,
    carrier: JoinHandle<()>,
}

impl PacketPort {
    /// Connects to `DIR/NAME.sock`, now or as soon as somebody listens there. Needs a tokio runtime.
    ///
    /// # Errors
    /// The path is too long for a socket.
    pub fn new(dir: &Path, ic: Ic) -> io::Result<PacketPort> {
        let path = PacketPort::socket(dir, ic);
        SocketAddr::from_pathname(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot use {}: {error}", path.display()))
        })?;
        let (wanted, orders) = watch::channel(Wanted { offered: true, ..Wanted::default() });
        let (done, progress) = watch::channel(Progress::default());
        let meeting = Arc::new(Meeting::default());
        let carrier = Carrier::new(path.clone(), Device::new(orders, done), meeting.clone());
        let carrier = tokio::spawn(carrier.run());
        Ok(PacketPort { path, wanted, progress, keeps: false, meeting, carrier })
    }

    /// Where the virtual machine's side of a service listens, in `dir`.
    pub fn socket(dir: &Path, ic: Ic) -> PathBuf {
        dir.join(format!("{}.sock", ic.name()))
    }

    /// Where the virtual machine's side listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of the virtual machine's side from now on.
    pub(crate) fn contact(&self) -> Contact {
        Contact(self.progress.clone())
    }

    fn refusal(&self) -> io::Error {
        let path = self.path.display();
        let why = format!(
            "the virtual machine's side at {path} cannot take devices away or offer them (it ended the stream at \
             packet type 0xfff2 or 0xfff3), its device stays"
        );
        io::Error::new(io::ErrorKind::Unsupported, why)
    }

    fn want(&mut self, offered: bool) {
        self.wanted.send_if_modified(|wanted| {
            let changed = wanted.offered != offered;
            wanted.offered = offered;
            wanted.changes += u64::from(changed);
            changed
        });
    }
}

impl Port for PacketPort {
    type Link = FramedLink;

    async fn opened(&mut self) -> io::Result<FramedLink> {
        loop {
            let changes = self.wanted.borrow().changes;
            let mut progress = self.progress.clone();
            tokio::select! {
                biased;
                () = differs(&mut progress, self.keeps) => {
                    self.keeps = !self.keeps;
                    if self.keeps {
                        self.want(true);
                        return Err(self.refusal());
                    }
                }
                left = self.meeting.take(changes) => return left,
            }
        }
    }

    /// Sends 0xfff2, also to a virtual machine that connects later.
    fn rescind(&mut self) {
        self.want(false);
    }

    /// Sends 0xfff3. Also where this host sent no 0xfff2: another one may have, and was killed.
    fn offer(&mut self) -> io::Result<()> {
        if self.wanted.borrow().offered {
            self.wanted.send_modify(|wanted| wanted.offers += 1);
        }
        self.want(true);
        Ok(())
    }

    fn kept(&self) -> Option<io::Error> {
        self.progress.borrow().refused.then(|| self.refusal())
    }

    /// The virtual machine keeps its device: it was there before this host, and another host may come.
    async fn end(&mut self) {
        self.want(true);
        let wanted = *self.wanted.borrow();
        if (wanted.changes, wanted.offers) == (0, 0) {
            return;
        }
        let told = |progress: &Progress| progress.absent || progress.refused || progress.is_told(wanted);
        // Who reads nothing is not waited for.
        let _ = timeout(LAST_WORDS, self.progress.wait_for(told)).await;
    }
}

impl Drop for PacketPort {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

/// What the carrier leaves for the port: the newest open channel, or why the stream was ended.
#[derive(Debug, Default)]
struct Meeting {
    left: Mutex<Option<Left>>,
    came: Notify,
}

/// With it, how often the device had changed by then: a channel of a former device is nobody's any more.
type Left = (u64, io::Result<FramedLink>);

impl Meeting {
    /// Puts something in the place of what was left there.
    fn put(&self, left: Option<Left>) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = left;
        self.came.notify_one();
    }

    /// Waits for a channel of the device as it is after so many changes. Cancel safe.
    async fn take(&self, changes: u64) -> io::Result<FramedLink> {
        loop {
            let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
            match left {
                Some((of, Ok(link))) if of == changes => return Ok(link),
                Some((_, Err(error))) => return Err(error),
                Some(_) => {}
                None => self.came.notified().await,
            }
        }
    }
}

/// An open channel over frames. Dropping it while the guest has it open makes the port ask for its state again.
#[derive(Debug)]
pub struct FramedLink {
    to_guest: mpsc::Sender<Packet>,
    from_guest: mpsc::Receiver<Packet>,
    since: Option<Instant>,
}

impl FramedLink {
    /// Both ends of a channel: for a station, and for the carrier.
    fn pair(since: Option<Instant>) -> (FramedLink, Open) {
        let (to_guest, outgoing) = mpsc::channel(QUEUE);
        let (incoming, from_guest) = mpsc::channel(QUEUE);
        (
            FramedLink { to_guest, from_guest, since },
            Open { outgoing: Some(outgoing), incoming: Some(incoming) },
        )
    }
}

/// The carrier's end of a channel; nothing in it while none is open.
#[derive(Debug, Default)]
struct Open {
    outgoing: Option<mpsc::Receiver<Packet>>,
    incoming: Option<mpsc::Sender<Packet>>,
}

/// Refuses what no frame can carry.
fn fits(packet: &Packet) -> Result<(), LinkError> {
    let bytes = packet.payload.len();
    if bytes <= MAX_PAYLOAD {
        return Ok(());
    }
    Err(LinkError::TooLarge { bytes, why: format!("a frame carries at most {MAX_PAYLOAD}") })
}

impl PacketLink for FramedLink {
    async fn recv(&mut self) -> Result<Packet, LinkError> {
        self.from_guest.recv().await.ok_or(LinkError::Closed)
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), LinkError> {
        fits(packet)?;
        let room = self.to_guest.reserve().await.map_err(|_| LinkError::Closed)?;
        room.send(packet.clone());
        Ok(())
    }

    fn try_send(&mut self, packet: &Packet) -> Result<bool, LinkError> {
        fits(packet)?;
        match self.to_guest.try_reserve() {
            Ok(room) => {
                room.send(packet.clone());
                Ok(true)
            }
            Err(TrySendError::Full(())) => Ok(false),
            Err(TrySendError::Closed(())) => Err(LinkError::Closed),
        }
    }

    fn machine_since(&self) -> Option<Instant> {
        self.since
    }
}

#[cfg(test)]
mod tests;
