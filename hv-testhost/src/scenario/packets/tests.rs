use hv_utils_core::wire::PacketHeader;

use super::*;
use crate::scenario::fields::{BytesAt, Hex};

#[test]
fn changes_are_made_where_they_belong() {
    let mut payload = vec![0u8; 28];
    let changes = Mutate {
        set: vec![BytesAt { at: 30, hex: Hex(vec![0xaa, 0xbb]) }],
        pipe_type: Some(2),
        pipe_size: Some(0x0102_0304),
        message_type: Some(9),
        message_size: Some(0xffff),
        status: Some(0x8000_4005),
        transaction_id: Some(7),
        flags: Some(5),
        extend_to: None,
        truncate_to: None,
    };
    mutate(&mut payload, &changes);
    let expected = [
        2, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0xff, 0xff, 0x05, 0x40, 0x00, 0x80, 7, 5, 0, 0,
        0, 0, 0xaa, 0xbb,
    ];
    assert_eq!(payload, expected);
    mutate(&mut payload, &Mutate { extend_to: Some(40), truncate_to: Some(36), ..Mutate::default() });
    assert_eq!(payload.len(), 36);
}

#[test]
fn nothing_is_changed_where_nothing_is_ordered() {
    let mut packet = Packet { header: PacketHeader::in_band(3), payload: vec![1, 2, 3] };
    let before = packet.clone();
    mutate(&mut packet.payload, &Mutate::default());
    describe(&mut packet, &PacketFields::default());
    assert_eq!(packet, before);
    describe(&mut packet, &PacketFields { kind: Some(7), flags: Some(2), transaction_id: Some(9) });
    assert_eq!(packet.header, PacketHeader { kind: 7, flags: 2, transaction_id: 9 });
}

#[test]
fn requests_claim_the_full_size_of_texts_that_are_cut() {
    let request = Request { key: "k".repeat(300), value: "v".to_owned(), ..Request::enumerate(0, 0) };
    let body = body(&Request { op: 1, ..request }, Version::new(5, 0)).unwrap();
    assert_eq!(body.len(), 2580);
    assert_eq!(body[8..12], 602u32.to_le_bytes());
    assert_eq!(body[524..528], [b'k', 0, b'k', 0]);
}

#[test]
fn operations_without_a_layout_are_zeros_behind_their_number() {
    let request = |op| Request { op, ..Request::enumerate(2, 0) };
    let unknown = body(&request(99), Version::new(5, 0)).unwrap();
    assert_eq!((unknown.len(), &unknown[..4]), (2580, &[99, 2, 0, 0][..]));
    assert!(unknown[4..].iter().all(|byte| *byte == 0));
    assert_eq!(body(&request(5), Version::new(5, 0)).unwrap().len(), 7428);
}
