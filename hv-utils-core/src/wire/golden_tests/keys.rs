//! GET, SET, DELETE and ENUMERATE: 16 + 8 + 20 + 2580 bytes and a footer. They are the same in every version but
//! for the version itself (0x1e).

use super::*;
use crate::wire::kvp::Pool;
use crate::wire::kvp::raw::HostValue;

const BYTES: usize = 2632;

/// Each version with its bytes in the header.
const VERSIONS: [(Version, &str); 4] = [
    (V1, "001e: 01 00 00 00"),
    (V3, "001e: 03 00 00 00"),
    (V4, "001e: 04 00 00 00"),
    (V5, "001e: 05 00 00 00"),
];

const HEADERS: &str = "
    0000: 06 00 02 00 48 01 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 28 0a 00 00 03 00 00 00 02 00 00 00
    0020: 00 00 14 0a 00 00 00 00 00 03 00 00";

fn packet(version: &str, text: &str) -> Vec<u8> {
    sparse(BYTES, &format!("{HEADERS}\n{version}\n{text}"))
}

fn key() -> String {
    "Name".into()
}

#[test]
fn get_is_answered_with_the_value() {
    for (version, bytes) in VERSIONS {
        let asked = packet(
            bytes,
            "002c: 00 01
             0034: 0a 00 00 00
             003c: 4e 00 61 00 6d 00 65 00 00 00",
        );
        let host = HostRequest::Get { pool: 1, key: "Name".into() };
        assert_same(&host_kvp(version, &host), &asked);
        let request = Request::Get { pool: Pool::Guest, key: key() };
        // One unit outside the first plane: U+1F600 is d83d de00.
        let reply = Reply::Value("a\u{1f600}".into());
        let sent = kvp(version, &asked, &request, Ok(reply.clone()));
        let expected = patched(
            &asked,
            "0029: 05
             0030: 01 00 00 00 0a 00 00 00 08 00 00 00
             023c: 61 00 3d d8 00 de 00 00",
        );
        assert_same(&sent, &expected);
        assert_eq!(host_reply(version, &host, &sent), reply);
    }
}

#[test]
fn get_of_a_missing_key_is_answered_by_no_more_items() {
    let asked = packet("001e: 04", "002c: 00 01\n0034: 0a 00 00 00\n003c u: Name");
    let request = Request::Get { pool: Pool::Guest, key: key() };
    let sent = kvp(V4, &asked, &request, Err(Status::NO_MORE_ITEMS));
    assert_same(&sent, &patched(&asked, "0024: 03 01 07 80\n0029: 05"));
}

#[test]
fn set_carries_text() {
    for (version, bytes) in VERSIONS {
        let asked = packet(
            bytes,
            "002c: 01 00
             0030: 01 00 00 00 0a 00 00 00 06 00 00 00
             003c: 4e 00 61 00 6d 00 65 00 00 00
             023c: 68 00 69 00 00 00",
        );
        let host = HostRequest::Set { pool: 0, key: "Name".into(), value: HostValue::text("hi") };
        assert_same(&host_kvp(version, &host), &asked);
        let request = Request::Set { pool: Pool::External, key: key(), value: "hi".into() };
        let sent = kvp(version, &asked, &request, Ok(Reply::Done));
        assert_same(&sent, &patched(&asked, "0029: 05"));
        assert_eq!(host_reply(version, &host, &sent), Reply::Done);
    }
}

#[test]
fn set_carries_integers_that_become_decimal_text() {
    for (value, text, bytes) in [
        (
            HostValue::dword(u32::MAX),
            "4294967295",
            "0030: 04 00 00 00 0a 00 00 00 04 00 00 00\n023c: ff ff ff ff",
        ),
        (
            HostValue::qword(u64::MAX),
            "18446744073709551615",
            "0030: 0b 00 00 00 0a 00 00 00 08 00 00 00\n023c: ff ff ff ff ff ff ff ff",
        ),
        (
            HostValue::expand("%x%"),
            "%x%",
            "0030: 02 00 00 00 0a 00 00 00 08 00 00 00\n023c: 25 00 78 00 25 00 00 00",
        ),
    ] {
        let asked = packet("001e: 05", &format!("002c: 01 03\n003c u: Name\n{bytes}"));
        let host = HostRequest::Set { pool: 3, key: "Name".into(), value };
        assert_same(&host_kvp(V5, &host), &asked);
        let request = Request::Set { pool: Pool::AutoExternal, key: key(), value: text.into() };
        kvp(V5, &asked, &request, Ok(Reply::Done));
    }
}

