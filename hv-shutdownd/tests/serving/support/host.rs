//! A host played by hand: any flags, any version, and the status of the answer as it is on the ring.

use hv_utils_core::channel::RingChannel;
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::negotiate::{Offer, parse_reply};
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Version, encode};
use tokio::time::timeout;

use super::{Guest, PATIENCE};

const RING: u32 = 4 * 4096;
/// Bytes of a request after its header: reason, timeout, flags, text.
const BODY: usize = 2060;

/// See the module.
#[derive(Debug)]
pub(crate) struct Hand {
    channel: RingChannel,
    version: Version,
    framework: Version,
    last: u64,
    answer: Vec<u8>,
}

impl Hand {
    /// With a guest, which is offered this version alone.
    pub(crate) async fn with(guest: &Guest, listener: &Listener, version: Version) -> Hand {
        let accepted = timeout(PATIENCE, listener.accept(Ic::Shutdown.class(), RING)).await;
        assert!(accepted.is_ok(), "the daemon never comes: {}", guest.log());
        let channel = accepted.unwrap().unwrap();
        let framework = if version.major == 1 { Version::new(1, 0) } else { Version::new(3, 0) };
        let mut hand = Hand { channel, version, framework, last: 0, answer: Vec::new() };
        let mut packet = Vec::new();
        Offer { framework: vec![framework], message: vec![version] }.encode(&mut packet);
        hand.exchange(&packet).await;
        let agreed = parse_reply(Message::parse(&hand.answer).unwrap().body).unwrap().unwrap();
        assert_eq!(agreed.message, version);
        hand
    }

    /// The status of the answer to a request with these flags.
    pub(crate) async fn status(&mut self, flags: u32) -> u32 {
        let mut body = vec![0; BODY];
        body[3] = 0x80;
        body[8..12].copy_from_slice(&flags.to_le_bytes());
        self.status_of(&body).await
    }

    /// The same, with this body.
    pub(crate) async fn status_of(&mut self, body: &[u8]) -> u32 {
        let mut packet = Vec::new();
        encode(
            &IcHeader::request(self.framework, Ic::Shutdown.message_type(), self.version),
            body,
            &mut packet,
        );
        self.exchange(&packet).await;
        Message::parse(&self.answer).unwrap().header.status.0
    }

    async fn exchange(&mut self, packet: &[u8]) {
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
        let answer = timeout(PATIENCE, self.channel.recv(&mut self.answer)).await;
        assert_eq!(answer.expect("an answer").unwrap().transaction_id, self.last);
    }
}
