//! Messages of the char device typed by hand from the layout of `struct hv_kvp_msg`.

use super::super::{Address, Family, IpInfo, IpQuery, Origin};
use super::*;
use crate::wire::hex::{assert_same, patch, sparse};
use proptest::prelude::*;

fn message(text: &str) -> Vec<u8> {
    sparse(MESSAGE_BYTES, text)
}

/// Answers `asked`, which must be understood as `request`, and compares with `asked` plus `changes`.
#[track_caller]
fn answers(asked: &str, request: &Request, reply: &Reply, changes: &str) {
    let mut bytes = message(asked);
    let mut expected = bytes.clone();
    assert_eq!(parse(&bytes).as_ref(), Ok(request));
    fill(request, reply, &mut bytes).unwrap();
    set_status(&mut bytes, Status::OK);
    patch(&mut expected, "0000: 00 00 00 00");
    patch(&mut expected, changes);
    assert_same(&bytes, &expected);
}

#[test]
fn registration_is_operation_100_and_the_kernel_answers_with_its_version() {
    assert_same(&register(), &message("0000: 64"));
    let answer = message("0000: 64\n0004: 33 2e 31 00 ff");
    assert_eq!(parse_registration(&answer).as_deref(), Ok("3.1"));
    let full = sparse(MESSAGE_BYTES, &format!("0000: 64\n0004 t: {}", "v".repeat(600)));
    assert_eq!(parse_registration(&full).map(|version| version.len()), Ok(512));
}

#[test]
fn other_answers_to_a_registration_are_refused() {
    let not_ours = Problem::Operation(Operation(3));
    assert_eq!(parse_registration(&message("0000: 03")), Err(not_ours));
    let short = Problem::TooShort { needed: 7432, actual: 7431 };
    assert_eq!(parse_registration(&message("0000: 64")[..7431]), Err(short));
    let bad = message("0000: 64\n0004: ff 00");
    assert_eq!(parse_registration(&bad), Err(Problem::NotUtf8 { field: "version" }));
}

#[test]
fn get_has_its_value_where_enumerate_has_it() {
    let request = Request::Get { pool: Pool::Guest, key: "Name".into() };
    let reply = Reply::Value("Wert: ä".into());
    answers(
        "0000: 00 01\n0008: 05 00 00 00\n0010 t: Name",
        &request,
        &reply,
        // 532; the layout of GET would say 528, and 528 to 531 stay as they are.
        "0214: 57 65 72 74 3a 20 c3 a4 00",
    );
    let mut dirty = message("0000: 00 01\n0008: 05 00 00 00\n0010 t: Name\n0210: 01 02 03 04");
    fill(&request, &reply, &mut dirty).unwrap();
    assert_eq!(dirty[528..536], [1, 2, 3, 4, 0x57, 0x65, 0x72, 0x74]);
}

#[test]
fn set_carries_text() {
    let request = Request::Set { pool: Pool::External, key: "Name".into(), value: "größer".into() };
    answers(
        "0000: 01 00
         0004: 01 00 00 00 05 00 00 00 09 00 00 00
         0010: 4e 61 6d 65 00
         0210: 67 72 c3 b6 c3 9f 65 72 00",
        &request,
        &Reply::Done,
        "",
    );
}

#[test]
fn set_of_an_integer_has_become_decimal_text_in_the_kernel() {
    let request = Request::Set { pool: Pool::AutoExternal, key: "Major".into(), value: "4294967295".into() };
    answers(
        "0000: 01 03\n0008: 06 00 00 00 0b 00 00 00\n0010 t: Major\n0210 t: 4294967295",
        &request,
        &Reply::Done,
        "",
    );
}

#[test]
fn set_of_a_type_the_kernel_does_not_know_has_an_empty_value() {
    let request = Request::Set { pool: Pool::External, key: "Name".into(), value: String::new() };
    answers("0000: 01 00\n0008: 05 00 00 00\n0010 t: Name\n0210: ff", &request, &Reply::Done, "");
}

#[test]
fn delete_has_its_key_at_8() {
    let request = Request::Delete { pool: Pool::Guest, key: "Name".into() };
    answers("0000: 02 01\n0004: 05 00 00 00 4e 61 6d 65 00", &request, &Reply::Done, "");
}

#[test]
fn enumerate_is_answered_with_key_value_and_sizes_with_their_nul() {
    let request = Request::Enumerate { pool: Pool::Auto, index: 5 };
    let reply = Reply::Item { key: "OSName".into(), value: "Debian".into() };
    let answer = "
        0008: 01 00 00 00 07 00 00 00 07 00 00 00
        0014: 4f 53 4e 61 6d 65 00
        0214: 44 65 62 69 61 6e 00";
    answers("0000: 03 02\n0004: 05 00 00 00", &request, &reply, answer);
    // Nothing of an older message stays in the fields.
    let mut dirty = message("0000: 03 02\n0004: 05 00 00 00");
    dirty[20..2580].fill(0xff);
    fill(&request, &reply, &mut dirty).unwrap();
    assert_same(&dirty, &message(&format!("0000: 03 02\n0004: 05 00 00 00\n{answer}")));
}

#[test]
fn a_family_that_is_none_does_not_count_in_a_question() {
    let query = IpQuery { adapter_id: "00:15:5D:01:02:03".into(), family: Family::Unspecified };
    let asked = message("0000: 04 01\n0004 t: 00:15:5D:01:02:03\n0104: 09");
    assert_eq!(parse(&asked), Ok(Request::GetIpInfo(Box::new(query))));
}

