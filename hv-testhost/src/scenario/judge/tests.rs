use hv_utils_core::wire::{Ic, PacketHeader};

use super::*;
use crate::link::scripted::reply;
use crate::outcome::Asked;
use crate::scenario::fields::{BytesAt, Hex};

/// A request with the body "abcd", typed by hand.
fn request() -> Packet {
    let payload = vec![
        1, 0, 0, 0, 24, 0, 0, 0, 3, 0, 0, 0, 2, 0, 5, 0, 0, 0, 4, 0, 0, 0, 0, 0, 9, 3, 0, 0, b'a', b'b',
        b'c', b'd',
    ];
    Packet { header: PacketHeader::in_band(5), payload }
}

fn judged(expected: &Answer) -> Result<(), Mismatch> {
    let sent = request();
    packet(expected, &Sent { packet: &sent, sane: true }, &reply(&sent, 7))
}

fn fails(expected: &Answer) -> (String, String) {
    let mismatch = judged(expected).unwrap_err();
    assert_eq!(mismatch.sent, Some(request().payload));
    assert_eq!(mismatch.received, Some(reply(&request(), 7).payload));
    (mismatch.expected, mismatch.actual)
}

#[test]
fn each_property_of_a_reply_is_compared() {
    assert_eq!(judged(&Answer::default()), Ok(()));
    assert_eq!(judged(&Answer { status: Some(7), ..Answer::default() }), Ok(()));
    assert_eq!(judged(&Answer { length: Some(24), transaction_id: Some(5), ..Answer::default() }), Ok(()));
    let bytes =
        |hex: &[u8]| Answer { bytes: vec![BytesAt { at: 28, hex: Hex(hex.to_vec()) }], ..Answer::default() };
    assert_eq!(judged(&bytes(b"abcd")), Ok(()));
    assert_eq!(
        judged(&Answer { payload: Some(Hex(reply(&request(), 7).payload)), ..Answer::default() }),
        Ok(())
    );

    let (expected, actual) = fails(&Answer { status: Some(0), ..Answer::default() });
    assert_eq!((expected.as_str(), actual.as_str()), ("status 0x00000000 (success)", "status 0x00000007"));
    assert_eq!(fails(&Answer { length: Some(25), ..Answer::default() }).1, "length 24");
    assert_eq!(fails(&Answer { transaction_id: Some(6), ..Answer::default() }).1, "VMBus transaction id 5");
    assert_eq!(fails(&bytes(b"abce")).1, "at 0x1c: 61 62 63 64");
    assert_eq!(fails(&bytes(b"abcde")).1, "at 0x1c: ", "beyond the end there is nothing");
    assert_eq!(fails(&Answer { payload: Some(Hex(vec![1, 0])), ..Answer::default() }).1, "another payload");
    assert_eq!(
        fails(&Answer { agreed: Some("3.0/5.0".to_owned()), ..Answer::default() }).1,
        "versions none (counts 25185/25699)"
    );
    assert_eq!(fails(&Answer { key: Some("k".to_owned()), ..Answer::default() }).0, "an item");
}

#[test]
fn broken_rules_fail_a_step_unless_they_are_expected_or_the_packet_was_no_hosts() {
    let sent = request();
    let mut got = reply(&sent, 0);
    got.payload[25] = 7;
    let judge = |expected: &Answer, sane| packet(expected, &Sent { packet: &sent, sane }, &got);
    assert!(judge(&Answer::default(), true).unwrap_err().actual.contains("IC flags 0x07"));
    assert_eq!(judge(&Answer::default(), false), Ok(()));
    let violation = |part: &str| Answer { violation: Some(part.to_owned()), ..Answer::default() };
    assert_eq!(judge(&violation("IC flags 0x07"), true), Ok(()));
    assert!(judge(&violation("transaction"), true).is_err());
}

fn items(pairs: &[(&str, &str)]) -> Result<Outcome, Failure> {
    let item = |(key, value): &(&str, &str)| Item {
        pool: Pool::External,
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    Ok(Outcome::Items(pairs.iter().map(item).collect()))
}

#[test]
fn the_items_of_a_verb_are_compared() {
    let there = items(&[("a", "1"), ("b", "2")]);
    let pair = |key: &str, value: &str| [key.to_owned(), value.to_owned()];
    let judge = |expected: &Answer| outcome(expected, &there, &[]);
    assert_eq!(
        judge(&Answer { items: Some(vec![pair("a", "1"), pair("b", "2")]), ..Answer::default() }),
        Ok(())
    );
    assert!(
        judge(&Answer { items: Some(vec![pair("b", "2"), pair("a", "1")]), ..Answer::default() }).is_err()
    );
    assert_eq!(judge(&Answer { contains: vec![pair("b", "2")], ..Answer::default() }), Ok(()));
    assert!(judge(&Answer { contains: vec![pair("b", "1")], ..Answer::default() }).is_err());
    assert_eq!(judge(&Answer { lacks: vec!["c".to_owned()], ..Answer::default() }), Ok(()));
    assert!(judge(&Answer { lacks: vec!["a".to_owned()], ..Answer::default() }).is_err());
    assert!(
        judge(&Answer { value: Some("1".to_owned()), ..Answer::default() }).is_err(),
        "two items have no one value"
    );
    let one = items(&[("a", "1")]);
    assert_eq!(outcome(&Answer { value: Some("1".to_owned()), ..Answer::default() }, &one, &[]), Ok(()));
}

#[test]
fn exit_code_and_status_of_a_verb_are_compared() {
    let refused = Err(Failure::Refused { what: "set".to_owned(), status: Status::FAIL, asked: Asked::Items });
    let status = |status| Answer { status: Some(status), ..Answer::default() };
    assert_eq!(outcome(&status(0x8000_4005), &refused, &[]), Ok(()));
    assert!(outcome(&status(0x8007_0103), &refused, &[]).is_err());
    assert!(outcome(&status(0), &refused, &[]).is_err());
    assert_eq!(outcome(&Answer { exit: Some(1), ..Answer::default() }, &refused, &[]), Ok(()));
    assert!(
        outcome(&Answer::default(), &refused, &[])
            .unwrap_err()
            .actual
            .contains("exit code 1: the guest refused")
    );
    let violation = Violation { ic: Ic::Kvp, during: "x".to_owned(), problem: Problem::Unasked };
    assert!(outcome(&Answer::default(), &items(&[]), &[violation]).is_err());
}
