//! The host's end of the channel: negotiation, questions of a backup, their answers, each when the test wants it.
//!
//! `hv-testhost` would do as real hosts do; here a host has to ask twice, leave in the middle and not thaw.

use std::time::Duration;

use hv_utils_core::channel::{ChannelError, RingChannel};
use hv_utils_core::wire::message::FLAG_RESPONSE;
use hv_utils_core::wire::negotiate::{Offer, parse_reply};
use hv_utils_core::wire::vss::{CHARDEV_BYTES, FREEZE_BYTES, FREEZES, Operation};
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Status, Version, encode};

use tokio::time::timeout;

use super::PATIENCE;

const FRAMEWORK: Version = Version::new(3, 0);

/// A host on an open channel.
#[derive(Debug)]
pub(crate) struct Host {
    channel: RingChannel,
    last: u64,
    payload: Vec<u8>,
}

impl Host {
    /// Negotiates at once; `None` if the guest has gone meanwhile.
    pub(crate) async fn on(channel: RingChannel) -> Option<Host> {
        let mut host = Host { channel, last: 0, payload: Vec::new() };
        host.try_negotiate().await.ok()?;
        Some(host)
    }

    /// Negotiates; whatever was asked before is forgotten.
    pub(crate) async fn negotiate(&mut self) {
        self.try_negotiate().await.unwrap();
    }

    async fn try_negotiate(&mut self) -> Result<(), ChannelError> {
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![FREEZES] }.encode(&mut packet);
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), &packet).await?;
        let answered = timeout(PATIENCE, self.channel.recv(&mut self.payload)).await;
        let header = answered.expect("an answer to the negotiation")?;
        assert_eq!(header.transaction_id, self.last);
        let agreed = parse_reply(Message::parse(&self.payload).unwrap().body).unwrap().unwrap();
        assert_eq!(agreed.message, FREEZES);
        Ok(())
    }

    /// Asks; the number of the question.
    pub(crate) async fn ask(&mut self, operation: Operation) -> u64 {
        let mut body = vec![0; if operation == Operation::FREEZE { FREEZE_BYTES } else { CHARDEV_BYTES }];
        body[0] = operation.0;
        let header = IcHeader::request(FRAMEWORK, Ic::Vss.message_type(), FREEZES);
        let mut packet = Vec::new();
        encode(&header, &body, &mut packet);
        self.send(&packet).await
    }

    /// The next answer: to which question, and its status.
    pub(crate) async fn answer(&mut self) -> (u64, Status) {
        let header = self.receive(PATIENCE).await.expect("an answer");
        let message = Message::parse(&self.payload).unwrap();
        assert_ne!(message.header.flags & FLAG_RESPONSE, 0);
        (header.transaction_id, message.header.status)
    }

    /// An answer that is there already.
    pub(crate) fn answer_now(&mut self) -> Option<(u64, Status)> {
        let header = self.channel.try_recv(&mut self.payload).unwrap()?;
        Some((header.transaction_id, Message::parse(&self.payload).unwrap().header.status))
    }

    /// The next answer, if it comes within a second.
    pub(crate) async fn answer_soon(&mut self) -> Option<(u64, Status)> {
        let header = self.receive(Duration::from_secs(1)).await?;
        Some((header.transaction_id, Message::parse(&self.payload).unwrap().header.status))
    }

    /// The status of an answer that a guest has left that is gone.
    pub(crate) fn answer_left(&mut self) -> Option<Status> {
        self.channel.try_recv(&mut self.payload).ok()??;
        Some(Message::parse(&self.payload).unwrap().header.status)
    }

    /// Asks, and has the answer.
    pub(crate) async fn status(&mut self, operation: Operation) -> Status {
        let asked = self.ask(operation).await;
        let (answered, status) = self.answer().await;
        assert_eq!(answered, asked, "{operation}");
        status
    }

    /// The flags of the last answer.
    pub(crate) fn flags(&self) -> u32 {
        let body = Message::parse(&self.payload).unwrap().body;
        u32::from_le_bytes(body[8..12].try_into().unwrap())
    }

    async fn send(&mut self, packet: &[u8]) -> u64 {
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
        self.last
    }

    async fn receive(&mut self, patience: Duration) -> Option<PacketHeader> {
        timeout(patience, self.channel.recv(&mut self.payload)).await.ok().map(Result::unwrap)
    }
}