#[test]
fn delete_has_its_key_eight_bytes_earlier() {
    for (version, bytes) in VERSIONS {
        let asked = packet(bytes, "002c: 02 01\n0030: 0a 00 00 00 4e 00 61 00 6d 00 65 00 00 00");
        let host = HostRequest::Delete { pool: 1, key: "Name".into() };
        assert_same(&host_kvp(version, &host), &asked);
        let request = Request::Delete { pool: Pool::Guest, key: key() };
        let sent = kvp(version, &asked, &request, Ok(Reply::Done));
        assert_same(&sent, &patched(&asked, "0029: 05"));
        let sent = kvp(version, &asked, &request, Err(Status::NO_MORE_ITEMS));
        assert_same(&sent, &patched(&asked, "0024: 03 01 07 80\n0029: 05"));
    }
}

#[test]
fn enumerate_is_answered_with_key_and_value_and_stale_bytes_are_zeroed() {
    for (version, bytes) in VERSIONS {
        let asked = packet(bytes, "002c: 03 02\n0030: 04 03 02 01");
        let host = HostRequest::Enumerate { pool: 2, index: 0x0102_0304 };
        assert_same(&host_kvp(version, &host), &asked);
        let request = Request::Enumerate { pool: Pool::Auto, index: 0x0102_0304 };
        let reply = Reply::Item { key: "OSName".into(), value: "Debian".into() };
        // A host that does not zero its buffers: what is left in key and value must not come back.
        let dirty = patched(&asked, "0060: ff ff ff ff\n023e: ff ff\n0260: ff ff ff ff\n0a3e: ff ff");
        let sent = kvp(version, &dirty, &request, Ok(reply.clone()));
        let expected = patched(
            &asked,
            "0029: 05
             0034: 01 00 00 00 0e 00 00 00 0e 00 00 00
             0040: 4f 00 53 00 4e 00 61 00 6d 00 65 00 00 00
             0240: 44 00 65 00 62 00 69 00 61 00 6e 00 00 00",
        );
        assert_same(&sent, &expected);
        assert_eq!(host_reply(version, &host, &sent), reply);
    }
}

#[test]
fn enumerate_beyond_the_end_is_answered_by_no_more_items() {
    let asked = packet("001e: 04", "002c: 03 01\n0030: ff ff ff ff");
    let request = Request::Enumerate { pool: Pool::Guest, index: u32::MAX };
    let sent = kvp(V4, &asked, &request, Err(Status::NO_MORE_ITEMS));
    assert_same(&sent, &patched(&asked, "0024: 03 01 07 80\n0029: 05"));
}

#[test]
fn unknown_operations_and_pools_fail_and_bad_text_is_an_invalid_argument() {
    let get = "0034: 0a 00 00 00\n003c u: Name";
    let fail = "0024: 05 40 00 80";
    let invalid = "0024: 57 00 07 80";
    for (text, status) in [
        ("002c: 06 00".into(), fail),
        ("002c: 64 00".into(), fail),
        (format!("{get}\n002c: 00 05"), fail),
        (format!("{get}\n002c: 00 ff"), fail),
        ("002c: 03 05".into(), fail),
        (format!("{get}\n0034: 09"), invalid),
        (format!("{get}\n0034: 08"), invalid),
        (format!("{get}\n0034: 00"), invalid),
        (format!("{get}\n0034: 02 02"), invalid),
        (format!("{get}\n0034: ff ff ff ff"), invalid),
        (format!("{get}\n003c: 00 d8"), invalid),
    ] {
        let asked = packet("001e: 04", &text);
        let (_, sent) = refused(V4, &asked);
        assert_same(&sent, &patched(&asked, &format!("0029: 05\n{status}")));
    }
}
