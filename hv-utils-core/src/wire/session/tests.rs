//! Scenarios: what a host may do to a session, in order.

use super::*;
use crate::wire::hex::assert_same;
use crate::wire::message::{IcHeader, encode};
use crate::wire::negotiate::OfferError;
use crate::wire::negotiate::{Offer, parse_reply};
use proptest::prelude::*;

const V1: Version = Version::new(1, 0);
const V3: Version = Version::new(3, 0);
const V4: Version = Version::new(4, 0);
const V5: Version = Version::new(5, 0);

fn packet(transaction_id: u64) -> PacketHeader {
    PacketHeader::in_band(transaction_id)
}

fn offer(framework: &[Version], message: &[Version]) -> Vec<u8> {
    let mut payload = Vec::new();
    Offer { framework: framework.to_vec(), message: message.to_vec() }.encode(&mut payload);
    payload
}

fn request(message_type: u16, body: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    encode(&IcHeader::request(V3, message_type, V4), body, &mut payload);
    payload
}

/// A KVP session that has agreed on 3.0 and 4.0.
fn ready() -> Session {
    let mut session = Session::new(Ic::Kvp, Some(V4));
    negotiate(&mut session);
    session
}

fn negotiate(session: &mut Session) {
    let received = session.receive(packet(0), &mut offer(&[V1, V3], &[V3, V4, V5]));
    assert_eq!(received, Received::Negotiated(Agreed { framework: V3, message: V4 }));
}

fn accept(session: &mut Session, transaction_id: u64, payload: &mut [u8]) -> RequestInfo {
    match session.receive(packet(transaction_id), payload) {
        Received::Request(info) => info,
        other => panic!("not accepted: {other:?}"),
    }
}

#[test]
fn newest_common_versions_are_agreed_on() {
    let mut session = Session::new(Ic::Kvp, None);
    assert_eq!(session.agreed(), None);
    let mut payload = offer(&[V1, V3], &[V3, V4, V5]);
    let agreed = Agreed { framework: V3, message: V5 };
    assert_eq!(session.receive(packet(0), &mut payload), Received::Negotiated(agreed));
    assert_eq!(session.agreed(), Some(agreed));
    let reply = Message::parse(&payload).unwrap();
    assert_eq!(parse_reply(reply.body), Ok(Some(agreed)));
    assert_eq!((reply.header.status, reply.header.flags, reply.header.size), (Status::OK, 5, 16));
}

#[test]
fn maximum_withholds_newer_message_versions() {
    for (max, agreed) in [
        (None, Some(V5)),
        (Some(Version::new(9, 0)), Some(V5)),
        (Some(V5), Some(V5)),
        (Some(Version::new(4, 9)), Some(V4)),
        (Some(V4), Some(V4)),
        (Some(V3), Some(V3)),
        (Some(V1), None),
        (Some(Version::new(0, 9)), None),
    ] {
        let mut session = Session::new(Ic::Kvp, max);
        let _ = session.receive(packet(0), &mut offer(&[V3], &[V3, V4, V5]));
        assert_eq!(session.agreed().map(|agreed| agreed.message), agreed, "{max:?}");
    }
}

#[test]
fn without_a_common_version_the_counts_are_zero_and_the_status_is_failure() {
    for (framework, message) in [(V3, Version::new(6, 0)), (Version::new(2, 0), V4)] {
        let mut session = ready();
        let mut payload = offer(&[framework], &[message]);
        let before = payload.clone();
        assert_eq!(session.receive(packet(0), &mut payload), Received::NoCommonVersion);
        assert_eq!(session.agreed(), None);
        let reply = Message::parse(&payload).unwrap();
        assert_eq!(parse_reply(reply.body), Ok(None));
        assert_eq!((reply.header.status, reply.header.flags), (Status::FAIL, 5));
        assert_eq!(payload.len(), before.len());
    }
}

#[test]
fn a_session_without_agreement_refuses_requests() {
    let mut session = Session::new(Ic::Kvp, None);
    let mut payload = request(2, &[3, 0]);
    let refused = Received::Refused { why: RefuseReason::NotNegotiated, status: Status::FAIL };
    assert_eq!(session.receive(packet(7), &mut payload), refused);
    let header = Message::parse(&payload).unwrap().header;
    assert_eq!((header.status, header.flags), (Status::FAIL, 5));
    // A failed negotiation does not change that.
    let _ = session.receive(packet(0), &mut offer(&[V3], &[Version::new(9, 9)]));
    assert_eq!(session.receive(packet(7), &mut request(2, &[])), refused);
}

