use super::*;

/// A packet of 8 payload bytes, completion requested, transaction id 0x0102030405060708.
const PACKET: [u8; 24] = [
    8, 0, 0, 0, 6, 0, 1, 0, 8, 7, 6, 5, 4, 3, 2, 1, //
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
];
const OPENED_BYTES: [u8; 16] = [0, 0, 0, 0, 0xf0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const CLOSED_BYTES: [u8; 16] = [0, 0, 0, 0, 0xf1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn decoded() -> Packet {
    let header = PacketHeader { kind: 6, flags: 1, transaction_id: 0x0102_0304_0506_0708 };
    Packet { header, payload: (0xa0..=0xa7).collect() }
}

#[test]
fn a_packet_and_the_notices_are_the_bytes_of_the_description() {
    let mut out = Vec::new();
    packet(&decoded(), &mut out);
    assert_eq!(out, PACKET);
    for (kind, low) in [(OPENED, 0xf0), (RESCIND, 0xf2), (OFFER, 0xf3)] {
        let mut out = Vec::new();
        notice(kind, &mut out);
        assert_eq!(out, [0, 0, 0, 0, low, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}

#[test]
fn frames_are_the_same_wherever_the_stream_is_cut() {
    let stream = [&OPENED_BYTES[..], &PACKET, &PACKET, &CLOSED_BYTES].concat();
    for size in 1..=stream.len() {
        let mut inbox = Inbox::default();
        let mut got = Vec::new();
        for part in stream.chunks(size) {
            inbox.filled(part);
            while let Some(frame) = inbox.next().unwrap() {
                got.push(frame);
            }
        }
        let packet = Frame::Packet(decoded());
        assert_eq!(got, [Frame::Opened, packet.clone(), packet, Frame::Closed], "in parts of {size}");
    }
}

#[test]
fn the_longest_frame_is_read_and_one_byte_more_is_refused_before_it_comes() {
    let mut inbox = Inbox::default();
    inbox.filled(&[0, 0x40, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(inbox.next(), Ok(None));
    inbox.filled(&[7; 16384]);
    let Ok(Some(Frame::Packet(longest))) = inbox.next() else { panic!() };
    assert_eq!(longest.payload, [7; 16384]);
    inbox.filled(&[1, 0x40, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(inbox.next(), Err(FrameError::TooLong(16385)));
    let mut inbox = Inbox::default();
    inbox.filled(&[0xff; 16]);
    assert_eq!(inbox.next(), Err(FrameError::TooLong(u32::MAX)));
}

#[test]
fn types_that_no_virtual_machine_sends_are_refused() {
    for kind in [0u16, 7, 9, 0xb, RESCIND, OFFER, 0xffff] {
        let mut bytes = OPENED_BYTES;
        bytes[4..6].copy_from_slice(&kind.to_le_bytes());
        let mut inbox = Inbox::default();
        inbox.filled(&bytes);
        assert_eq!(inbox.next(), Err(FrameError::UnknownType(kind)));
    }
    let mut inbox = Inbox::default();
    inbox.filled(&[8, 0, 0, 0, 0xf1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(inbox.next(), Err(FrameError::Notice(CLOSED, 8)));
}
