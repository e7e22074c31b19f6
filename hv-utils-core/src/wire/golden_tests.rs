//! Whole ring packets, typed by hand from the protocol and never produced by the code under test.
//!
//! Each is put into the ring as bytes, taken out and answered by the guest's ends, and the reply is read back as
//! bytes; and the host's ends must produce the very same request. Offsets are from the packet's start at ring
//! offset 0; the last 8 bytes are the footer.

use super::hex::{assert_same, patch, sparse};
use super::kvp::raw::{self, HostRequest};
use super::kvp::{Refusal, Reply, Request};
use super::message::{IcHeader, encode};
use super::negotiate::Offer;
use super::ring::{HeapMemory, PacketHeader, RingMemory, guest_ends, host_ends, initialise};
use super::{Ic, Received, Session, Status, Version};
use alloc::sync::Arc;

mod copy;
mod heartbeat;
mod ip;
mod keys;
mod negotiation;
mod shutdown;
mod time;

const V1: Version = Version::new(1, 0);
const V3: Version = Version::new(3, 0);
const V4: Version = Version::new(4, 0);
const V5: Version = Version::new(5, 0);

const CONTROL: usize = 4096;
const RING: usize = CONTROL + 8192;
/// Transaction id of the packets; in their bytes `08 07 06 05 04 03 02 01`.
const TRANSACTION: u64 = 0x0102_0304_0506_0708;

fn memory() -> Arc<HeapMemory> {
    let memory = Arc::new(HeapMemory::new(2 * RING));
    initialise(&memory, CONTROL);
    memory
}

/// What lies in ring 0 or 1 between its start and its write index.
fn ring_bytes(memory: &HeapMemory, ring: usize) -> Vec<u8> {
    let mut bytes = vec![0; memory.load(ring * RING) as usize];
    memory.read(ring * RING + CONTROL, &mut bytes);
    bytes
}

/// Delivers one packet's bytes to a session and returns those of its reply, if it sends one.
/// `serve` decides about a request: the status, and the body filled in.
fn deliver(
    session: &mut Session,
    packet: &[u8],
    serve: impl FnOnce(Version, &mut [u8]) -> Status,
) -> (Received, Option<Vec<u8>>) {
    let memory = memory();
    memory.write(RING + CONTROL, packet);
    memory.store(RING, packet.len() as u32);
    let (mut producer, mut consumer) = guest_ends(memory.clone(), CONTROL).unwrap();
    let mut payload = Vec::new();
    let popped = consumer.pop(&mut payload, super::MAX_PAYLOAD).unwrap().unwrap();
    let received = session.receive(popped.header, &mut payload);
    match &received {
        Received::Dropped(_) => return (received, None),
        Received::Request(info) => {
            let mut body = payload[info.body.clone()].to_vec();
            let status = serve(info.version, &mut body);
            assert!(session.finish(info.ticket, status, &mut payload, |place| place.copy_from_slice(&body)));
        }
        _ => {}
    }
    let _ = producer.push(PacketHeader::in_band(popped.header.transaction_id), &payload).unwrap();
    (received, Some(ring_bytes(&memory, 0)))
}

/// A session that has agreed on this version, as hosts before and after it bring it about.
fn session(ic: Ic, version: Version) -> Session {
    let mut session = Session::new(ic, None);
    let mut payload = Vec::new();
    Offer { framework: vec![V1, V3], message: vec![version] }.encode(&mut payload);
    assert!(matches!(session.receive(PacketHeader::in_band(0), &mut payload), Received::Negotiated(_)));
    session
}

/// A KVP request that is understood as `request` and answered by `reply`: its bytes, and those of the answer.
fn kvp(version: Version, packet: &[u8], request: &Request, reply: Result<Reply, Status>) -> Vec<u8> {
    let (_, sent) = deliver(&mut session(Ic::Kvp, version), packet, |agreed, body| {
        assert_eq!(agreed, version);
        assert_eq!(raw::parse(body, version).as_ref(), Ok(request));
        match reply {
            Ok(reply) => {
                raw::fill(request, &reply, version, body).unwrap();
                Status::OK
            }
            Err(status) => status,
        }
    });
    sent.expect("a request is answered")
}

/// The bytes of a KVP request as the host's side makes it.
fn host_kvp(version: Version, request: &HostRequest) -> Vec<u8> {
    let memory = memory();
    let (mut producer, _) = host_ends(memory.clone(), CONTROL).unwrap();
    let mut payload = Vec::new();
    let body = raw::encode_request(request, version).unwrap();
    encode(&IcHeader::request(V3, 2, version), &body, &mut payload);
    let _ = producer.push(PacketHeader::in_band(TRANSACTION), &payload).unwrap();
    ring_bytes(&memory, 1)
}

/// The host's reading of a reply packet's body.
fn host_reply(version: Version, request: &HostRequest, packet: &[u8]) -> Reply {
    raw::parse_reply(request.operation(), version, &packet[0x2c..packet.len() - 8]).unwrap()
}

/// A KVP request that is refused while it is read, and the refusal.
fn refused(version: Version, packet: &[u8]) -> (Refusal, Vec<u8>) {
    let mut refusal = None;
    let (_, sent) = deliver(&mut session(Ic::Kvp, version), packet, |version, body| {
        let why = raw::parse(body, version).unwrap_err();
        refusal = Some(why);
        why.status
    });
    (refusal.unwrap(), sent.unwrap())
}

/// `packet` with a few bytes changed.
fn patched(packet: &[u8], text: &str) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    patch(&mut bytes, text);
    bytes
}
