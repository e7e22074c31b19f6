use super::*;
use crate::wire::hex::{assert_same, sparse};

/// A heartbeat request with a body of 16 bytes, padded as it comes out of a ring.
fn heartbeat() -> Vec<u8> {
    sparse(
        48,
        "00: 01 00 00 00 24 00 00 00 03 00 00 00 01 00 03 00
         10: 00 00 10 00 00 00 00 00 00 03 00 00 07 00 00 00",
    )
}

#[test]
fn header_and_body_are_found() {
    let payload = heartbeat();
    let message = Message::parse(&payload).unwrap();
    let v3 = Version::new(3, 0);
    let expected = IcHeader { size: 16, ..IcHeader::request(v3, 1, v3) };
    assert_eq!(message.header, expected);
    assert_eq!(message.body, [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&payload[message.body_range()], message.body);
}

#[test]
fn encoding_gives_the_same_bytes_without_padding() {
    let mut out = vec![9; 3];
    let payload = heartbeat();
    let message = Message::parse(&payload).unwrap();
    encode(&message.header, message.body, &mut out);
    assert_same(&out, &payload[..44]);
}

#[test]
fn every_header_field_has_its_place() {
    let header = IcHeader {
        framework: Version::new(0x0201, 0x0403),
        message_type: 0x0605,
        message_version: Version::new(0x0807, 0x0a09),
        size: 0,
        status: Status(0x1413_1211),
        transaction_id: 0x15,
        flags: 0x16,
    };
    let mut out = Vec::new();
    encode(&header, &[], &mut out);
    let expected = sparse(
        28,
        "00: 01 00 00 00 14 00 00 00
         08: 01 02 03 04 05 06 07 08 09 0a 00 00 11 12 13 14 15 16 00 00",
    );
    assert_same(&out, &expected);
    assert_eq!(Message::parse(&out).unwrap().header, header);
}

#[test]
fn size_of_the_ic_header_may_be_smaller_than_the_body() {
    let mut payload = heartbeat();
    payload[18] = 0;
    let message = Message::parse(&payload).unwrap();
    assert_eq!((message.header.size, message.body.len()), (0, 16));
}

#[test]
fn impossible_shapes_are_refused() {
    let whole = heartbeat();
    for length in 0..28 {
        let error = MessageError::Truncated { actual: length };
        assert_eq!(Message::parse(&whole[..length]), Err(error));
    }
    for (offset, value, error) in [
        (0, 2, MessageError::PipeType(2)),
        (3, 1, MessageError::PipeType(0x0100_0001)),
        (4, 19, MessageError::PipeSize { claimed: 19, available: 40 }),
        (4, 41, MessageError::PipeSize { claimed: 41, available: 40 }),
        (7, 0x80, MessageError::PipeSize { claimed: 0x8000_0024, available: 40 }),
        (18, 17, MessageError::BodySize { claimed: 17, available: 16 }),
        (19, 0xff, MessageError::BodySize { claimed: 0xff10, available: 16 }),
    ] {
        let mut payload = whole.clone();
        payload[offset] = value;
        assert_eq!(Message::parse(&payload), Err(error), "byte {offset} = {value}");
    }
}

#[test]
fn more_than_a_pipe_carries_is_refused() {
    let mut payload = vec![0; MAX_PAYLOAD + 8];
    payload[0] = 1;
    payload[4..8].copy_from_slice(&16384_u32.to_le_bytes());
    assert_eq!(Message::parse(&payload).unwrap().body.len(), 16384 - 20);
    payload[4..8].copy_from_slice(&16385_u32.to_le_bytes());
    assert!(matches!(Message::parse(&payload), Err(MessageError::PipeSize { claimed: 16385, .. })));
}

#[test]
fn a_body_beyond_the_pipe_is_cut_when_encoding() {
    let mut out = Vec::new();
    let v3 = Version::new(3, 0);
    encode(&IcHeader::request(v3, 2, v3), &[0; 20000], &mut out);
    assert_eq!(out.len(), MAX_PAYLOAD);
    assert!(Message::parse(&out).is_ok());
}