#[test]
fn a_reply_echoes_everything_but_status_flags_and_what_is_filled_in() {
    let mut session = ready();
    let mut payload = request(2, &[0xaa; 20]);
    payload[24] = 0x5c; // IC transaction id
    payload.extend([0; 4]); // padding of the ring
    let asked = payload.clone();
    let info = accept(&mut session, 0xfeed, &mut payload);
    assert_eq!(payload, asked);
    assert_eq!((info.version, info.body.clone()), (V4, 28..48));
    assert_eq!(info.ticket.transaction_id(), 0xfeed);
    assert!(session.finish(info.ticket, Status::NOT_FOUND, &mut payload, |body| {
        assert_eq!(body.len(), 20);
        body[3] = 0x11;
    }));
    let mut expected = asked;
    expected[20..24].copy_from_slice(&0x8004_1002_u32.to_le_bytes());
    expected[25] = 5;
    expected[31] = 0x11;
    assert_same(&payload, &expected);
}

#[test]
fn a_request_is_answered_once() {
    let mut session = ready();
    let mut payload = request(2, &[3, 0]);
    let info = accept(&mut session, 1, &mut payload);
    assert!(session.is_busy() && session.is_current(info.ticket));
    assert!(session.finish(info.ticket, Status::OK, &mut payload, |_| {}));
    assert!(!session.is_busy() && !session.is_current(info.ticket));
    let sent = payload.clone();
    assert!(!session.finish(info.ticket, Status::FAIL, &mut payload, |_| panic!("filled twice")));
    assert_eq!(payload, sent);
}

#[test]
fn renegotiation_in_the_middle_of_a_request_makes_its_answer_stale() {
    let mut session = ready();
    let mut first = request(2, &[3, 0]);
    let old = accept(&mut session, 1, &mut first);
    negotiate(&mut session);
    assert!(!session.is_busy());
    let mut second = request(2, &[3, 0]);
    let new = accept(&mut session, 1, &mut second);
    assert!(!session.finish(old.ticket, Status::OK, &mut first, |_| panic!("stale answer filled in")));
    assert!(session.finish(new.ticket, Status::OK, &mut second, |_| {}));
}

#[test]
fn renegotiation_twice_leaves_only_the_last_request_to_answer() {
    let mut session = ready();
    let mut tickets = Vec::new();
    for round in 0..3 {
        let mut payload = request(2, &[3, 0]);
        tickets.push((accept(&mut session, round, &mut payload).ticket, payload));
        if round < 2 {
            negotiate(&mut session);
            negotiate(&mut session);
        }
    }
    let answered: Vec<_> = tickets
        .iter_mut()
        .map(|(ticket, payload)| session.finish(*ticket, Status::OK, payload, |_| {}))
        .collect();
    assert_eq!(answered, [false, false, true]);
}

#[test]
fn a_renegotiation_that_fails_ends_the_old_agreement() {
    for mut nonsense in [offer(&[V3], &[Version::new(7, 7)]), offer(&[], &[]), request(0, &[1])] {
        let mut session = ready();
        let mut payload = request(2, &[3, 0]);
        let info = accept(&mut session, 1, &mut payload);
        assert!(!matches!(session.receive(packet(0), &mut nonsense), Received::Negotiated(_)));
        assert_eq!(session.agreed(), None);
        assert!(!session.finish(info.ticket, Status::OK, &mut payload, |_| {}));
        negotiate(&mut session);
    }
}

#[test]
fn a_channel_opened_anew_starts_from_nothing() {
    let mut session = ready();
    let mut payload = request(2, &[3, 0]);
    let info = accept(&mut session, 1, &mut payload);
    session.reset();
    assert_eq!(session.agreed(), None);
    assert!(!session.finish(info.ticket, Status::OK, &mut payload, |_| {}));
}

#[test]
fn a_ticket_of_the_past_never_matches_again() {
    let mut session = ready();
    let mut payload = request(2, &[3, 0]);
    let old = accept(&mut session, 1, &mut payload).ticket;
    for _ in 0..100 {
        session.reset();
        negotiate(&mut session);
        let ticket = accept(&mut session, 1, &mut request(2, &[3, 0])).ticket;
        assert_ne!(ticket, old);
        assert!(!session.is_current(old));
    }
}

#[test]
fn unreadable_negotiations_get_a_defined_answer() {
    let too_short = |needed, actual| RefuseReason::Offer(OfferError::TooShort { needed, actual });
    let counts = |framework, message| RefuseReason::Offer(OfferError::Counts { framework, message });
    for (body, why) in [
        (vec![], too_short(8, 0)),
        (vec![1, 0, 1], too_short(8, 3)),
        (vec![1, 0, 1, 0, 0, 0, 0, 0], too_short(16, 8)),
        (vec![2, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0], too_short(20, 16)),
        (vec![0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0], counts(0, 1)),
        (vec![1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0], counts(1, 0)),
        (vec![101, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0], counts(101, 1)),
        (vec![0xff; 16], counts(0xffff, 0xffff)),
    ] {
        let mut session = Session::new(Ic::Kvp, None);
        let mut payload = request(0, &body);
        let before = payload.clone();
        let received = session.receive(packet(0), &mut payload);
        assert_eq!(received, Received::Refused { why, status: Status::FAIL });
        assert_eq!(payload.len(), before.len());
        let reply = Message::parse(&payload).unwrap();
        assert_eq!((reply.header.status, reply.header.flags), (Status::FAIL, 5));
        if body.len() >= 8 {
            assert_eq!(&reply.body[..4], [0; 4], "counts 0/0");
        }
    }
}

