use hv_utils_core::wire::PacketHeader;

use super::*;
use crate::link::Packet;

fn packet(payload: &[u8]) -> Packet {
    Packet { header: PacketHeader::in_band(0), payload: payload.to_vec() }
}

/// A KVP message with the given bytes at offsets of its body.
fn kvp_message(parts: &[(usize, &[u8])]) -> Packet {
    let mut payload =
        vec![1, 0, 0, 0, 0x28, 0x0a, 0, 0, 3, 0, 0, 0, 2, 0, 5, 0, 0, 0, 0x14, 0x0a, 0, 0, 0, 0, 0, 3, 0, 0];
    payload.resize(28 + 2580, 0);
    for (at, bytes) in parts {
        payload[28 + at..28 + at + bytes.len()].copy_from_slice(bytes);
    }
    packet(&payload)
}

const TAIL: &str = " flags=0x03 id=0 vmbus-id=0x0 length=2600";

#[test]
fn every_kvp_operation_has_its_words() {
    let said =
        |parts: &[(usize, &[u8])]| describe(&kvp_message(parts)).strip_suffix(TAIL).unwrap().to_owned();
    assert_eq!(said(&[(0, &[0, 1]), (8, &[4]), (16, b"k\0")]), "KVP GET request pool=guest key=\"k\"");
    let set = said(&[(0, &[1, 0]), (4, &[1]), (8, &[4]), (12, &[4]), (16, b"k\0"), (528, b"\x1b\0")]);
    assert_eq!(set, "KVP SET request pool=external key=\"k\" value=\"\\u{1b}\"");
    let number = said(&[(0, &[1, 0]), (4, &[4]), (8, &[4]), (12, &[4]), (16, b"k\0"), (528, &[1, 1])]);
    assert_eq!(number, "KVP SET request pool=external key=\"k\" value=257 (dword)");
    let number = said(&[(0, &[1, 0]), (4, &[11]), (8, &[4]), (12, &[8]), (16, b"k\0"), (528, &[1])]);
    assert_eq!(number, "KVP SET request pool=external key=\"k\" value=1 (qword)");
    let odd = said(&[(0, &[1, 0]), (4, &[3]), (12, &[8])]);
    assert_eq!(odd, "KVP SET request pool=external key=\"\" value of type 3, 8 bytes");
    assert_eq!(said(&[(0, &[2, 9]), (4, &[4]), (8, b"k\0")]), "KVP DELETE request pool=9 key=\"k\"");
    assert_eq!(said(&[(0, &[3, 2]), (4, &[7])]), "KVP ENUMERATE request pool=auto index=7");
    assert_eq!(said(&[(0, &[77, 2])]), "KVP UNKNOWN(77) request pool=auto");
}

/// An IP message of a major version with the given bytes at offsets of its body, in words.
fn ip_message(major: u8, parts: &[(usize, &[u8])]) -> String {
    let mut payload = kvp_message(&[]).payload;
    payload[14] = major;
    payload.resize(28 + 7428, 0);
    for (at, bytes) in parts {
        payload[28 + at..28 + at + bytes.len()].copy_from_slice(bytes);
    }
    for length in 28..payload.len() {
        describe(&packet(&payload[..length]));
    }
    describe(&packet(&payload)).strip_suffix(TAIL).unwrap().to_owned()
}