#[test]
fn get_ip_info_starts_at_4() {
    let query = IpQuery { adapter_id: "00:15:5D:01:02:03".into(), family: Family::V4 };
    let address = |ip: &str, prefix| Address { ip: ip.parse().unwrap(), prefix, origin: Origin::Static };
    let info = IpInfo {
        adapter_id: String::new(),
        family: Family::Both,
        dhcp: true,
        addresses: vec![address("10.0.0.4", 24), address("fe80::1", 64)],
        gateways: vec!["10.0.0.1".parse().unwrap()],
        dns: vec!["8.8.8.8".parse().unwrap(), "1.1.1.1".parse().unwrap()],
    };
    answers(
        "0000: 04 01\n0004 t: 00:15:5D:01:02:03\n0104: 01",
        &Request::GetIpInfo(Box::new(query)),
        &Reply::IpInfo(Box::new(info)),
        "0104: 03 01
         0106 t: 10.0.0.4;fe80::1
         0906 t: 255.255.255.0;/64
         1106 t: 10.0.0.1;
         1506 t: 8.8.8.8;1.1.1.1;",
    );
}

#[test]
fn set_ip_info_is_read_whole() {
    let info = IpInfo {
        adapter_id: "{0f3a8cd1-9d2e-4a6b-8e57-1c2d3e4f5a6b}".into(),
        family: Family::V4,
        dhcp: false,
        addresses: vec![Address { ip: "192.168.1.10".parse().unwrap(), prefix: 24, origin: Origin::Unknown }],
        gateways: vec!["192.168.1.1".parse().unwrap()],
        dns: vec!["192.168.1.2".parse().unwrap()],
    };
    answers(
        "0000: 05 01
         0004 t: {0f3a8cd1-9d2e-4a6b-8e57-1c2d3e4f5a6b}
         0104: 01 00
         0106 t: 192.168.1.10
         0906 t: 255.255.255.0
         1106 t: 192.168.1.1
         1506 t: 192.168.1.2",
        &Request::SetIpInfo(Box::new(info)),
        &Reply::Done,
        "",
    );
}

#[test]
fn status_overlays_operation_and_pool() {
    let mut bytes = message("0000: 03 02 00 00 05");
    set_status(&mut bytes, Status::NO_MORE_ITEMS);
    assert_same(&bytes, &message("0000: 03 01 07 80 05"));
    set_status(&mut [], Status::FAIL);
}

#[test]
fn every_length_but_the_whole_is_refused() {
    let bytes = message("0000: 03 02");
    for actual in [0, 1, 4, 2580, 7428, 7431] {
        let why = Problem::TooShort { needed: 7432, actual };
        assert_eq!(parse(&bytes[..actual]), Err(Refusal { status: Status::INVALID_ARG, why }));
        let request = Request::Enumerate { pool: Pool::Auto, index: 0 };
        let reply = Reply::Item { key: String::new(), value: String::new() };
        assert_eq!(fill(&request, &reply, &mut bytes.clone()[..actual]).unwrap_err().why, why);
    }
}

#[test]
fn malformed_requests_are_refused_with_their_status() {
    for (text, status, why) in [
        ("0000: 64", Status::FAIL, Problem::Operation(Operation(100))),
        ("0000: 06", Status::FAIL, Problem::Operation(Operation(6))),
        ("0000: 03 05", Status::FAIL, Problem::Pool(5)),
        ("0000: 00 00", Status::INVALID_ARG, Problem::Unterminated { field: "key" }),
        ("0000: 02 00\n0004: 04\n0008 t: Name", Status::INVALID_ARG, Problem::Unterminated { field: "key" }),
        (
            "0000: 02 00\n0004: 01 02",
            Status::INVALID_ARG,
            Problem::TooLong { field: "key", size: 513, max: 512 },
        ),
        ("0000: 02 00\n0004: 03\n0008: c3 28 00", Status::INVALID_ARG, Problem::NotUtf8 { field: "key" }),
    ] {
        assert_eq!(parse(&message(text)), Err(Refusal { status, why }), "{text}");
    }
}

#[test]
fn answers_too_long_for_their_fields_are_refused_and_write_nothing() {
    let request = Request::Enumerate { pool: Pool::Guest, index: 0 };
    let mut bytes = vec![0xee; MESSAGE_BYTES];
    for (key, value) in [("k".repeat(512), String::new()), (String::new(), "v".repeat(2048))] {
        let refusal = fill(&request, &Reply::Item { key, value }, &mut bytes).unwrap_err();
        assert_eq!(refusal.status, Status::INVALID_ARG);
        assert!(bytes.iter().all(|byte| *byte == 0xee));
    }
    let longest = Reply::Item { key: "k".repeat(511), value: "v".repeat(2047) };
    fill(&request, &longest, &mut bytes).unwrap();
    assert_eq!((bytes[12..20].to_vec(), bytes[531], bytes[2579]), (vec![0, 2, 0, 0, 0, 8, 0, 0], 0, 0));
}

#[test]
fn replies_that_do_not_answer_the_request_are_refused() {
    let request = Request::Delete { pool: Pool::Guest, key: "k".into() };
    let refusal = fill(&request, &Reply::Value("v".into()), &mut register()).unwrap_err();
    assert_eq!(refusal, Refusal { status: Status::FAIL, why: Problem::ReplyKind });
}

proptest! {
    #[test]
    fn noise_is_a_request_or_a_refusal(
        head in proptest::collection::vec(any::<u8>(), 0..64),
        operation in 0..7_u8,
        rest in any::<u8>(),
    ) {
        let mut bytes = vec![rest; MESSAGE_BYTES];
        bytes[..head.len()].copy_from_slice(&head);
        bytes[0] = operation;
        if let Ok(Request::Get { key, .. } | Request::Set { key, .. } | Request::Delete { key, .. }) = parse(&bytes) {
            prop_assert!(key.len() < 512 && !key.contains('\0'));
        }
    }
}
