use hv_utils_core::wire::{self, Status};

use super::*;
use crate::host::ic::IcOptions;
use crate::link::Packet;
use crate::link::scripted::{Scripted, agree, is_negotiate, reply};

/// Pipe and IC header of a request of 2060 body bytes, framework 3.0, message 3.2.
const HEADERS: [u8; 28] = [
    0x01, 0x00, 0x00, 0x00, 0x20, 0x08, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x03, 0x00, 0x03, 0x00, //
    0x02, 0x00, 0x0c, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00,
];

type Guest = Scripted<Box<dyn FnMut(&Packet) -> Vec<Packet> + Send>>;

/// A channel to a guest that agrees to 3.`minor` and answers everything else with `status`.
async fn channel(minor: u8, status: u32) -> Ic<Guest> {
    let link: Guest = Scripted::new(Box::new(move |packet| {
        if !is_negotiate(packet) {
            return vec![reply(packet, status)];
        }
        let mut agreed = agree(packet, 3);
        agreed.payload[42] = minor;
        vec![agreed]
    }));
    let mut ic = Ic::new(link, wire::Ic::Shutdown, IcOptions::real_host(wire::Ic::Shutdown));
    ic.negotiate().await.unwrap();
    ic
}

fn verb(words: &[&str]) -> Verb {
    Verb::from_words(words).unwrap()
}

#[tokio::test]
async fn a_request_is_that_of_the_description() {
    let mut ic = channel(2, 0).await;
    let words = ["restart-vm", "--force", "--message", "a\u{e9}", "--reason", "80020003", "--grace", "300"];
    Shutdown.verb(&mut ic, &verb(&words)).await.unwrap();
    let mut expected = HEADERS.to_vec();
    expected.extend_from_slice(&[0x03, 0x00, 0x02, 0x80, 0x2c, 0x01, 0x00, 0x00, 3, 0, 0, 0]);
    expected.extend_from_slice(&[b'a', 0, 0xe9, 0]);
    expected.resize(28 + 2060, 0);
    assert_eq!(ic.link().sent[1].payload, expected);
    assert_eq!(ic.take_violations(), []);
}

#[tokio::test]
async fn each_verb_has_its_flags_and_a_planned_reason() {
    let cases: [(&[&str], u8); 6] = [
        (&["stop-vm"], 0),
        (&["stop-vm", "--force"], 1),
        (&["restart-vm"], 2),
        (&["restart-vm", "--force"], 3),
        (&["hibernate-vm"], 4),
        (&["hibernate-vm", "--force"], 5),
    ];
    for (words, flags) in cases {
        let mut ic = channel(2, 0).await;
        assert!(matches!(Shutdown.verb(&mut ic, &verb(words)).await, Ok(Outcome::Done(_))));
        assert_eq!(
            ic.link().sent[1].payload[28..40],
            [0, 0, 0, 0x80, 0, 0, 0, 0, flags, 0, 0, 0],
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn a_guest_that_refuses_says_why() {
    let mut ic = channel(2, 0x8007_04f7).await;
    let refused = Shutdown.verb(&mut ic, &verb(&["stop-vm"])).await;
    assert_eq!(
        refused,
        Err(Failure::Refused {
            what: "power off".to_owned(),
            status: Status::MACHINE_LOCKED,
            asked: Asked::Shutdown
        })
    );
}

#[tokio::test]
async fn what_the_agreed_version_does_not_have_is_not_sent() {
    for (minor, words, known) in [
        (0, "stop-vm", true),
        (0, "restart-vm", false),
        (1, "restart-vm", true),
        (1, "hibernate-vm", false),
        (2, "hibernate-vm", true),
    ] {
        let mut ic = channel(minor, 0).await;
        let result = Shutdown.verb(&mut ic, &verb(&[words])).await;
        assert_eq!(result.is_ok(), known, "{words} with 3.{minor}: {result:?}");
        assert_eq!(ic.link().sent.len(), if known { 2 } else { 1 });
        if let Err(failure) = result {
            assert!(matches!(&failure, Failure::Rule(why) if why.message.contains("the guest agreed to 3.")));
        }
    }
}

#[test]
fn a_message_fits_with_its_nul_or_is_refused() {
    let ask = |length| ShutdownAsk { message: Some("m".repeat(length)), ..ShutdownAsk::default() };
    let longest = body(Action::PowerOff, &ask(1023)).unwrap();
    assert_eq!((longest.len(), &longest[2056..]), (2060, &[b'm', 0, 0, 0][..]));
    let Err(Failure::Usage(why)) = body(Action::PowerOff, &ask(1024)) else { panic!() };
    assert_eq!(why.message, "the message has 1024 UTF-16 units, at most 1023 fit");
}
