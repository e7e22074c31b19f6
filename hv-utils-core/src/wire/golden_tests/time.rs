//! A host's time, as a packet, and its answer.

use super::*;
use crate::wire::timesync::{self, SYNC, TimeMessage};

/// SYNC of 4.0, parent time 0x01dc5b2a00000000, reference 0x1234567.
const SYNC_4: &str = "
    0000: 06 00 02 00 09 00 00 00 08 07 06 05 04 03 02 01
    0010: 01 00 00 00 2c 00 00 00 03 00 00 00 04 00 04 00
    0020: 00 00 18 00 00 00 00 00 00 03 00 00 00 00 00 00
    0030: 2a 5b dc 01 67 45 23 01 00 00 00 00 01 00 00 00
    0040: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00";

#[test]
fn a_time_is_read_and_goes_back_as_it_came() {
    let packet = sparse(80, SYNC_4);
    let message = TimeMessage {
        parent_time: 0x01dc_5b2a_0000_0000,
        reference: Some(0x123_4567),
        flags: SYNC,
        ..TimeMessage::default()
    };
    let (_, sent) = deliver(&mut session(Ic::TimeSync, V4), &packet, |version, body| {
        assert_eq!(timesync::parse(body, version), Ok(message));
        Status::OK
    });
    assert_same(&sent.unwrap(), &patched(&packet, "0029: 05"));
}

#[test]
fn a_time_without_its_flags_is_refused() {
    // Pipe header and IC header count 16 bytes of body; what follows is padding as good as any.
    let packet = patched(&sparse(80, SYNC_4), "0014: 24\n0022: 10");
    let (_, sent) = deliver(&mut session(Ic::TimeSync, V4), &packet, |version, body| {
        timesync::parse(body, version).unwrap_err().status()
    });
    assert_same(&sent.unwrap(), &patched(&packet, "0024: 05 40 00 80\n0029: 05"));
}

#[test]
fn the_host_makes_the_same_request() {
    let memory = memory();
    let (mut producer, _) = host_ends(memory.clone(), CONTROL).unwrap();
    let mut payload = Vec::new();
    let message = TimeMessage {
        parent_time: 0x01dc_5b2a_0000_0000,
        reference: Some(0x123_4567),
        flags: SYNC,
        ..TimeMessage::default()
    };
    encode(&IcHeader::request(V3, 4, V4), &timesync::encode(&message, V4), &mut payload);
    let _ = producer.push(PacketHeader::in_band(TRANSACTION), &payload).unwrap();
    assert_same(&ring_bytes(&memory, 1), &sparse(80, SYNC_4));
}
