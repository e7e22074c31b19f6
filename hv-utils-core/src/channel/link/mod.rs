//! A daemon's link to its host: one per daemon, for as long as the daemon runs.
//!
//! It opens a channel by whatever way there is, negotiates, hands requests to the service and its answers back, and
//! when the channel is lost waits for the next ([`opening`]). The service sees requests and changes of a status,
//! never a transport. While a channel is open, or a device is waited for that is not there, there is no timer at all.
//!
//! ```text
//! Down ──open──▶ Hello (sim) ──▶ Raw ◀── uio        Kernel: the driver serves the IC alone
//!  ▲               │              │      Char ◀── hv_utils
//!  └──── lost ─────┴──────────────┴──────┘
//! ```

mod backoff;
mod char_side;
mod opening;
mod raw;
mod receipt;
mod resolve;
mod start;
mod status;

pub use receipt::Receipt;
pub use start::LinkError;
pub use status::{Event, Framing, LinkOptions, LinkStatus, Request};

use super::nodes::{DeviceNodes, Nodes};
use super::presence::Presence;
use super::sim::Handshake;
use super::{ChannelError, ChannelState, Transport};
use crate::wire::Status;
use backoff::Backoff;
use char_side::CharSide;
use opening::{Left, Wake};
use raw::RawSide;
use receipt::Note;
use status::{Books, Shown};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// See the module.
#[derive(Debug)]
pub struct Link {
    options: LinkOptions,
    nodes: Arc<dyn Nodes>,
    books: Books,
    told: Shown,
    phase: Phase,
    wake: Wake,
    presence: Option<Presence>,
    /// How often a half set up device may still be looked at again.
    looks: u8,
    /// When the channel was opened that is open, or was last.
    opened: Instant,
    /// The uio device whose channel was lost last.
    left: Option<Left>,
    /// When a char device that has just been made may be opened.
    settled: Option<Instant>,
    /// Between attempts at a test host that is not there.
    host_backoff: Backoff,
    /// After disconnects of one that is.
    reconnect_backoff: Backoff,
    /// Between channels that had to be given up.
    trouble_backoff: Backoff,
    /// Between attempts at a device that does not open.
    device_backoff: Backoff,
}

/// Where the link is.
#[derive(Debug)]
enum Phase {
    Down,
    Hello(Box<Handshake>),
    Raw(Box<RawSide>),
    Char(Box<CharSide>),
    Kernel,
    Shut,
}

impl Link {
    /// A link that is still closed; [`next`](Self::next) opens it.
    ///
    /// # Errors
    /// With an explicit `uio` or `hv_utils`: this machine can never serve it, or forbids it.
    pub fn new(options: LinkOptions) -> Result<Self, LinkError> {
        Self::with_nodes(options, Arc::new(DeviceNodes))
    }