#[test]
fn the_configuration_of_an_adapter_has_its_words_in_both_forms() {
    let asked = ip_message(4, &[(0, &[4, 1, b'0', 0]), (258, &[3])]);
    assert_eq!(asked, "KVP GET_IP_INFO request pool=guest adapter=\"0\" family=3");
    let asked = ip_message(5, &[(0, &[4, 1, 0, 0]), (28, b"0\x000\0")]);
    assert_eq!(asked, "KVP GET_IP_INFO request pool=guest adapter=\"00\" family=0");
    let lists: [(usize, &[u8]); 6] = [
        (0, &[5, 1, b'a', 0]),
        (258, &[1, 1]),
        (260, b"1\0;\0"),
        (2308, b"2\0\x1b\0"),
        (4356, b"3\0"),
        (5380, b"4\0"),
    ];
    let text = "KVP SET_IP_INFO request pool=guest adapter=\"a\" family=1 dhcp=1 addresses=\"1;\" \
                subnets=\"2\\u{1b}\" gateways=\"3\" dns=\"4\"";
    assert_eq!(ip_message(3, &lists), text);
    let mut lists: Vec<(usize, &[u8])> = vec![
        (0, &[5, 1]),
        (4, &[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]),
        (284, &[3]),
        (288, &[10, 0, 0, 4]),
        (544, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (1568, &[255, 255, 255, 0]),
        (1824, &[64]),
        (2100, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
        (2180, &[8, 8, 8, 8, 1, 1, 1, 1]),
        (3460, &[1, 0, 2, 0]),
    ];
    let binary = "addresses=\"10.0.0.4;fe80::1\" subnets=\"255.255.255.0;64\" gateways=\"fe80::2\" \
                  dns=\"8.8.8.8;1.1.1.1\" origins=\"1;2\"";
    let start = "KVP SET_IP_INFO request pool=guest adapter=\"\" family=3";
    assert_eq!(ip_message(5, &lists), format!("{start} {binary}"));
    lists.push((12, &[6]));
    let said = ip_message(5, &lists);
    assert!(said.contains(" counts=[1, 1, 6, 1, 2, 0] addresses"), "{said}");
    assert!(said.contains(" gateways=\"0.0.0.0;0.0.0.0;0.0.0.0;0.0.0.0;0.0.0.0;fe80::2\""), "{said}");
}

#[test]
fn packets_that_make_no_sense_are_shown_as_bytes_and_never_panic() {
    assert_eq!(describe(&packet(&[1, 2, 3])), "no IC message: 01 02 03 (3 bytes)");
    let mut odd = packet(&[0; 28]);
    odd.header.kind = 7;
    odd.header.flags = 2;
    assert!(describe(&odd).starts_with("[packet type 7 flags 0x2] no IC message: 00"));
    let full = kvp_message(&[(0, &[3, 2]), (8, &[0xff; 12])]);
    for length in 0..full.payload.len() {
        describe(&packet(&full.payload[..length]));
    }
    let mut negotiate = full.payload.clone();
    negotiate[12] = 0;
    negotiate[28..32].copy_from_slice(&[0xff; 4]);
    assert!(describe(&packet(&negotiate)).starts_with("NEGOTIATE request 65535/65535:"));
}

/// A message of a type and a major version, with a body.
fn message(kind: u8, major: u8, flags: u8, body: &[u8]) -> Packet {
    let length = u8::try_from(20 + body.len()).unwrap_or(0xff);
    let mut payload = vec![1, 0, 0, 0, length, 0, 0, 0, 3, 0, 0, 0, kind, 0, major, 0, 0, 0, 0, 0];
    payload.extend_from_slice(&[0, 0, 0, 0, 0, flags, 0, 0]);
    payload.extend_from_slice(body);
    packet(&payload)
}

#[test]
fn the_other_services_have_their_words_too() {
    let said = |kind, major, body: &[u8]| {
        let text = describe(&message(kind, major, 3, body));
        text.split(" flags=0x03").next().unwrap().to_owned()
    };
    let mut down = vec![0, 0, 0, 0x80, 30, 0, 0, 0, 3, 0, 0, 0, b'b', 0, b'y', 0, 0, 0];
    down.resize(2060, 0);
    let words = "SHUTDOWN request restart force reason=0x80000000 timeout=30 message=\"by\"";
    assert_eq!(said(3, 3, &down), words);
    let time = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
    let start = "parent=1 (1601-01-01T00:00:00.0000001Z)";
    let words = format!("TIMESYNC request SYNC {start} reference=2 leap=0 stratum=0");
    assert_eq!(said(4, 4, &time[..24]), words);
    let odd = [&time[..16], &[0x80, 3, 15, 0, 0, 0, 0, 0]].concat();
    let words = format!("TIMESYNC request PROBE+0x80 {start} reference=2 leap=3 stratum=15");
    assert_eq!(said(4, 4, &odd), words);
    let words = format!("TIMESYNC request SAMPLE {start} child=2 round-trip=1");
    assert_eq!(said(4, 3, &time), words);
    assert_eq!(said(5, 5, &[2, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]), "VSS HOT_BACKUP request flags=0x00000005");
    let mut freeze = vec![5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    freeze.resize(6260, 0);
    assert_eq!(said(5, 5, &freeze), "VSS FREEZE request backup-type=1 flags=0x00000002 luns=3");
    assert_eq!(said(5, 5, &[77]), "VSS UNKNOWN(77) request");
    assert_eq!(
        said(1, 3, &[7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        "HEARTBEAT request sequence=7 application=1"
    );
    let mut start = vec![0; 1088];
    start[36..40].copy_from_slice(&[b'n', 0, 0x1b, 0]);
    start[556..560].copy_from_slice(&[b'/', 0, b'p', 0]);
    (start[1076], start[1081]) = (3, 1);
    let words = "FCOPY START request path=\"/p\" name=\"n\\u{1b}\" flags=0x00000003 size=256";
    assert_eq!(said(7, 1, &start), words);
    let mut write = vec![0; 52];
    (write[0], write[41], write[48]) = (1, 1, 9);
    assert_eq!(said(7, 1, &write), "FCOPY WRITE request offset=256 bytes=9");
    assert_eq!(said(7, 1, &[2, 0, 0, 0]), "FCOPY COMPLETE request");
    assert_eq!(said(7, 1, &[3, 0, 0, 0]), "FCOPY CANCEL request");
    assert_eq!(said(7, 1, &[4, 0, 0, 0]), "FCOPY UNKNOWN(4) request");
    for length in 0..start.len() {
        describe(&message(7, 1, 3, &start[..length]));
    }
    for (kind, name) in [(3, "SHUTDOWN"), (4, "TIMESYNC"), (5, "VSS"), (7, "FCOPY")] {
        let reply = describe(&message(kind, 4, 5, &[]));
        assert!(
            reply.starts_with(&format!("{name} reply status=0x00000000 (success) flags=0x05")),
            "{reply}"
        );
        for length in 0..40 {
            describe(&message(kind, 4, 3, &vec![0xff; length]));
        }
    }
}
