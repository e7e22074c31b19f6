//! A host, by hand: what it asks, and the status that it is told.

use hv_utils_core::channel::RingChannel;
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::fcopy::{Operation, Start, encode_bare, encode_start, encode_write};
use hv_utils_core::wire::negotiate::Offer;
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Version, encode};

use super::PATIENCE;

const FRAMEWORK: Version = Version::new(3, 0);
const VERSION: Version = Version::new(1, 1);
/// Most bytes of one WRITE.
const PIECE: usize = 6144;

/// See the module.
pub(crate) struct Host {
    /// `None`: it has left.
    channel: Option<RingChannel>,
    last: u64,
    answer: Vec<u8>,
}

impl Host {
    /// The daemon's next channel, negotiated.
    pub(crate) async fn accept(listener: &Listener) -> Host {
        let accepted = listener.accept(Ic::FileCopy.class(), 4 * 4096);
        let channel = tokio::time::timeout(PATIENCE, accepted).await.expect("the daemon connects").unwrap();
        let mut host = Host { channel: Some(channel), last: 0, answer: Vec::new() };
        host.negotiate().await;
        host
    }

    /// As a host does at the beginning, and after it was restored.
    pub(crate) async fn negotiate(&mut self) {
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![VERSION] }.encode(&mut packet);
        self.exchange(&packet).await;
    }

    /// Its end of the channel is gone.
    pub(crate) fn leave(&mut self) {
        self.channel = None;
    }

    /// The status that a message is answered with.
    pub(crate) async fn ask(&mut self, body: &[u8]) -> u32 {
        let mut packet = Vec::new();
        encode(&IcHeader::request(FRAMEWORK, Ic::FileCopy.message_type(), VERSION), body, &mut packet);
        self.exchange(&packet).await;
        Message::parse(&self.answer).unwrap().header.status.0
    }

    pub(crate) async fn start(&mut self, start: &Start) -> u32 {
        self.ask(&encode_start(start).expect("both names fit")).await
    }

    pub(crate) async fn write(&mut self, offset: u64, data: &[u8]) -> u32 {
        self.ask(&encode_write(offset, data)).await
    }

    pub(crate) async fn complete(&mut self) -> u32 {
        self.ask(&encode_bare(Operation::COMPLETE)).await
    }

    pub(crate) async fn cancel(&mut self) -> u32 {
        self.ask(&encode_bare(Operation::CANCEL)).await
    }

    /// A whole file; the first status that is not 0.
    pub(crate) async fn copy(&mut self, start: &Start, bytes: &[u8]) -> u32 {
        let status = self.start(start).await;
        if status != 0 {
            return status;
        }
        for (number, data) in bytes.chunks(PIECE).enumerate() {
            let status = self.write((number * PIECE) as u64, data).await;
            if status != 0 {
                return status;
            }
        }
        self.complete().await
    }

    async fn exchange(&mut self, packet: &[u8]) {
        self.last += 1;
        let channel = self.channel.as_mut().expect("the host is there");
        channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
        let answered = tokio::time::timeout(PATIENCE, channel.recv(&mut self.answer)).await;
        assert_eq!(answered.expect("an answer").unwrap().transaction_id, self.last);
    }
}

/// A START with these UTF-16 units in the fields of its name and its path, as they are.
pub(crate) fn raw_start(name: &[u16], path: &[u16]) -> Vec<u8> {
    let empty =
        Start { path: String::new(), name: String::new(), overwrite: true, create_path: true, size: 3 };
    let mut body = encode_start(&empty).unwrap();
    for (at, units) in [(36, name), (556, path)] {
        for (number, unit) in units.iter().enumerate() {
            body[at + 2 * number..][..2].copy_from_slice(&unit.to_le_bytes());
        }
    }
    body
}
