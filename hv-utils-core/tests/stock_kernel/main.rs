//! What stock Linux kernels and Debian's daemons said to a host, byte for byte, against the guest's side of this crate.
//!
//! The exchanges in `tests/fixtures` were captured under real kernels by `tests/vm/run --fixtures`; each file says which.
//! They lie in this crate because it is the lowest that reads them: `hv-testhost` has its host judge the same answers.
//! Nothing here was made by the code under test but the bytes of the requests, which are `hv-testhost`'s, and the daemons
//! in `…-hv-kvpd.txt` and `…-hv-vssd.txt`. How a capture is written is read here once more, so that a mistake cannot hide.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test may fail it")]

mod capture;
mod kvp;
mod time;

use capture::{Exchange, read};
use hv_utils_core::wire::negotiate::{self, Offer};
use hv_utils_core::wire::{Agreed, HEADER_BYTES, Ic, Message, Received, Session, Status, Version};

const V3: Version = Version::new(3, 0);
const V4: Version = Version::new(4, 0);

/// Every fixture, its service, and the newest message version of it that these kernels know.
const FIXTURES: [(&str, Ic, Version); 15] = [
    ("heartbeat-6.1", Ic::Heartbeat, V3),
    ("heartbeat-6.12", Ic::Heartbeat, V3),
    ("shutdown-6.1", Ic::Shutdown, Version::new(3, 2)),
    ("shutdown-6.12", Ic::Shutdown, Version::new(3, 2)),
    ("timesync-6.1", Ic::TimeSync, V4),
    ("timesync-6.12", Ic::TimeSync, V4),
    ("vss-6.1-hv_vss_daemon", Ic::Vss, Version::new(5, 0)),
    ("vss-6.12-hv_vss_daemon", Ic::Vss, Version::new(5, 0)),
    ("vss-6.1-hv-vssd", Ic::Vss, Version::new(5, 0)),
    ("vss-6.12-hv-vssd", Ic::Vss, Version::new(5, 0)),
    ("kvp-6.1-hv_kvp_daemon", Ic::Kvp, V4),
    ("kvp-6.12-hv_kvp_daemon", Ic::Kvp, V4),
    ("kvp-6.12-hv_kvp_daemon-adapter", Ic::Kvp, V4),
    ("kvp-6.1-hv-kvpd", Ic::Kvp, V4),
    ("kvp-6.12-hv-kvpd", Ic::Kvp, V4),
];

/// A session that has answered the fixture's negotiation, its answer, and what else the fixture has.
fn negotiated(name: &str, ic: Ic, newest: Version) -> (Session, Agreed, Vec<u8>, Vec<Exchange>) {
    let mut exchanges = read(name);
    assert!(exchanges.iter().all(|exchange| exchange.ic == ic), "{name}: another service's packets");
    let first = exchanges.remove(0);
    let mut payload = first.ask.1;
    let mut session = Session::new(ic, Some(newest));
    let Received::Negotiated(agreed) = session.receive(first.ask.0, &mut payload) else {
        panic!("{name}: no negotiation at the beginning")
    };
    (session, agreed, payload, exchanges)
}

/// A packet's payload as it lies in a ring: the kernel sends back what it took out, padding and all.
fn padded(payload: &[u8]) -> Vec<u8> {
    let mut bytes = payload.to_vec();
    bytes.resize(payload.len().next_multiple_of(8), 0);
    bytes
}

/// Fails with the first difference, not with two screens of bytes.
#[track_caller]
fn assert_same(what: &str, ours: &[u8], theirs: &[u8]) {
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths differ");
    if let Some(at) = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs) {
        panic!("{what}: byte {at:#x} is {:#04x} here and {:#04x} there", ours[at], theirs[at]);
    }
}

