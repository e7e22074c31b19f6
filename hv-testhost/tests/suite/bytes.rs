//! What the host writes into the ring, byte for byte, against vectors typed by hand.

use hv_testhost::{Host, HostOptions, Verb};

use crate::guest::Session;
use crate::guest::ring::Packet;
use crate::support::dir;

/// The NEGOTIATE of a real host for KVP: framework 1.0 and 3.0, messages 3.0, 4.0, 5.0.
const NEGOTIATE: [u8; 80] = [
    0x06, 0x00, 0x02, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    0x01, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x02, 0x00, 0x03, 0x00, //
    0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, //
    0x04, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];

/// The reply that chooses 3.0 and 4.0, from the pipe header on.
const CHOOSES_3_0_AND_4_0: [u8; 56] = [
    0x01, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, //
    0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, //
    0x04, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00,
];

/// Pipe and IC header of a KVP request of 2580 body bytes, framework 3.0, message 4.0.
const REQUEST: [u8; 28] = [
    0x01, 0x00, 0x00, 0x00, 0x28, 0x0a, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02, 0x00, 0x04, 0x00, //
    0x00, 0x00, 0x14, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00,
];

fn verb(words: &[&str]) -> Verb {
    Verb::from_words(words).unwrap()
}

/// Opens a channel, agrees on 3.0 and 4.0, takes one request, and answers it with success.
async fn request(words: &'static [&'static str]) -> (Vec<u8>, Vec<u8>) {
    let dir = dir();
    let host = Host::start(HostOptions { host_items: None, ..HostOptions::new(dir.path()) }).unwrap();
    let path = dir.path().to_owned();
    let guest = tokio::task::spawn_blocking(move || {
        let mut session = Session::open_kvp(&path);
        session.next();
        let in_ring = session.rings.incoming(0, 80);
        let payload = CHOOSES_3_0_AND_4_0.to_vec();
        assert_eq!(session.rings.put(&Packet { kind: 6, flags: 0, transaction_id: 0, payload }), Ok(true));
        let asked = session.next();
        let mut answer = asked.clone();
        answer.payload[25] = 5;
        assert_eq!(session.rings.put(&answer), Ok(true));
        // Until the answer was read, the channel has to stay.
        (in_ring, asked, session)
    });
    let report = host.execute(&verb(words), None).await;
    let (in_ring, asked, session) = guest.await.unwrap();
    assert_eq!(report.violations, [], "{report:?}");
    assert_eq!((asked.kind, asked.flags, asked.transaction_id), (6, 0, 0));
    drop(session);
    (in_ring, asked.payload)
}

/// A payload of 2608 bytes with the given bytes at the given offsets, zero elsewhere.
fn expected(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut payload = vec![0u8; 2608];
    payload[..28].copy_from_slice(&REQUEST);
    for (at, bytes) in parts {
        payload[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    payload
}

#[tokio::test]
async fn negotiate_is_that_of_a_real_host_and_set_lies_where_it_must() {
    let (in_ring, payload) = request(&["set-kvp", "0", "ab", "xyz"]).await;
    assert_eq!(in_ring, NEGOTIATE);
    let expected = expected(&[
        (28, &[1, 0, 0, 0]), // SET, pool 0
        (32, &[1, 0, 0, 0]), // REG_SZ
        (36, &[6, 0, 0, 0]), // key size with its NUL
        (40, &[8, 0, 0, 0]), // value size with its NUL
        (44, b"a\0b\0"),     // key
        (556, b"x\0y\0z\0"), // value
    ]);
    assert_eq!(payload, expected);
}

#[tokio::test]
async fn set_of_numbers_lies_where_it_must() {
    let (_, payload) = request(&["set-kvp", "3", "n", "0x01020304", "--type", "dword"]).await;
    let number = expected(&[
        (28, &[1, 3, 0, 0]),
        (32, &[4, 0, 0, 0]),
        (36, &[4, 0, 0, 0]),
        (40, &[4, 0, 0, 0]),
        (44, b"n\0"),
        (556, &[4, 3, 2, 1]),
    ]);
    assert_eq!(payload, number);
    let (_, payload) = request(&["set-kvp", "1", "n", "2", "--type", "qword"]).await;
    let number = expected(&[
        (28, &[1, 1, 0, 0]),
        (32, &[11, 0, 0, 0]),
        (36, &[4, 0, 0, 0]),
        (40, &[8, 0, 0, 0]),
        (44, b"n\0"),
        (556, &[2, 0, 0, 0, 0, 0, 0, 0]),
    ]);
    assert_eq!(payload, number);
}

#[tokio::test]
async fn delete_and_renegotiate_lie_where_they_must() {
    let (_, payload) = request(&["delete-kvp", "0", "ab"]).await;
    assert_eq!(payload, expected(&[(28, &[2, 0, 0, 0]), (32, &[6, 0, 0, 0]), (36, b"a\0b\0")]));
}

/// ENUMERATE needs an answer that is an item, so this guest says that there are no more.
#[tokio::test]
async fn enumerate_lies_where_it_must() {
    let dir = dir();
    let host = Host::start(HostOptions { host_items: None, ..HostOptions::new(dir.path()) }).unwrap();
    let path = dir.path().to_owned();
    let guest = tokio::task::spawn_blocking(move || {
        let mut session = Session::open_kvp(&path);
        session.next();
        let payload = CHOOSES_3_0_AND_4_0.to_vec();
        assert_eq!(session.rings.put(&Packet { kind: 6, flags: 0, transaction_id: 0, payload }), Ok(true));
        let asked = session.next();
        let mut answer = asked.clone();
        answer.payload[20..24].copy_from_slice(&[0x03, 0x01, 0x07, 0x80]);
        answer.payload[25] = 5;
        assert_eq!(session.rings.put(&answer), Ok(true));
        (asked, session)
    });
    let report = host.execute(&verb(&["enumerate", "2", "258"]), None).await;
    let (asked, session) = guest.await.unwrap();
    assert_eq!(report.exit_code(), 1);
    assert_eq!(asked.payload, expected(&[(28, &[3, 2, 0, 0]), (32, &[2, 1, 0, 0])]));
    drop(session);
}

#[tokio::test]
async fn a_heartbeat_is_that_of_the_description() {
    let dir = dir();
    let ics = vec![hv_utils_core::wire::Ic::Heartbeat];
    let host = Host::start(HostOptions { ics, ..HostOptions::new(dir.path()) }).unwrap();
    let path = dir.path().to_owned();
    let guest = tokio::task::spawn_blocking(move || {
        let mut session = Session::open_heartbeat(&path);
        let mut negotiate = session.next();
        // Framework 1.0 and 3.0, messages 1.0 and 3.0.
        assert_eq!(
            negotiate.payload[28..52],
            *b"\x02\0\x02\0\0\0\0\0\x01\0\0\0\x03\0\0\0\x01\0\0\0\x03\0\0\0"
        );
        negotiate.payload[18] = 0x10;
        negotiate.payload[25] = 5;
        negotiate.payload[28..44].copy_from_slice(b"\x01\0\x01\0\0\0\0\0\x03\0\0\0\x03\0\0\0");
        assert_eq!(session.rings.put(&negotiate), Ok(true));
        (session.next(), session)
    });
    let (beat, session) = guest.await.unwrap();
    let expected: [u8; 44] = [
        0x01, 0x00, 0x00, 0x00, 0x24, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00, 0x03,
        0x00, //
        0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x01, 0x00, 0x00,
        0x00, //
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];
    assert_eq!(beat.payload[..44], expected);
    drop((session, host));
}
