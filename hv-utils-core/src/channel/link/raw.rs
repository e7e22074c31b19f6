//! A daemon's side of an open ring channel: the session over it, requests on hold, replies that wait for room.
//!
//! Opening and losing the channel is the link's. One request at a time goes to the service. While it is unanswered
//! the ring is still read, because a negotiation must be answered at any time and ends what came before it; a few
//! further requests are put aside, and those beyond are refused. Buffers go round, so that a message costs no
//! allocation.

use super::receipt::{Note, Sent, sent};
use super::status::{Books, Framing, Request};
use crate::channel::{ChannelError, ChannelState, RingChannel};
use crate::wire::ic::MESSAGE_TYPE_NEGOTIATE;
use crate::wire::message::FLAG_RESPONSE;
use crate::wire::ring::KIND_IN_BAND;
use crate::wire::session::restate;
use crate::wire::{Message, PacketHeader, Received, RequestInfo, Session, Status, Ticket};
use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

/// After so many packets that no service sees, others get their turn: a host that never stops sending must not keep
/// a daemon from its signals.
const PACKETS_IN_A_ROW: u32 = 32;

/// So many requests are put aside while the service has one. Hosts send one at a time.
const MOST_ASIDE: usize = 4;

/// An open channel and what is under way on it.
#[derive(Debug)]
pub(super) struct RawSide {
    channel: RingChannel,
    session: Session,
    /// Where packets are received, and turned into replies that need no service.
    packet: Vec<u8>,
    /// The request that the service has.
    current: Option<Current>,
    /// Its payload, kept for the reply.
    current_payload: Vec<u8>,
    /// Further requests, not looked at yet; none without a current one, except on the way to become it.
    aside: VecDeque<(PacketHeader, Vec<u8>)>,
    /// Replies the ring had no room for: at most one of ours and one of the service's.
    outbox: VecDeque<Posted>,
    spare: Vec<Vec<u8>>,
    /// What went wrong while answering; the next step reports it.
    trouble: Option<ChannelError>,
}

/// A reply that waits for room.
#[derive(Debug)]
struct Posted {
    header: PacketHeader,
    payload: Vec<u8>,
    /// The request that it answers, if the service answered it.
    serial: Option<u64>,
    /// Who wants to know its fate.
    note: Note,
}

#[derive(Debug)]
struct Current {
    serial: u64,
    ticket: Ticket,
    body: Range<usize>,
}

impl RawSide {
    pub(super) fn new(channel: RingChannel, session: Session) -> Self {
        Self {
            channel,
            session,
            packet: Vec::new(),
            current: None,
            current_payload: Vec::new(),
            aside: VecDeque::new(),
            outbox: VecDeque::new(),
            spare: Vec::new(),
            trouble: None,
        }
    }

    /// Goes on until the service has something to do, or the status changed (`None`). Cancel safe.
    pub(super) async fn step(&mut self, books: &mut Books) -> Result<Option<Request>, ChannelError> {
        let mut packets = 0_u32;
        loop {
            packets = packets.wrapping_add(1);
            if packets.is_multiple_of(PACKETS_IN_A_ROW) {
                tokio::task::yield_now().await;
            }
            if let Some(trouble) = self.trouble.take() {
                return Err(trouble);
            }
            if !self.send_waiting(books)? {
                self.channel.writable().await?;
                continue;
            }
            let Some(header) = self.next_packet(books).await? else { continue };
            let before = books.shown();
            let request = self.serve(header, books)?;
            if request.is_some() || books.shown() != before {
                return Ok(request);
            }
        }
    }

