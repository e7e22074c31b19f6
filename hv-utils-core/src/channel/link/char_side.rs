//! A daemon's side of the kernel's char device: registration, the one request, its reply.
//!
//! The kernel keeps the rings and the negotiation, and sends the next request only after a reply, or after its own time
//! limit. A reply names no request: it is refused if the kernel waits for none, and taken for the reply to whatever it
//! waits for, even to a request that nobody has read yet (docs/architecture.md). So a new request ends the one before it, and it is
//! looked for right before each reply.

use super::receipt::Note;
use super::status::{Books, Framing, Request};
use crate::channel::hv_utils::{Arrival, CharDevice};
use crate::channel::{ChannelError, ChannelState};
use crate::wire::Status;
use std::mem;

/// An open char device and what is under way on it.
#[derive(Debug)]
pub(super) struct CharSide {
    device: CharDevice,
    /// Where messages are received.
    incoming: Vec<u8>,
    /// The request that the service has.
    current: Option<u64>,
    /// Its message, kept for the reply.
    message: Vec<u8>,
    /// What went wrong while answering; the next step reports it.
    trouble: Option<ChannelError>,
}

impl CharSide {
    pub(super) const fn new(device: CharDevice) -> Self {
        Self { device, incoming: Vec::new(), current: None, message: Vec::new(), trouble: None }
    }

    /// Goes on until the service has something to do, or the status changed (`None`). Cancel safe.
    pub(super) async fn step(&mut self, books: &mut Books) -> Result<Option<Request>, ChannelError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        match self.device.recv(&mut self.incoming).await? {
            Arrival::Registered => {
                tracing::debug!(ic = books.ic.name(), "registered with the kernel");
                books.status.state = ChannelState::Ready;
                Ok(None)
            }
            Arrival::Request => {
                books.received();
                let serial = books.serial();
                if self.current.replace(serial).is_some() {
                    overtaken(books);
                }
                mem::swap(&mut self.incoming, &mut self.message);
                Ok(Some(Request { serial, framing: Framing::CharDevice }))
            }
        }
    }

    /// The message of the request that the service has; nothing if it ended.
    pub(super) fn body(&self, serial: u64) -> &[u8] {
        if self.current == Some(serial) { &self.message } else { &[] }
    }

    /// Answers that request as `fill` decides. `false`: it ended, and nothing is sent.
    pub(super) fn answer(
        &mut self,
        serial: u64,
        books: &mut Books,
        note: Note,
        fill: impl FnOnce(&mut [u8]) -> Status,
    ) -> bool {
        if self.current.take_if(|current| *current == serial).is_none() {
            return false;
        }
        let status = fill(&mut self.message);
        // The last thing before the reply: what comes after this look is answered by it.
        match self.device.has_next() {
            Ok(false) => self.reply(status, note),
            Ok(true) => {
                overtaken(books);
                false
            }
            Err(error) => {
                self.trouble = Some(error);
                true
            }
        }
    }

    fn reply(&mut self, status: Status, note: Note) -> bool {
        match self.device.reply(&mut self.message, status) {
            Ok(()) => {
                note.sent();
                true
            }
            Err(error) => {
                let late = matches!(error, ChannelError::Late);
                self.trouble = Some(error);
                !late
            }
        }
    }
}

fn overtaken(books: &mut Books) {
    books.warn("request overtaken", &"the kernel gave up waiting for its reply");
}
