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
    assert_eq!(said(&[(0, &[4, 1]), (28, b"0\x000\0")]), "KVP GET_IP_INFO request pool=guest adapter=\"00\"");
    assert_eq!(said(&[(0, &[4, 1, b'0', 0])]), "KVP GET_IP_INFO request pool=guest adapter=\"0\"");
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
    assert_eq!(said(4, 4, &time[..24]), "TIMESYNC request SYNC parent=1 reference=2");
    assert_eq!(said(4, 3, &time), "TIMESYNC request SAMPLE parent=1 child=2 round-trip=1");
    assert_eq!(said(5, 5, &[2, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]), "VSS HOT_BACKUP request flags=0x00000005");
    let mut freeze = vec![5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    freeze.resize(6260, 0);
    assert_eq!(said(5, 5, &freeze), "VSS FREEZE request backup-type=1 flags=0x00000002 luns=3");
    assert_eq!(said(5, 5, &[77]), "VSS UNKNOWN(77) request");
    assert_eq!(
        said(1, 3, &[7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        "HEARTBEAT request sequence=7 application=1"
    );
    for (kind, name) in [(3, "SHUTDOWN"), (4, "TIMESYNC"), (5, "VSS")] {
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
