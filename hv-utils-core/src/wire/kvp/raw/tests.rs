//! Limits and refusals; the byte vectors are in `wire::golden_tests`.

use super::super::{IpInfo, MAX_KEY_UNITS, MAX_VALUE_UNITS};
use super::*;
use crate::wire::Status;
use proptest::prelude::*;

const V4: Version = Version::new(4, 0);
const V5: Version = Version::new(5, 0);

fn set(key: HostText, value: HostValue) -> Vec<u8> {
    encode_request(&HostRequest::Set { pool: 0, key, value }, V4).unwrap()
}

fn parsed_value(value: HostValue) -> Result<String, Problem> {
    match parse(&set("k".into(), value), V4) {
        Ok(Request::Set { value, .. }) => Ok(value),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.why),
    }
}

fn sized(kind: u32, bytes: &[u8], size: u32) -> HostValue {
    HostValue { kind: ValueType(kind), content: HostText { bytes: bytes.to_vec(), size } }
}

#[test]
fn longest_key_and_value_are_taken_and_one_more_is_not() {
    let key = "k".repeat(MAX_KEY_UNITS);
    let value = "v".repeat(MAX_VALUE_UNITS);
    let body = set(key.as_str().into(), HostValue::text(&value));
    assert_eq!(parse(&body, V4), Ok(Request::Set { pool: Pool::External, key: key.clone(), value }));
    // One unit more: the size says so, the NUL has no place any more.
    let body = set((key + "k").as_str().into(), HostValue::text("v"));
    let why = Problem::TooLong { field: "key", size: 514, max: 512 };
    assert_eq!(parse(&body, V4), Err(Refusal { status: Status::INVALID_ARG, why }));
    let value = "v".repeat(MAX_VALUE_UNITS + 1);
    let why = Problem::TooLong { field: "value", size: 2050, max: 2048 };
    assert_eq!(parsed_value(HostValue::text(&value)), Err(why));
}

#[test]
fn integers_of_every_numbering_become_decimal_text() {
    for (value, text) in [
        (HostValue::dword(0), "0"),
        (HostValue::dword(0x8000_0000), "2147483648"),
        (HostValue::dword(u32::MAX), "4294967295"),
        (HostValue::qword(u64::MAX), "18446744073709551615"),
        (sized(8, &7_u64.to_le_bytes(), 8), "7"),
        // What lies behind the counted bytes does not matter.
        (sized(4, &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], 4), "1"),
    ] {
        assert_eq!(parsed_value(value).as_deref(), Ok(text));
    }
}

#[test]
fn values_of_wrong_type_or_size_are_refused() {
    let size = |kind, size| Problem::IntegerSize { kind: ValueType(kind), size };
    for (value, problem) in [
        (sized(4, &[1; 8], 8), size(4, 8)),
        (sized(4, &[1; 8], 0), size(4, 0)),
        (sized(11, &[1; 8], 4), size(11, 4)),
        (sized(8, &[1; 8], u32::MAX), size(8, u32::MAX)),
        (sized(0, &[0; 2], 2), Problem::ValueType(ValueType(0))),
        (sized(3, &[0; 2], 2), Problem::ValueType(ValueType(3))),
        (sized(u32::MAX, &[0; 2], 2), Problem::ValueType(ValueType(u32::MAX))),
        (sized(1, &[], 0), Problem::Unterminated { field: "value" }),
        (sized(1, &[0x61, 0], 2), Problem::Unterminated { field: "value" }),
        (sized(2, &[0x61, 0, 0, 0], 3), Problem::OddSize { field: "value", size: 3 }),
        (sized(1, &[0, 0xd8, 0, 0], 4), Problem::UnpairedSurrogate { field: "value" }),
    ] {
        assert_eq!(parsed_value(value), Err(problem));
    }
}

#[test]
fn empty_text_is_a_value() {
    assert_eq!(parsed_value(HostValue::text("")).as_deref(), Ok(""));
}

