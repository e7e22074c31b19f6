//! A million mutated packets through a session, the KVP parser and the replies.
//!
//! Always the same ones (seeded generator). Nothing may panic, a payload never changes its length, a buffer never
//! grows, and whatever would be sent is a well-formed reply. The outcomes are counted, so that a mutator which no
//! longer reaches some branch is noticed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test may fail it")]

use hv_utils_core::wire::kvp::raw::{self, HostRequest, HostValue};
use hv_utils_core::wire::kvp::{Address, Family, IpInfo, IpQuery, Origin, Reply, Request, chardev};
use hv_utils_core::wire::message::{IcHeader, REPLY_FLAGS};
use hv_utils_core::wire::negotiate::Offer;
use hv_utils_core::wire::{
    Ic, MAX_PAYLOAD, Message, PacketHeader, Received, RequestInfo, Session, Status, Version, encode,
};

const ROUNDS: u32 = 1_000_000;
const V3: Version = Version::new(3, 0);
const V4: Version = Version::new(4, 0);
const V5: Version = Version::new(5, 0);

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 11) as usize % limit
    }
}

fn ip_info() -> IpInfo {
    IpInfo {
        adapter_id: "{0f3a8cd1-9d2e-4a6b-8e57-1c2d3e4f5a6b}".into(),
        family: Family::Both,
        dhcp: false,
        addresses: vec![
            Address { ip: "10.0.0.4".parse().unwrap(), prefix: 24, origin: Origin::Static },
            Address { ip: "2001:db8::4".parse().unwrap(), prefix: 64, origin: Origin::Other },
        ],
        gateways: vec!["10.0.0.1".parse().unwrap()],
        dns: vec!["8.8.8.8".parse().unwrap(), "2001:4860:4860::8888".parse().unwrap()],
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let query = IpQuery { adapter_id: "00:15:5D:01:02:03".into(), family: Family::Both };
    let requests = [
        HostRequest::Get { pool: 1, key: "Key".into() },
        HostRequest::Set { pool: 0, key: "Name".into(), value: HostValue::text("va\u{1f600}ue") },
        HostRequest::Set { pool: 3, key: "HostName".into(), value: HostValue::dword(u32::MAX) },
        HostRequest::Set { pool: 3, key: "Size".into(), value: HostValue::qword(u64::MAX) },
        HostRequest::Delete { pool: 0, key: "Name".into() },
        HostRequest::Enumerate { pool: 2, index: 3 },
        HostRequest::GetIpInfo(Box::new(query)),
        HostRequest::SetIpInfo(Box::new(ip_info())),
    ];
    let mut seeds = Vec::new();
    for version in [V4, V5] {
        for request in &requests {
            let mut payload = Vec::new();
            let body = raw::encode_request(request, version).unwrap();
            encode(&IcHeader::request(V3, 2, version), &body, &mut payload);
            seeds.push(payload);
        }
    }
    let mut payload = Vec::new();
    Offer { framework: vec![Version::new(1, 0), V3], message: vec![V3, V4, V5] }.encode(&mut payload);
    seeds.push(payload);
    seeds
}

/// Changes a few bytes, most of them where the headers are, and sometimes the length.
fn mutate(random: &mut Random, payload: &mut Vec<u8>) {
    const NUMBERS: [u32; 10] = [0, 1, 2, 3, 19, 255, 512, 2049, 0x7fff_ffff, u32::MAX];
    match random.below(16) {
        0 => payload.truncate(random.below(payload.len() + 1)),
        1 => payload.resize(random.below(MAX_PAYLOAD), 0x5a),
        _ => {}
    }
    if payload.is_empty() {
        return;
    }
    for _ in 0..random.below(4) {
        let reach = [64, 96, payload.len()][random.below(3)].min(payload.len());
        let at = random.below(reach);
        if random.below(2) == 0 {
            payload[at] = random.next() as u8;
        } else {
            let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
            let end = payload.len().min(at + 4);
            payload[at..end].copy_from_slice(&number[..end - at]);
        }
    }
}

fn reply_to(request: &Request, random: &mut Random) -> Reply {
    match request {
        _ if random.below(32) == 0 => Reply::Value("v".repeat(random.below(2000))),
        Request::Get { key, .. } => Reply::Value(key.clone()),
        Request::Enumerate { index, .. } => Reply::Item { key: index.to_string(), value: "v\u{e9}".into() },
        Request::GetIpInfo(query) => {
            Reply::IpInfo(Box::new(IpInfo { adapter_id: query.adapter_id.clone(), ..ip_info() }))
        }
        _ => Reply::Done,
    }
}

/// What became of the packets.
#[derive(Debug, Default)]
struct Outcomes {
    answered: u32,
    refused_by_parser: u32,
    refused_by_fill: u32,
    refused_by_session: u32,
    negotiated: u32,
    no_common_version: u32,
    dropped: u32,
    stale: u32,
}

fn serve(
    session: &mut Session,
    info: &RequestInfo,
    payload: &mut [u8],
    random: &mut Random,
    outcomes: &mut Outcomes,
) {
    let parsed = raw::parse(&payload[info.body.clone()], info.version);
    let sent = match &parsed {
        Err(refusal) => {
            assert!(!refusal.status.is_ok() && !refusal.why.to_string().is_empty());
            outcomes.refused_by_parser += 1;
            session.finish(info.ticket, refusal.status, payload, |_| {})
        }
        Ok(request) => {
            let reply = reply_to(request, random);
            let body = &mut payload[info.body.clone()];
            let checked = raw::check(request, &reply, info.version, body);
            let filled = raw::fill(request, &reply, info.version, body);
            assert_eq!(checked, filled, "a check promises what filling keeps");
            match filled {
                Ok(()) => outcomes.answered += 1,
                Err(_) => outcomes.refused_by_fill += 1,
            }
            let status = filled.map_or_else(|refusal| refusal.status, |()| Status::OK);
            session.finish(info.ticket, status, payload, |_| {})
        }
    };
    assert!(sent, "a ticket just given is current");
}

/// Whatever is sent must be what a host can read.
fn check_reply(payload: &[u8]) {
    let reply = Message::parse(payload).expect("a reply is well-formed");
    assert_eq!(reply.header.flags, REPLY_FLAGS);
}

fn receive(session: &mut Session, payload: &mut [u8], random: &mut Random, outcomes: &mut Outcomes) {
    let length = payload.len();
    let received = session.receive(PacketHeader::in_band(random.next()), payload);
    assert_eq!(payload.len(), length);
    match received {
        Received::Dropped(reason) => {
            assert!(!reason.to_string().is_empty());
            outcomes.dropped += 1;
            return;
        }
        Received::Negotiated(agreed) => {
            assert_eq!(session.agreed(), Some(agreed));
            outcomes.negotiated += 1;
        }
        Received::NoCommonVersion => outcomes.no_common_version += 1,
        Received::Refused { status, .. } => {
            assert!(!status.is_ok());
            outcomes.refused_by_session += 1;
        }
        Received::Request(info) => {
            if random.below(16) == 0 {
                session.reset();
                assert!(!session.finish(info.ticket, Status::OK, payload, |_| panic!("stale")));
                outcomes.stale += 1;
                return;
            }
            serve(session, &info, payload, random, outcomes);
        }
    }
    check_reply(payload);
}

#[test]
fn a_million_mutated_packets_are_answered_or_dropped() {
    let seeds = seeds();
    let negotiate = seeds.last().expect("the offer is the last seed").clone();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut outcomes = Outcomes::default();
    let mut sessions = [Session::new(Ic::Kvp, Some(V4)), Session::new(Ic::Kvp, None)];
    let mut payload = Vec::with_capacity(MAX_PAYLOAD);
    for _ in 0..ROUNDS {
        let session = &mut sessions[random.below(2)];
        if session.agreed().is_none() && random.below(4) > 0 {
            payload.clear();
            payload.extend_from_slice(&negotiate);
            let received = session.receive(PacketHeader::in_band(0), &mut payload);
            assert!(matches!(received, Received::Negotiated(_)));
        }
        payload.clear();
        payload.extend_from_slice(&seeds[random.below(seeds.len())]);
        mutate(&mut random, &mut payload);
        receive(session, &mut payload, &mut random, &mut outcomes);
        assert_eq!(payload.capacity(), MAX_PAYLOAD, "the buffer has grown");
    }
    let Outcomes { answered, refused_by_parser, refused_by_fill, refused_by_session, .. } = outcomes;
    let least = [
        answered,
        refused_by_parser,
        refused_by_fill,
        refused_by_session,
        outcomes.negotiated,
        outcomes.no_common_version,
        outcomes.dropped,
        outcomes.stale,
    ];
    assert!(least.into_iter().all(|count| count > ROUNDS / 2000), "{outcomes:?}");
}

#[test]
fn mutated_messages_of_the_char_device_are_answered_or_refused() {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for (operation, pool) in [(0, 1), (1, 0), (2, 1), (3, 2), (4, 1), (5, 1)] {
        let mut message = vec![0; chardev::MESSAGE_BYTES];
        (message[0], message[1]) = (operation, pool);
        match operation {
            0 | 1 => {
                (message[8], message[12]) = (5, 6);
                message[16..20].copy_from_slice(b"Name");
                message[528..533].copy_from_slice(b"value");
            }
            2 => {
                message[4] = 5;
                message[8..12].copy_from_slice(b"Name");
            }
            _ => {}
        }
        seeds.push(message);
    }
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut answered, mut refused) = (0, 0);
    let mut message = Vec::new();
    for _ in 0..ROUNDS / 10 {
        message.clear();
        message.extend_from_slice(&seeds[random.below(seeds.len())]);
        mutate(&mut random, &mut message);
        let length = message.len();
        match chardev::parse(&message) {
            Ok(request) => {
                let reply = reply_to(&request, &mut random);
                let checked = chardev::check(&request, &reply, &message);
                let filled = chardev::fill(&request, &reply, &mut message);
                assert_eq!(checked, filled, "a check promises what filling keeps");
                let status = filled.map_or_else(|refusal| refusal.status, |()| Status::OK);
                chardev::set_status(&mut message, status);
                answered += 1;
            }
            Err(refusal) => {
                assert!(!refusal.status.is_ok());
                refused += 1;
            }
        }
        assert_eq!(message.len(), length);
    }
    assert!(answered > 1000 && refused > 1000, "{answered} answered, {refused} refused");
}