#[test]
fn every_fixture_is_used_and_says_where_it_is_from() {
    let mut there: Vec<String> = std::fs::read_dir(capture::DIRECTORY)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut known: Vec<String> = FIXTURES.iter().map(|(name, ..)| format!("{name}.txt")).collect();
    there.sort();
    known.sort();
    assert_eq!(there, known);
    for (name, ..) in FIXTURES {
        let text = capture::text(name);
        let kernel = name.split('-').nth(1).unwrap();
        assert!(text.contains(&format!("\n# guest's kernel: {kernel}.")), "{name}");
        assert!(text.contains("\n# answered by: "), "{name}");
        assert!(text.len() < 60_000, "{name}: {} bytes", text.len());
    }
}

/// Slots of the offer that the choice does not need come back as they were sent, from the kernel and from here.
#[test]
fn a_negotiation_is_answered_as_the_kernel_answers_it() {
    for (name, ic, newest) in FIXTURES {
        let exchange = read(name).remove(0);
        let message = Message::parse(&exchange.ask.1).unwrap();
        let offer = Offer::parse(message.body).unwrap();
        assert!(offer.message.contains(&newest), "{name}: {offer:?}");
        let (_, agreed, ours, _) = negotiated(name, ic, newest);
        assert_eq!(agreed, Agreed { framework: V3, message: newest }, "{name}");
        assert_same(name, &padded(&ours), &exchange.answer.1);
        let theirs = Message::parse(&exchange.answer.1).unwrap();
        assert_eq!(negotiate::parse_reply(theirs.body), Ok(Some(agreed)), "{name}");
        assert_eq!(
            (theirs.header.status, theirs.header.flags, theirs.header.size),
            (Status::OK, 5, 16),
            "{name}"
        );
    }
}

#[test]
fn a_request_is_accepted_and_what_surrounds_its_answer_is_the_kernels() {
    for (name, ic, newest) in FIXTURES {
        let (mut session, agreed, _, exchanges) = negotiated(name, ic, newest);
        assert!(!exchanges.is_empty(), "{name}");
        for (number, Exchange { ask, answer, .. }) in exchanges.into_iter().enumerate() {
            let what = format!("{name}, request {number}");
            let mut payload = ask.1;
            let Received::Request(info) = session.receive(ask.0, &mut payload) else { panic!("{what}") };
            assert_eq!(info.version, agreed.message, "{what}");
            let theirs = Message::parse(&answer.1).unwrap();
            let finished = session.finish(info.ticket, theirs.header.status, &mut payload, |body| {
                body.copy_from_slice(&theirs.body[..body.len()]);
            });
            assert!(finished, "{what}");
            assert_same(&what, &padded(&payload), &answer.1);
            // The packet around it: in-band data, nothing to be completed, the request's transaction.
            assert_eq!((answer.0.kind, answer.0.flags), (6, 0), "{what}");
            assert_eq!(answer.0.transaction_id, info.ticket.transaction_id(), "{what}");
        }
    }
}

/// The services that have no daemon here yet: what one will have to put into the body.
#[test]
fn a_heartbeat_counts_on_and_the_rest_comes_back_as_it_was_sent() {
    for (name, ic, newest) in FIXTURES.into_iter().filter(|(_, ic, _)| *ic != Ic::Kvp) {
        let (.., exchanges) = negotiated(name, ic, newest);
        for (number, Exchange { ask, answer, .. }) in exchanges.into_iter().enumerate() {
            let what = format!("{name}, request {number}");
            let mut body = ask.1[HEADER_BYTES..].to_vec();
            if ic == Ic::Heartbeat {
                let sequence = u64::from_le_bytes(body[..8].try_into().unwrap());
                assert_eq!(sequence, number as u64 + 1, "{what}");
                body[..8].copy_from_slice(&(sequence + 1).to_le_bytes());
            }
            // VSS's check (operation 2) too: the kernel means to say 5, "no auto-recovery", in its flags at 8, but looks
            // for the operation in the daemon's answer, where the status lies over it, and so says 0.
            let theirs = Message::parse(&answer.1).unwrap();
            assert_eq!(theirs.header.status, Status::OK, "{what}");
            assert_same(&what, &body, &theirs.body[..body.len()]);
        }
    }
}