#[test]
fn bodies_that_end_early_are_an_invalid_argument() {
    let requests = [
        (HostRequest::Get { pool: 0, key: "k".into() }, V4, 2576),
        (HostRequest::Set { pool: 0, key: "k".into(), value: HostValue::text("v") }, V4, 2576),
        (HostRequest::Delete { pool: 0, key: "k".into() }, V4, 520),
        (HostRequest::Enumerate { pool: 0, index: 0 }, V4, 2580),
        (HostRequest::GetIpInfo(Box::default()), V4, 7428),
        (HostRequest::SetIpInfo(Box::default()), V4, 7428),
        (HostRequest::GetIpInfo(Box::default()), V5, 3716),
        (HostRequest::SetIpInfo(Box::default()), V5, 3716),
    ];
    for (request, version, needed) in requests {
        let body = encode_request(&request, version).unwrap();
        assert!(parse(&body[..needed], version).is_ok(), "{request:?}");
        for length in [0, 1, 2, 3, 4, needed / 2, needed - 1] {
            let refusal = parse(&body[..length], version).unwrap_err();
            assert_eq!(refusal.status, Status::INVALID_ARG, "{request:?} of {length}");
            assert!(matches!(refusal.why, Problem::TooShort { .. }));
        }
    }
}

#[test]
fn unknown_operations_and_pools_are_failures() {
    for operation in [6, 7, 99, 100, 255] {
        let body = encode_request(&HostRequest::Other { operation, pool: 0 }, V4).unwrap();
        let why = Problem::Operation(Operation(operation));
        assert_eq!(parse(&body, V4), Err(Refusal { status: Status::FAIL, why }));
    }
    for pool in [5, 128, 255] {
        let body = encode_request(&HostRequest::Enumerate { pool, index: 0 }, V4).unwrap();
        assert_eq!(parse(&body, V4), Err(Refusal { status: Status::FAIL, why: Problem::Pool(pool) }));
    }
}

#[test]
fn replies_that_do_not_answer_the_request_are_refused() {
    let get = Request::Get { pool: Pool::Guest, key: "k".into() };
    let enumerate = Request::Enumerate { pool: Pool::Guest, index: 0 };
    let item = || Reply::Item { key: "k".into(), value: "v".into() };
    let info = || Reply::IpInfo(Box::default());
    let mut body = vec![0; 7428];
    for (request, reply) in [
        (get.clone(), Reply::Done),
        (get.clone(), item()),
        (enumerate.clone(), Reply::Value("v".into())),
        (enumerate, info()),
        (Request::Delete { pool: Pool::Guest, key: "k".into() }, item()),
        (Request::GetIpInfo(Box::default()), Reply::Done),
        (Request::SetIpInfo(Box::default()), info()),
    ] {
        let refusal = fill(&request, &reply, V4, &mut body).unwrap_err();
        assert_eq!(refusal, Refusal { status: Status::FAIL, why: Problem::ReplyKind });
    }
    assert!(body.iter().all(|byte| *byte == 0));
}

#[test]
fn answers_too_long_for_their_fields_are_refused_and_write_nothing() {
    let request = Request::Enumerate { pool: Pool::Guest, index: 0 };
    let mut body = vec![0xee; 2580];
    for (key, value) in [
        ("k".repeat(256), "v".into()),
        ("k".into(), "v".repeat(1024)),
        ("k".repeat(255), "\u{1f600}".repeat(512)),
    ] {
        let refusal = fill(&request, &Reply::Item { key, value }, V4, &mut body).unwrap_err();
        assert_eq!(refusal.status, Status::INVALID_ARG);
        assert!(body.iter().all(|byte| *byte == 0xee));
    }
    let longest = Reply::Item { key: "k".repeat(255), value: "v".repeat(1023) };
    fill(&request, &longest, V4, &mut body).unwrap();
    assert_eq!(parse_reply(Operation::ENUMERATE, V4, &body), Ok(longest));
}

#[test]
fn a_body_without_room_for_the_answer_is_refused() {
    let request = Request::Enumerate { pool: Pool::Guest, index: 0 };
    let reply = Reply::Item { key: "k".into(), value: "v".into() };
    for length in [0, 4, 2579] {
        let refusal = fill(&request, &reply, V4, &mut vec![0; length]).unwrap_err();
        assert_eq!(refusal.why, Problem::TooShort { needed: 2580, actual: length });
    }
    let (request, reply) = (Request::GetIpInfo(Box::default()), Reply::IpInfo(Box::default()));
    assert!(fill(&request, &reply, V5, &mut [0; 3715]).is_err());
    assert!(fill(&request, &reply, V4, &mut [0; 1]).is_err());
}