    /// Waits for a packet that may be judged now; it is then in `packet`.
    async fn next_packet(&mut self, books: &mut Books) -> Result<Option<PacketHeader>, ChannelError> {
        if self.current.is_none()
            && let Some((header, payload)) = self.aside.pop_front()
        {
            self.spare.push(mem::replace(&mut self.packet, payload));
            return Ok(Some(header));
        }
        let header = match self.channel.recv(&mut self.packet).await {
            Ok(header) => header,
            Err(ChannelError::Packet(fault)) => {
                books.received();
                books.rejected("packet skipped", &fault);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        books.received();
        let room = self.aside.len() < MOST_ASIDE;
        if self.current.is_some() && room && is_request(header, &self.packet) {
            let payload = self.exchange(Payload::Packet);
            self.aside.push_back((header, payload));
            return Ok(None);
        }
        Ok(Some(header))
    }

    fn serve(&mut self, header: PacketHeader, books: &mut Books) -> Result<Option<Request>, ChannelError> {
        let received = self.session.receive(header, &mut self.packet);
        self.forget_what_ended(books);
        match received {
            Received::Request(info) if self.current.is_some() => {
                books.rejected("message refused", &"the host sends more requests than can wait");
                self.session.finish(info.ticket, Status::FAIL, &mut self.packet, |_| {});
            }
            Received::Request(info) => return Ok(Some(self.hold(info, books))),
            Received::Dropped(why) => {
                books.rejected_as(why.reason(), "packet dropped", &why);
                return Ok(None);
            }
            Received::Refused { why, .. } => {
                books.rejected_as(why.reason(), "message refused", &why);
            }
            Received::Negotiated(agreed) => {
                let (framework, version) = (agreed.framework, agreed.message);
                tracing::debug!(ic = books.ic.name(), %framework, %version, "negotiated");
                books.status.negotiations += 1;
                books.agreed(Some(agreed), ChannelState::Ready);
            }
            Received::NoCommonVersion => {
                books.rejected("no common version", &"the host speaks none that we offer");
                books.status.negotiations += 1;
                books.agreed(None, ChannelState::Failed);
            }
        }
        let reply = PacketHeader::in_band(header.transaction_id);
        if self.outbox.is_empty() && sent(self.channel.try_send(reply, &self.packet), books)?.is_over() {
            return Ok(None);
        }
        let payload = self.exchange(Payload::Packet);
        self.outbox.push_back(Posted { header: reply, payload, serial: None, note: Note::default() });
        Ok(None)
    }

    /// A negotiation, even a failed one, ends the requests before it and what was agreed on.
    fn forget_what_ended(&mut self, books: &mut Books) {
        if self.current.as_ref().is_some_and(|current| !self.session.is_current(current.ticket)) {
            self.current = None;
            self.spare.extend(self.aside.drain(..).map(|(_, payload)| payload));
        }
        if self.session.agreed().is_none() && books.status.state == ChannelState::Ready {
            books.agreed(None, ChannelState::Negotiating);
        }
    }

    fn hold(&mut self, info: RequestInfo, books: &mut Books) -> Request {
        let serial = books.serial();
        mem::swap(&mut self.packet, &mut self.current_payload);
        self.current = Some(Current { serial, ticket: info.ticket, body: info.body });
        Request { serial, framing: Framing::Raw { version: info.version } }
    }

    /// The bytes of the request that the service has; none if it ended.
    pub(super) fn body(&self, serial: u64) -> &[u8] {
        match &self.current {
            Some(current) if current.serial == serial => {
                self.current_payload.get(current.body.clone()).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// Answers that request as `fill` decides. `false`: it ended, and nothing is sent.
    pub(super) fn answer(
        &mut self,
        serial: u64,
        books: &mut Books,
        note: Note,
        fill: impl FnOnce(&mut [u8]) -> Status,
    ) -> bool {
        let Some(current) = self.current.take_if(|current| current.serial == serial) else { return false };
        let status = fill(self.current_payload.get_mut(current.body).unwrap_or_default());
        if !self.session.finish(current.ticket, status, &mut self.current_payload, |_| {}) {
            return false;
        }
        let reply = PacketHeader::in_band(current.ticket.transaction_id());
        if self.outbox.is_empty() {
            match sent(self.channel.try_send(reply, &self.current_payload), books) {
                Ok(Sent::Yes) => {
                    note.sent();
                    return true;
                }
                Ok(Sent::Never) => return true,
                Ok(Sent::NoRoom) => {}
                Err(error) => {
                    self.trouble = Some(error);
                    return true;
                }
            }
        }
        let payload = self.exchange(Payload::Current);
        self.outbox.push_back(Posted { header: reply, payload, serial: Some(serial), note });
        true
    }

    /// Puts `status` into the place of an answer that still waits for room. `false`: it does not wait.
    pub(super) fn withdraw(&mut self, serial: u64, status: Status) -> bool {
        let Some(posted) = self.outbox.iter_mut().find(|posted| posted.serial == Some(serial)) else {
            return false;
        };
        restate(&mut posted.payload, status);
        // Whoever waits to hear that it was given never will.
        posted.note = Note::default();
        true
    }

    /// Waits until every answer is in the ring, or the channel is lost. Cancel safe.
    pub(super) async fn flush(&mut self, books: &mut Books) {
        while self.trouble.is_none() {
            match self.send_waiting(books) {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    self.trouble = Some(error);
                    return;
                }
            }
            if let Err(error) = self.channel.writable().await {
                self.trouble = Some(error);
            }
        }
    }

    /// Whether the host has taken every answer out of the ring.
    pub(super) fn is_taken(&self) -> bool {
        self.outbox.is_empty() && self.channel.is_drained().unwrap_or(false)
    }

    /// Sends what waits; `false`: there is still no room.
    fn send_waiting(&mut self, books: &mut Books) -> Result<bool, ChannelError> {
        while let Some(posted) = self.outbox.pop_front() {
            match sent(self.channel.try_send(posted.header, &posted.payload), books)? {
                Sent::Yes => posted.note.sent(),
                Sent::Never => {}
                Sent::NoRoom => {
                    self.outbox.push_front(posted);
                    return Ok(false);
                }
            }
            self.spare.push(posted.payload);
        }
        Ok(true)
    }

    /// Takes a reply out of its buffer, and puts an empty one into its place.
    fn exchange(&mut self, which: Payload) -> Vec<u8> {
        let empty = self.spare.pop().unwrap_or_default();
        let place = match which {
            Payload::Packet => &mut self.packet,
            Payload::Current => &mut self.current_payload,
        };
        mem::replace(place, empty)
    }
}

/// Which buffer a reply is in.
#[derive(Debug, Clone, Copy)]
enum Payload {
    Packet,
    Current,
}

/// Whether a packet is a request that can wait; everything else is judged at once.
fn is_request(header: PacketHeader, payload: &[u8]) -> bool {
    header.kind == KIND_IN_BAND
        && Message::parse(payload).is_ok_and(|message| {
            message.header.message_type != MESSAGE_TYPE_NEGOTIATE && message.header.flags & FLAG_RESPONSE == 0
        })
}
