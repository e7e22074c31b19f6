//! A host that sends one KVP request at a time and waits for its answer, over the sim link.

use std::error::Error;
use std::path::Path;

use hv_utils_core::channel::{RingChannel, sim};
use hv_utils_core::wire::kvp::raw::{HostRequest, HostValue, encode_request};
use hv_utils_core::wire::negotiate::{Agreed, Offer, parse_reply};
use hv_utils_core::wire::ring::PacketHeader;
use hv_utils_core::wire::{Ic, IcHeader, Message, Status, Version, message};

/// Bytes of one ring, as on a real host.
const RING_BYTES: u32 = 2 << 20;

/// The host's end of one channel, negotiated.
pub(crate) struct Host {
    channel: RingChannel,
    agreed: Agreed,
    out: Vec<u8>,
    received: Vec<u8>,
    packets: u64,
}

impl Host {
    /// Waits for a guest on `listener` and negotiates.
    pub(crate) async fn accept(listener: &sim::Listener) -> Result<Host, Box<dyn Error>> {
        let mut channel = listener.accept(Ic::Kvp.class(), RING_BYTES).await?;
        let offer = Offer {
            framework: vec![Version::new(1, 0), Version::new(3, 0)],
            message: vec![Version::new(3, 0), Version::new(4, 0), Version::new(5, 0)],
        };
        let (mut out, mut received) = (Vec::new(), Vec::new());
        offer.encode(&mut out);
        channel.send(PacketHeader::in_band(0), &out).await?;
        channel.recv(&mut received).await?;
        let agreed = parse_reply(Message::parse(&received)?.body)?.ok_or("the guest knows no version")?;
        Ok(Host { channel, agreed, out, received, packets: 0 })
    }

    /// Listens at `path`.
    pub(crate) fn listen(path: &Path) -> Result<sim::Listener, Box<dyn Error>> {
        Ok(sim::Listener::bind(path)?)
    }

    /// Sends `request` and gives the guest's status.
    pub(crate) async fn exchange(&mut self, request: &HostRequest) -> Result<Status, Box<dyn Error>> {
        let version = self.agreed.message;
        let body = encode_request(request, version)?;
        let header = IcHeader::request(self.agreed.framework, Ic::Kvp.message_type(), version);
        self.out.clear();
        message::encode(&header, &body, &mut self.out);
        self.packets += 1;
        self.channel.send(PacketHeader::in_band(self.packets), &self.out).await?;
        self.channel.recv(&mut self.received).await?;
        Ok(Message::parse(&self.received)?.header.status)
    }
}

/// ENUMERATE.
pub(crate) fn enumerate(pool: u8, index: u32) -> HostRequest {
    HostRequest::Enumerate { pool, index }
}

/// GET.
pub(crate) fn get(pool: u8, key: &str) -> HostRequest {
    HostRequest::Get { pool, key: key.into() }
}

/// SET of a text.
pub(crate) fn set(pool: u8, key: &str, value: &str) -> HostRequest {
    HostRequest::Set { pool, key: key.into(), value: HostValue::text(value) }
}

/// DELETE.
pub(crate) fn delete(pool: u8, key: &str) -> HostRequest {
    HostRequest::Delete { pool, key: key.into() }
}