#[test]
fn the_hosts_reading_is_as_strict_as_microsofts() {
    let request = Request::Enumerate { pool: Pool::Guest, index: 0 };
    let reply = Reply::Item { key: "key".into(), value: "value".into() };
    let mut good = vec![0; 2580];
    fill(&request, &reply, V4, &mut good).unwrap();
    assert_eq!(parse_reply(Operation::ENUMERATE, V4, &good), Ok(reply));
    for (offset, byte) in [
        (12, 7),  // odd key size
        (12, 6),  // key size without its NUL
        (12, 10), // key size beyond its NUL
        (12, 0),
        (13, 3),  // key size beyond the field
        (16, 10), // value size without its NUL
        (16, 11),
        (8, 3), // no type of a value
        (8, 8), // Linux's number for 64 bits
        (8, 4), // an integer of 12 bytes
        (21, 0xd8),
    ] {
        let mut bad = good.clone();
        bad[offset] = byte;
        assert!(parse_reply(Operation::ENUMERATE, V4, &bad).is_err(), "byte {offset} = {byte}");
    }
    assert!(parse_reply(Operation::ENUMERATE, V4, &good[..2579]).is_err());
    assert!(parse_reply(Operation(9), V4, &good).is_err());
}

fn request() -> impl Strategy<Value = (HostRequest, Request)> {
    let pool = || (0..5_u8).prop_map(|number| (number, Pool::try_from(number).unwrap()));
    let key = || "[^\0]{0,120}";
    prop_oneof![
        (pool(), key()).prop_map(|((number, pool), key)| (
            HostRequest::Get { pool: number, key: key.as_str().into() },
            Request::Get { pool, key }
        )),
        (pool(), key(), key()).prop_map(|((number, pool), key, value)| (
            HostRequest::Set { pool: number, key: key.as_str().into(), value: HostValue::text(&value) },
            Request::Set { pool, key, value }
        )),
        (pool(), key()).prop_map(|((number, pool), key)| (
            HostRequest::Delete { pool: number, key: key.as_str().into() },
            Request::Delete { pool, key }
        )),
        (pool(), any::<u32>()).prop_map(|((number, pool), index)| (
            HostRequest::Enumerate { pool: number, index },
            Request::Enumerate { pool, index }
        )),
        "[^\0]{0,60}".prop_map(|adapter_id| {
            let query = Box::new(IpQuery { adapter_id, ..IpQuery::default() });
            (HostRequest::GetIpInfo(query.clone()), Request::GetIpInfo(query))
        }),
        "[^\0]{0,60}".prop_map(|adapter_id| {
            let info = Box::new(IpInfo { adapter_id, dhcp: true, ..IpInfo::default() });
            (HostRequest::SetIpInfo(info.clone()), Request::SetIpInfo(info))
        }),
    ]
}

#[test]
fn a_family_that_is_none_does_not_count_in_a_question_in_either_form() {
    for (version, at) in [(V4, 2 + 256), (V5, 4 + 280)] {
        let mut body = encode_request(&HostRequest::GetIpInfo(Box::default()), version).unwrap();
        body[at] = 4;
        assert_eq!(parse(&body, version), Ok(Request::GetIpInfo(Box::default())), "{version}");
        let mut body = encode_request(&HostRequest::SetIpInfo(Box::default()), version).unwrap();
        body[at] = 4;
        assert_eq!(parse(&body, version).unwrap_err().status, Status::INVALID_ARG, "{version}");
    }
}

proptest! {
    #[test]
    fn what_a_host_encodes_is_what_the_guest_understands((host, request) in request(), five in any::<bool>()) {
        let version = if five { V5 } else { V4 };
        let body = encode_request(&host, version).unwrap();
        prop_assert_eq!(body.len(), if host.operation().0 < 4 { 2580 } else { 7428 });
        prop_assert_eq!(parse(&body, version), Ok(request));
    }

    #[test]
    fn what_a_guest_answers_is_what_the_host_understands(key in "[^\0]{0,120}", value in "[^\0]{0,500}") {
        let mut body = vec![0xff; 2580];
        let request = Request::Enumerate { pool: Pool::Auto, index: 3 };
        let reply = Reply::Item { key, value: value.clone() };
        fill(&request, &reply, V4, &mut body).unwrap();
        prop_assert_eq!(parse_reply(Operation::ENUMERATE, V4, &body), Ok(reply));
        let request = Request::Get { pool: Pool::Auto, key: "k".into() };
        fill(&request, &Reply::Value(value.clone()), V4, &mut body).unwrap();
        prop_assert_eq!(parse_reply(Operation::GET, V4, &body), Ok(Reply::Value(value)));
    }
}