    /// As [`new`](Self::new), with doubles of the device nodes.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_nodes(options: LinkOptions, nodes: Arc<dyn Nodes>) -> Result<Self, LinkError> {
        start::check(&options)?;
        let books = Books::new(options.ic);
        Ok(Self {
            told: books.shown(),
            books,
            options,
            nodes,
            phase: Phase::Down,
            wake: Wake::Now,
            presence: None,
            looks: opening::LOOKS,
            opened: Instant::now(),
            left: None,
            settled: None,
            host_backoff: Backoff::new(backoff::FIRST, backoff::HOST_LIMIT),
            reconnect_backoff: Backoff::new(backoff::RECONNECT, backoff::HOST_LIMIT),
            trouble_backoff: Backoff::new(backoff::FIRST, backoff::HOST_LIMIT),
            device_backoff: Backoff::new(backoff::FIRST, backoff::DEVICE_LIMIT),
        })
    }

    /// Waits for a request or a change of the status. It never ends because a channel does. Cancel safe. Needs a
    /// tokio runtime.
    pub async fn next(&mut self) -> Event {
        loop {
            let shown = self.books.shown();
            if shown != self.told {
                self.told = shown;
                return Event::Changed;
            }
            let step = match &mut self.phase {
                Phase::Down | Phase::Kernel => {
                    self.wait_for_turn().await;
                    self.open();
                    continue;
                }
                Phase::Hello(handshake) => {
                    let received = handshake.receive().await;
                    self.finish_handshake(received);
                    continue;
                }
                Phase::Raw(side) => side.step(&mut self.books).await,
                Phase::Char(side) => side.step(&mut self.books).await,
                Phase::Shut => std::future::pending().await,
            };
            match step {
                Ok(Some(request)) => return Event::Request(request),
                Ok(None) => {}
                Err(error) => self.lost(&error),
            }
        }
    }

    /// The bytes of a request: the IC body, or the whole message of a char device. Empty once the request is
    /// answered, or was ended by the host.
    #[must_use]
    pub fn body(&self, request: &Request) -> &[u8] {
        match &self.phase {
            Phase::Raw(side) => side.body(request.serial),
            Phase::Char(side) => side.body(request.serial),
            _ => &[],
        }
    }

    /// Answers a request: `fill` writes into the bytes that [`body`](Self::body) showed, which become the reply's.
    /// It is sent now, or by [`next`](Self::next) as soon as the ring has room. The answer to a request that was
    /// ended meanwhile is dropped and counted. Who must know its fate: [`answer_noted`](Self::answer_noted).
    pub fn answer(&mut self, request: &Request, status: Status, fill: impl FnOnce(&mut [u8])) {
        self.answer_with(request, |body| {
            fill(body);
            status
        });
    }

    /// As [`answer`](Self::answer), where only `fill` finds out the status.
    pub fn answer_with(&mut self, request: &Request, fill: impl FnOnce(&mut [u8]) -> Status) {
        self.answer_and_note(request, Note::default(), fill);
    }

    /// As [`answer`](Self::answer), for whoever must know whether the host has been told.
    #[must_use]
    pub fn answer_noted(
        &mut self,
        request: &Request,
        status: Status,
        fill: impl FnOnce(&mut [u8]),
    ) -> Receipt {
        let (note, receipt) = Note::with_receipt();
        self.answer_and_note(request, note, |body| {
            fill(body);
            status
        });
        receipt
    }

    /// Takes back an answer that still waits for room: what is found in its place is this status, and its [`Receipt`] says
    /// that it was not delivered. `false`: it does not wait, it was given, or never will be.
    pub fn withdraw(&mut self, request: &Request, status: Status) -> bool {
        match &mut self.phase {
            Phase::Raw(side) => side.withdraw(request.serial, status),
            _ => false,
        }
    }

    fn answer_and_note(&mut self, request: &Request, note: Note, fill: impl FnOnce(&mut [u8]) -> Status) {
        let answered = match &mut self.phase {
            Phase::Raw(side) => side.answer(request.serial, &mut self.books, note, fill),
            Phase::Char(side) => side.answer(request.serial, &mut self.books, note, fill),
            _ => false,
        };
        if !answered {
            self.books.status.stale += 1;
        }
    }

    /// Answers a request that the service could not make sense of: as [`answer`](Self::answer) with an unchanged
    /// body, and counted as rejected.
    pub fn reject(&mut self, request: &Request, status: Status) {
        self.books.status.rejected += 1;
        self.answer(request, status, |_| {});
    }

    /// How the link is.
    #[must_use]
    pub const fn status(&self) -> &LinkStatus {
        &self.books.status
    }

    /// Waits until every answer is where the host finds it, or the channel is lost. Cancel safe.
    pub async fn flush(&mut self) {
        if let Phase::Raw(side) = &mut self.phase {
            side.flush(&mut self.books).await;
        }
    }

    /// Whether the host has read every answer there was, for whoever must see it leave: nothing announces that, so it is
    /// asked again and again, for a moment. A char device's answers are the kernel's as soon as they are written. `false`
    /// without a channel.
    #[must_use]
    pub fn taken(&self) -> bool {
        match &self.phase {
            Phase::Raw(side) => side.is_taken(),
            Phase::Char(_) => true,
            _ => false,
        }
    }

    /// Lets go of a raw channel of the kernel's: closes it, and leaves its device alone for so long, unless it comes back
    /// as another one. `false` if there is no such channel. What is not [flushed](Self::flush) is lost.
    ///
    /// Linux does not clean up after a driver that is unbound while its uio device is open: the channel stays open on the
    /// host's side, over memory that is freed. So whoever means to unbind asks for this first.
    pub fn release(&mut self, time: Duration) -> bool {
        let uio = self.books.status.transport == Some(Transport::Uio) && matches!(self.phase, Phase::Raw(_));
        if uio {
            self.leave_for(time);
        }
        uio
    }

    /// Closes the channel for good; nothing comes afterwards. What is not [flushed](Self::flush) is lost.
    pub async fn close(&mut self) {
        self.phase = Phase::Shut;
        self.presence = None;
        self.books.moved_to(None, ChannelState::Closed);
    }
}

impl Link {
    /// The channel is gone, or must be given up. Closes it at once: a driver that goes away waits for that.
    fn lost(&mut self, error: &ChannelError) {
        self.phase = Phase::Down;
        self.plan_after_loss(error);
    }
}

#[cfg(test)]
mod tests;
