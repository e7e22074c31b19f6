//! The host's side of a ring channel for these tests: negotiation, requests, and looks at replies.

use crate::channel::RingChannel;
use crate::wire::message::{FLAG_RESPONSE, REPLY_FLAGS};
use crate::wire::negotiate::{Offer, parse_reply};
use crate::wire::{Agreed, Ic, IcHeader, Message, PacketHeader, Status, Version, encode};

/// Body bytes of a KVP request, as hosts send it.
pub(super) const BODY_BYTES: usize = 2580;

/// The host's end of a channel.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) channel: RingChannel,
    payload: Vec<u8>,
}

/// What a host looks at in a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: u64,
    pub(super) status: Status,
    pub(super) first: u8,
    pub(super) bytes: usize,
}

impl Host {
    pub(super) fn new(channel: RingChannel) -> Self {
        Self { channel, payload: Vec::new() }
    }

    /// Puts a negotiation into the ring.
    pub(super) fn offer(&mut self, id: u64, message: &[(u16, u16)]) {
        let message = message.iter().map(|&(major, minor)| Version::new(major, minor)).collect();
        let offer = Offer { framework: vec![Version::new(1, 0), Version::new(3, 0)], message };
        let mut packet = Vec::new();
        offer.encode(&mut packet);
        self.put(id, &packet);
    }

    /// The reply to it.
    pub(super) async fn agreed(&mut self, id: u64) -> Option<Agreed> {
        let header = self.channel.recv(&mut self.payload).await.unwrap();
        assert_eq!(header.transaction_id, id);
        let message = Message::parse(&self.payload).unwrap();
        assert_eq!(message.header.message_type, 0);
        assert_eq!(message.header.flags, REPLY_FLAGS);
        parse_reply(message.body).unwrap()
    }

    /// Negotiates KVP 4.0 while the guest goes about its business elsewhere.
    pub(super) async fn negotiate(&mut self) {
        self.offer(1, &[(3, 0), (4, 0)]);
        let agreed = self.agreed(1).await.unwrap();
        assert_eq!((agreed.framework, agreed.message), (Version::new(3, 0), Version::new(4, 0)));
    }

    /// Puts a KVP request into the ring whose body starts with `first`.
    pub(super) fn ask(&mut self, id: u64, first: u8) {
        self.put(id, &message(first));
    }

    pub(super) fn put(&mut self, id: u64, payload: &[u8]) {
        assert!(self.channel.try_send(PacketHeader::in_band(id), payload).unwrap(), "the ring is full");
    }

    pub(super) async fn answer(&mut self) -> Answer {
        let header = self.channel.recv(&mut self.payload).await.unwrap();
        answer(header, &self.payload)
    }

    /// A reply that is in the ring already.
    pub(super) fn answer_now(&mut self) -> Option<Answer> {
        let header = self.channel.try_recv(&mut self.payload).unwrap()?;
        Some(answer(header, &self.payload))
    }
}

/// A KVP request of version 4.0 whose body starts with `first`.
pub(super) fn message(first: u8) -> Vec<u8> {
    let header = IcHeader::request(Version::new(3, 0), Ic::Kvp.message_type(), Version::new(4, 0));
    let mut body = vec![0; BODY_BYTES];
    body[0] = first;
    let mut payload = Vec::new();
    encode(&header, &body, &mut payload);
    payload
}

fn answer(header: PacketHeader, payload: &[u8]) -> Answer {
    let message = Message::parse(payload).unwrap();
    assert_ne!(message.header.flags & FLAG_RESPONSE, 0);
    Answer {
        id: header.transaction_id,
        status: message.header.status,
        first: message.body[0],
        bytes: message.body.len(),
    }
}