#[test]
fn a_message_of_another_service_is_refused() {
    let mut session = ready();
    for actual in [1, 3, 4, 5, 7, 8, 0xffff] {
        let mut payload = request(actual, &[0; 16]);
        let why = RefuseReason::MessageType { expected: 2, actual };
        let refused = Received::Refused { why, status: Status::FAIL };
        assert_eq!(session.receive(packet(0), &mut payload), refused);
        assert_eq!(Message::parse(&payload).unwrap().header.flags, 5);
    }
    assert!(!session.is_busy());
}

#[test]
fn what_cannot_be_answered_is_dropped_untouched() {
    let mut session = ready();
    let mut response = request(2, &[3, 0]);
    response[25] = 5;
    let mut negotiation_reply = offer(&[V3], &[V4]);
    negotiation_reply[25] = 5;
    let mut pipe = request(2, &[3, 0]);
    pipe[0] = 3;
    for (packet, payload, reason) in [
        (packet(0), response, DropReason::Response),
        (packet(0), negotiation_reply, DropReason::Response),
        (packet(0), pipe, DropReason::Message(MessageError::PipeType(3))),
        (packet(0), vec![], DropReason::Message(MessageError::Truncated { actual: 0 })),
        (PacketHeader { kind: 0xb, ..packet(0) }, request(2, &[3, 0]), DropReason::PacketType(0xb)),
        (PacketHeader { flags: 3, ..packet(0) }, request(2, &[3, 0]), DropReason::PacketFlags(3)),
    ] {
        let mut received = payload.clone();
        assert_eq!(session.receive(packet, &mut received), Received::Dropped(reason));
        assert_eq!(received, payload);
    }
    assert!(!session.is_busy());
    assert!(session.agreed().is_some(), "a dropped packet changes nothing");
}

#[test]
fn a_wish_for_a_completion_packet_is_ignored() {
    let mut session = ready();
    let asking = PacketHeader { flags: FLAG_COMPLETION_REQUESTED, ..packet(0) };
    assert!(matches!(session.receive(asking, &mut request(2, &[3, 0])), Received::Request(_)));
}

#[test]
fn two_requests_may_wait_but_not_three() {
    let mut session = ready();
    let mut first = request(2, &[3, 0]);
    let mut second = request(2, &[3, 1]);
    let one = accept(&mut session, 1, &mut first);
    let two = accept(&mut session, 2, &mut second);
    let busy = Received::Refused { why: RefuseReason::Busy, status: Status::FAIL };
    assert_eq!(session.receive(packet(3), &mut request(2, &[3, 2])), busy);
    assert!(session.finish(one.ticket, Status::OK, &mut first, |_| {}));
    assert!(session.finish(two.ticket, Status::OK, &mut second, |_| {}));
    accept(&mut session, 4, &mut request(2, &[3, 3]));
}

#[test]
fn every_service_agrees_with_a_host_that_offers_all_it_speaks() {
    for ic in Ic::ALL {
        let mut session = Session::new(ic, None);
        let mut oldest_first = ic.versions().to_vec();
        oldest_first.reverse();
        let mut payload = offer(&[V1, V3], &oldest_first);
        let agreed = Agreed { framework: V3, message: ic.versions()[0] };
        assert_eq!(session.receive(packet(0), &mut payload), Received::Negotiated(agreed), "{ic}");
        assert!(matches!(
            session.receive(packet(0), &mut request(ic.message_type(), &[0; 16])),
            Received::Request(_)
        ));
    }
}

proptest! {
    /// Whatever arrives: the length stays, and if something is to be sent it is a well-formed reply.
    #[test]
    fn any_payload_is_dropped_accepted_or_answered_in_place(
        mut payload in proptest::collection::vec(any::<u8>(), 0..96),
        shape in 0..4_u8,
    ) {
        if shape > 0 && payload.len() >= 28 {
            let size = (payload.len() - 8) as u32;
            payload[..4].copy_from_slice(&1_u32.to_le_bytes());
            payload[4..8].copy_from_slice(&size.to_le_bytes());
            payload[18..20].copy_from_slice(&((size - 20) as u16).to_le_bytes());
            payload[12..14].copy_from_slice(&u16::from(shape - 1).to_le_bytes());
        }
        let before = payload.clone();
        let mut session = ready();
        let received = session.receive(packet(0), &mut payload);
        prop_assert_eq!(payload.len(), before.len());
        match received {
            Received::Request(_) | Received::Dropped(_) => prop_assert_eq!(payload, before),
            _ => prop_assert_eq!(Message::parse(&payload).unwrap().header.flags, 5),
        }
    }
}
