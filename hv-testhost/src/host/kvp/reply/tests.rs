use hv_utils_core::wire::{PacketHeader, Status};

use super::*;
use crate::link::Packet;

/// A body of 2580 bytes with the given bytes at the given offsets.
fn reply(parts: &[(usize, &[u8])]) -> Reply {
    let mut body = vec![0u8; 2580];
    for (at, bytes) in parts {
        body[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    let packet = Packet { header: PacketHeader::in_band(0), payload: Vec::new() };
    Reply { status: Status::OK, body, packet }
}

/// An enumerated item: type, sizes, key "ab" and value "x", then whatever is to be different.
fn item_with(parts: &[(usize, &[u8])]) -> (Result<Item, Problem>, Vec<Problem>) {
    let mut all: Vec<(usize, &[u8])> =
        vec![(0, &[3]), (8, &[1]), (12, &[6]), (16, &[4]), (20, b"a\0b\0"), (532, b"x\0")];
    all.extend_from_slice(parts);
    let mut tolerated = Vec::new();
    (enumerated(Pool::Guest, &reply(&all), &mut tolerated), tolerated)
}

fn wrong(parts: &[(usize, &[u8])]) -> String {
    item_with(parts).0.unwrap_err().to_string()
}

#[test]
fn an_enumerated_item_is_read_from_its_offsets() {
    let (item, tolerated) = item_with(&[]);
    assert_eq!(item, Ok(Item { pool: Pool::Guest, key: "ab".to_owned(), value: "x".to_owned() }));
    assert_eq!(tolerated, []);
}

#[test]
fn a_value_that_was_asked_for_lies_four_bytes_before_an_enumerated_one() {
    let parts: [(usize, &[u8]); 5] = [(4, &[1]), (8, &[4]), (12, &[6]), (16, b"k\0"), (528, b"v\0w\0")];
    let item = got(Pool::External, &reply(&parts), &mut Vec::new()).unwrap();
    assert_eq!((item.key.as_str(), item.value.as_str()), ("k", "vw"));
}

#[test]
fn numbers_are_shown_in_decimal() {
    let number = |parts: &[(usize, &[u8])]| item_with(parts).0.unwrap().value;
    assert_eq!(number(&[(8, &[4]), (16, &[4]), (532, &[0xff; 4])]), "4294967295");
    assert_eq!(number(&[(8, &[11]), (16, &[8]), (532, &[1, 0, 0, 0, 1, 0, 0, 0])]), "4294967297");
    assert_eq!(number(&[(8, &[2]), (532, b"%\0")]), "%");
}

#[test]
fn what_a_real_host_cannot_use_is_named() {
    assert_eq!(wrong(&[(12, &[4])]), "key: no NUL at the end of the 4 bytes its size counts");
    assert_eq!(wrong(&[(12, &[0])]), "key: no NUL at the end of the 0 bytes its size counts");
    assert_eq!(wrong(&[(12, &[5])]), "key: odd size 5");
    assert_eq!(wrong(&[(12, &[0x02, 0x02])]), "key: size 514, the field has 512");
    assert_eq!(wrong(&[(16, &[0xff, 0xff, 0xff, 0xff])]), "value: size 4294967295, the field has 2048");
    assert_eq!(wrong(&[(8, &[8]), (16, &[8])]), "value: type 8, must be 1, 2, 4 or 11");
    assert_eq!(wrong(&[(8, &[4]), (16, &[8])]), "value: size 8 for the number type 4");
    assert_eq!(wrong(&[(8, &[0])]), "value: type 0, must be 1, 2, 4 or 11");
    let mut short = reply(&[]);
    short.body.truncate(2579);
    let problem = enumerated(Pool::Guest, &short, &mut Vec::new()).unwrap_err();
    assert_eq!(problem, Problem::BodyShort { what: "item", needed: 2580, present: 2579 });
}

#[test]
fn a_full_field_is_read_to_its_last_unit() {
    let mut key = vec![b'k'; 512];
    for unit in key.chunks_mut(2) {
        unit[1] = 0;
    }
    key[510] = 0;
    let (item, _) = item_with(&[(12, &[0x00, 0x02]), (20, &key)]);
    assert_eq!(item.unwrap().key, "k".repeat(255));
}

#[test]
fn bytes_counted_beyond_the_first_nul_are_noted() {
    let (item, tolerated) = item_with(&[(12, &[10])]);
    assert_eq!(item.unwrap().key, "ab");
    assert_eq!(tolerated, [Problem::TextAfterNul("key")]);
}

#[test]
fn operation_and_pool_must_come_back() {
    let same = reply(&[(0, &[3, 1])]);
    assert_eq!(echoed(&[3, 1, 0, 0, 0, 0, 0, 0], &same), None);
    assert_eq!(echoed(&[1, 1, 0, 0], &same), Some(Problem::NotEchoed("the operation")));
    assert_eq!(echoed(&[3, 2, 0, 0], &same), Some(Problem::NotEchoed("the pool")));
    let index = "the index: is it the answer to an earlier request?";
    assert_eq!(echoed(&[3, 1, 0, 0, 7, 0, 0, 0], &same), Some(Problem::NotEchoed(index)));
    let mut headers_alone = same;
    headers_alone.body.clear();
    assert_eq!(echoed(&[3, 1, 0, 0], &headers_alone), None);
}
