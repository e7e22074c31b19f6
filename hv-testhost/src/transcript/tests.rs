use std::io;
use std::sync::{Arc, Mutex};

use hv_utils_core::wire::PacketHeader;

use super::*;
use crate::link::scripted::Scripted;

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

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_recorded_link_passes_everything_on_and_writes_it_down() {
    let shared = Shared::default();
    let link = Scripted::new(|packet| vec![packet.clone()]);
    let mut recorded = Recorded::new(link, Ic::Kvp, Some(Transcript::to(Box::new(shared.clone()))));
    let sent = kvp_message(&[(0, &[3, 2])]);
    recorded.send(&sent).await.unwrap();
    assert_eq!(recorded.recv().await.unwrap(), sent);
    recorded.link.full = true;
    assert!(!recorded.try_send(&sent).unwrap(), "what was not sent is not written down");
    recorded.link.waiting.push_back(Err(LinkError::Closed));
    assert!(recorded.recv().await.is_err());
    drop(recorded);
    let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.split_at(13).1).collect();
    let said = format!("kvp       KVP ENUMERATE request pool=auto index=0{TAIL}");
    let expected = [
        "-- kvp       channel opened".to_owned(),
        format!("-> {said}"),
        format!("<- {said}"),
        "-- kvp       the guest closed the channel".to_owned(),
        "-- kvp       channel closed by the host's end".to_owned(),
    ];
    assert_eq!(lines, expected);
}
