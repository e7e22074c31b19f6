//! The host's end of the simulated link.

use hv_utils_core::channel::RingChannel;
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::negotiate::{Offer, parse_reply};
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Status, Version, encode};

const FRAMEWORK: Version = Version::new(3, 0);
const VERSION: Version = Version::new(1, 1);
/// Bytes of one ring with its control page: as on Linux, room for two WRITEs.
const RING: u32 = 4 * 4096;

/// See the module.
pub(super) struct Host {
    channel: RingChannel,
    last: u64,
    payload: Vec<u8>,
}

impl Host {
    pub(super) async fn accept(listener: Listener) -> Host {
        let channel = listener.accept(Ic::FileCopy.class(), RING).await.unwrap();
        Host { channel, last: 0, payload: Vec::new() }
    }

    /// What was asked before is forgotten.
    pub(super) async fn negotiate(&mut self) {
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![VERSION] }.encode(&mut packet);
        self.put(&packet).await;
        self.take().await;
        let agreed = parse_reply(Message::parse(&self.payload).unwrap().body).unwrap().unwrap();
        assert_eq!((agreed.framework, agreed.message), (FRAMEWORK, VERSION));
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, body: &[u8]) -> Status {
        self.send(body).await;
        let status = self.answer().await;
        assert_eq!(Message::parse(&self.payload).unwrap().body, body, "it comes back as it was");
        status
    }

    pub(super) async fn send(&mut self, body: &[u8]) {
        let mut packet = Vec::new();
        encode(&IcHeader::request(FRAMEWORK, Ic::FileCopy.message_type(), VERSION), body, &mut packet);
        self.put(&packet).await;
    }

    /// Cancel safe.
    pub(super) async fn answer(&mut self) -> Status {
        self.take().await;
        Message::parse(&self.payload).unwrap().header.status
    }

    async fn put(&mut self, packet: &[u8]) {
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
    }

    async fn take(&mut self) {
        let header = self.channel.recv(&mut self.payload).await.unwrap();
        assert_eq!(header.transaction_id, self.last);
    }
}
