//! The host's end of the channel: negotiation, heartbeats, answers.

use hv_utils_core::channel::RingChannel;
use hv_utils_core::wire::negotiate::{Offer, parse_reply};
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Status, Version, encode};
use tokio::time::timeout;

use super::PATIENCE;

const FRAMEWORK: Version = Version::new(3, 0);

/// A host on an open channel.
#[derive(Debug)]
pub(crate) struct Host {
    channel: RingChannel,
    version: Version,
    last: u64,
    payload: Vec<u8>,
}

impl Host {
    /// Negotiates at once.
    pub(crate) async fn on(channel: RingChannel, version: Version) -> Host {
        let mut host = Host { channel, version, last: 0, payload: Vec::new() };
        host.negotiate(version).await;
        host
    }

    /// Offers one version.
    pub(crate) async fn negotiate(&mut self, version: Version) {
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![version] }.encode(&mut packet);
        self.send(&packet).await;
        let agreed = parse_reply(Message::parse(&self.payload).unwrap().body).unwrap().unwrap();
        assert_eq!(agreed.message, version);
        self.version = version;
    }

    /// A heartbeat with all its room: the word and what is behind it, of the answer. The number must be the next.
    pub(crate) async fn beat(&mut self, number: u64, room: [u8; 8]) -> [u8; 8] {
        let mut body = number.to_le_bytes().to_vec();
        body.extend_from_slice(&room);
        let (status, answer) = self.say(&body).await;
        assert_eq!((status, answer.len()), (Status::OK, 16));
        assert_eq!(answer[..8], number.wrapping_add(1).to_le_bytes());
        answer[8..].try_into().unwrap()
    }

    /// The word that a heartbeat is answered with.
    pub(crate) async fn word(&mut self) -> u32 {
        let [a, b, c, d, rest @ ..] = self.beat(7, [0xee; 8]).await;
        assert_eq!(rest, [0xee; 4]);
        u32::from_le_bytes([a, b, c, d])
    }

    /// Says something; status and body of the answer.
    pub(crate) async fn say(&mut self, body: &[u8]) -> (Status, Vec<u8>) {
        let header = IcHeader::request(FRAMEWORK, Ic::Heartbeat.message_type(), self.version);
        let mut packet = Vec::new();
        encode(&header, body, &mut packet);
        self.send(&packet).await;
        let answer = Message::parse(&self.payload).unwrap();
        (answer.header.status, answer.body.to_vec())
    }

    async fn send(&mut self, packet: &[u8]) {
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
        let answered = timeout(PATIENCE, self.channel.recv(&mut self.payload)).await;
        assert_eq!(answered.expect("an answer").unwrap().transaction_id, self.last);
    }
}
