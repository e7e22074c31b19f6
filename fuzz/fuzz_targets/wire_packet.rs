//! Arbitrary bytes as a packet's payload: through the session, the parsers, and back.
//!
//! Properties: a payload keeps its length; whatever is sent is a well-formed reply; whatever was understood once is
//! understood the same after being encoded again; a check promises what filling keeps. The first byte of the input
//! chooses the IC's version and whether it has negotiated.
#![no_main]

use hv_utils_core::wire::kvp::raw::{self, HostRequest, HostValue};
use hv_utils_core::wire::kvp::{Address, IpInfo, Reply, Request, chardev};
use hv_utils_core::wire::negotiate::{self, Offer};
use hv_utils_core::wire::{Ic, Message, PacketHeader, Received, Session, Status, Version, encode};
use libfuzzer_sys::fuzz_target;

const VERSIONS: [Version; 4] =
    [Version::new(1, 0), Version::new(3, 0), Version::new(4, 0), Version::new(5, 0)];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, payload)) = input.split_first() else { return };
    let version = VERSIONS[usize::from(choice & 3)];
    message_is_stable(payload);
    through_session(payload, version, choice & 4 != 0);
    through_parser(payload, version);
    through_chardev(payload);
});

fn message_is_stable(payload: &[u8]) {
    let Ok(message) = Message::parse(payload) else { return };
    let mut again = Vec::new();
    encode(&message.header, message.body, &mut again);
    let second = Message::parse(&again).expect("what was encoded is well-formed");
    assert_eq!(second.body, message.body);
    assert_eq!(usize::from(second.header.size), message.body.len());
    let header = second.header;
    assert_eq!(hv_utils_core::wire::IcHeader { size: message.header.size, ..header }, message.header);
    if let Ok(offer) = Offer::parse(message.body) {
        offer.encode(&mut again);
        let body = Message::parse(&again).expect("an offer is well-formed").body;
        assert_eq!(Offer::parse(body), Ok(offer));
    }
    let _ = negotiate::parse_reply(message.body);
}

fn through_session(payload: &[u8], version: Version, negotiated: bool) {
    let mut session = Session::new(Ic::Kvp, Some(version));
    if negotiated {
        let mut offer = Vec::new();
        Offer { framework: vec![Version::new(3, 0)], message: VERSIONS.to_vec() }.encode(&mut offer);
        assert!(matches!(session.receive(PacketHeader::in_band(1), &mut offer), Received::Negotiated(_)));
    }
    let mut buffer = payload.to_vec();
    let received = session.receive(PacketHeader::in_band(2), &mut buffer);
    assert_eq!(buffer.len(), payload.len());
    match received {
        Received::Dropped(_) => return assert_eq!(buffer, payload),
        Received::Request(info) => {
            assert!(negotiated && info.version == version);
            assert_eq!(buffer, payload);
            assert!(session.finish(info.ticket, Status::FAIL, &mut buffer, |_| {}));
            assert!(!session.finish(info.ticket, Status::FAIL, &mut buffer, |_| {}));
        }
        Received::Negotiated(agreed) => {
            assert!(agreed.message <= version);
            let body = Message::parse(&buffer).expect("a reply is well-formed").body;
            assert_eq!(negotiate::parse_reply(body), Ok(Some(agreed)));
        }
        Received::NoCommonVersion | Received::Refused { .. } => assert!(!session.is_busy()),
    }
    assert_eq!(Message::parse(&buffer).expect("a reply is well-formed").header.flags, 5);
}

/// The whole input as an IC body.
fn through_parser(body: &[u8], version: Version) {
    let Ok(request) = raw::parse(body, version) else { return };
    if let Some(host) = as_host(&request)
        && let Ok(again) = raw::encode_request(&host, version)
    {
        let second = raw::parse(&again, version).expect("what was encoded is understood");
        assert_same(&second, &request);
    }
    let reply = reply_to(&request);
    let mut filled = body.to_vec();
    let checked = raw::check(&request, &reply, version, &filled);
    assert_eq!(raw::fill(&request, &reply, version, &mut filled), checked);
    if checked.is_ok() && !matches!(reply, Reply::IpInfo(_)) {
        let operation = hv_utils_core::wire::kvp::Operation(body[0]);
        assert_eq!(raw::parse_reply(operation, version, &filled), Ok(reply));
    }
}

fn through_chardev(bytes: &[u8]) {
    let mut message = vec![0; chardev::MESSAGE_BYTES];
    let count = bytes.len().min(message.len());
    message[..count].copy_from_slice(&bytes[..count]);
    let _ = chardev::parse_registration(&message);
    let Ok(request) = chardev::parse(&message) else { return };
    let reply = reply_to(&request);
    let checked = chardev::check(&request, &reply, &message);
    assert_eq!(chardev::fill(&request, &reply, &mut message), checked);
}

fn as_host(request: &Request) -> Option<HostRequest> {
    Some(match request {
        Request::Get { pool, key } => HostRequest::Get { pool: pool.number(), key: key.as_str().into() },
        Request::Set { pool, key, value } => {
            HostRequest::Set { pool: pool.number(), key: key.as_str().into(), value: HostValue::text(value) }
        }
        Request::Delete { pool, key } => {
            HostRequest::Delete { pool: pool.number(), key: key.as_str().into() }
        }
        Request::Enumerate { pool, index } => HostRequest::Enumerate { pool: pool.number(), index: *index },
        Request::GetIpInfo(query) => HostRequest::GetIpInfo(query.clone()),
        Request::SetIpInfo(info) => HostRequest::SetIpInfo(info.clone()),
    })
}

/// Equal, but for addresses that no longer find room because their subnets are written out in full.
fn assert_same(second: &Request, first: &Request) {
    let (Request::SetIpInfo(second), Request::SetIpInfo(first)) = (second, first) else {
        return assert_eq!(second, first);
    };
    let mut first = first.clone();
    let all: Vec<Address> = core::mem::take(&mut first.addresses);
    assert!(all.starts_with(&second.addresses));
    first.addresses.clone_from(&second.addresses);
    assert_eq!(*second, first);
}

fn reply_to(request: &Request) -> Reply {
    match request {
        Request::Get { key, .. } => Reply::Value(key.clone()),
        Request::Set { .. } | Request::Delete { .. } | Request::SetIpInfo(_) => Reply::Done,
        Request::Enumerate { index, .. } => Reply::Item { key: index.to_string(), value: "value".into() },
        Request::GetIpInfo(query) => {
            Reply::IpInfo(Box::new(IpInfo { adapter_id: query.adapter_id.clone(), ..IpInfo::default() }))
        }
    }
}
