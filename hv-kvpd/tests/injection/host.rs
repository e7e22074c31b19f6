//! The host's end of the channel: negotiation, a SET of an adapter's configuration, a look at the answer.

use hv_utils_core::channel::RingChannel;
use hv_utils_core::wire::kvp::raw::{HostRequest, encode_request};
use hv_utils_core::wire::kvp::{Address, Family, IpInfo, Origin};
use hv_utils_core::wire::message::FLAG_RESPONSE;
use hv_utils_core::wire::negotiate::{Offer, parse_reply};
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Status, Version, encode};

/// The last version with text lists.
pub(crate) const TEXT: Version = Version::new(4, 0);
/// The one with binary lists.
pub(crate) const BINARY: Version = Version::new(5, 0);
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

    /// Negotiates; whatever was asked before is forgotten.
    pub(crate) async fn negotiate(&mut self, version: Version) {
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![version] }.encode(&mut packet);
        let id = self.send(&packet).await;
        let header = self.channel.recv(&mut self.payload).await.unwrap();
        assert_eq!(header.transaction_id, id);
        let agreed = parse_reply(Message::parse(&self.payload).unwrap().body).unwrap().unwrap();
        assert_eq!(agreed.message, version);
        self.version = version;
    }

    /// Wants an adapter configured; returns the transaction's number.
    pub(crate) async fn ask(&mut self, info: &IpInfo) -> u64 {
        let body = self.body(info);
        self.ask_with(&body).await
    }

    /// The same, but with an address that is not one.
    pub(crate) async fn ask_damaged(&mut self, info: &IpInfo) -> u64 {
        assert_eq!(self.version, TEXT);
        let mut body = self.body(info);
        body[260] = b'x';
        self.ask_with(&body).await
    }

    fn body(&self, info: &IpInfo) -> Vec<u8> {
        encode_request(&HostRequest::SetIpInfo(Box::new(info.clone())), self.version).unwrap()
    }

    async fn ask_with(&mut self, body: &[u8]) -> u64 {
        let header = IcHeader::request(FRAMEWORK, Ic::Kvp.message_type(), self.version);
        let mut packet = Vec::new();
        encode(&header, body, &mut packet);
        self.send(&packet).await
    }

    async fn send(&mut self, packet: &[u8]) -> u64 {
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
        self.last
    }

    /// The next answer: which transaction's, and its status.
    pub(crate) async fn answer(&mut self) -> (u64, Status) {
        let header = self.channel.recv(&mut self.payload).await.unwrap();
        self.read(header)
    }

    /// An answer that is in the ring already.
    pub(crate) fn answer_now(&mut self) -> Option<(u64, Status)> {
        let header = self.channel.try_recv(&mut self.payload).unwrap()?;
        Some(self.read(header))
    }

    fn read(&self, header: PacketHeader) -> (u64, Status) {
        let message = Message::parse(&self.payload).unwrap();
        assert_ne!(message.header.flags & FLAG_RESPONSE, 0);
        (header.transaction_id, message.header.status)
    }
}

/// Asks, and has the answer.
pub(crate) async fn status(host: &mut Host, info: &IpInfo) -> Status {
    let asked = host.ask(info).await;
    let (answered, status) = host.answer().await;
    assert_eq!(answered, asked);
    status
}

/// DHCP for IPv4.
pub(crate) fn dhcp() -> IpInfo {
    IpInfo {
        adapter_id: "{F8B3781A-1E82-4818-A1C3-63D806EC15BB}".to_owned(),
        family: Family::V4,
        dhcp: true,
        ..IpInfo::default()
    }
}

/// An address of each family, a gateway and a DNS server.
pub(crate) fn fixed() -> IpInfo {
    let address = |ip: &str, prefix| Address { ip: ip.parse().unwrap(), prefix, origin: Origin::Unknown };
    IpInfo {
        family: Family::Both,
        dhcp: false,
        addresses: vec![address("192.0.2.7", 24), address("2001:db8::7", 64)],
        gateways: vec!["192.0.2.1".parse().unwrap()],
        dns: vec!["192.0.2.53".parse().unwrap()],
        ..dhcp()
    }
}
