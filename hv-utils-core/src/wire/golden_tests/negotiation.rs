use super::*;
use crate::wire::{Agreed, RefuseReason};

fn unserved(_: Version, _: &mut [u8]) -> Status {
    panic!("no request is expected")
}

/// What OpenVMM's host sends for KVP: framework 1.0 3.0, messages 3.0 4.0 5.0.
const NEGOTIATE: &str = "
    0000: 06 00 02 00 09 00 00 00 00 00 00 00 00 00 00 00
    0010: 01 00 00 00 30 00 00 00 00 00 00 00 00 00 00 00
    0020: 00 00 1c 00 00 00 00 00 00 03 00 00 02 00 03 00
    0030: 00 00 00 00 01 00 00 00 03 00 00 00 03 00 00 00
    0040: 04 00 00 00 05 00 00 00 00 00 00 00 00 00 00 00";

#[test]
fn choosing_3_0_and_4_0_changes_five_fields_of_the_offer() {
    let mut session = Session::new(Ic::Kvp, Some(V4));
    let (received, sent) = deliver(&mut session, &sparse(80, NEGOTIATE), unserved);
    assert_eq!(received, Received::Negotiated(Agreed { framework: V3, message: V4 }));
    let expected = sparse(
        80,
        "0000: 06 00 02 00 09 00 00 00 00 00 00 00 00 00 00 00
         0010: 01 00 00 00 30 00 00 00 00 00 00 00 00 00 00 00
         0020: 00 00 10 00 00 00 00 00 00 05 00 00 01 00 01 00
         0030: 00 00 00 00 03 00 00 00 04 00 00 00 03 00 00 00
         0040: 04 00 00 00 05 00 00 00 00 00 00 00 00 00 00 00",
    );
    assert_same(&sent.unwrap(), &expected);
}

#[test]
fn choosing_5_0_and_keeping_the_transaction_id() {
    let mut session = Session::new(Ic::Kvp, None);
    let offer = patched(&sparse(80, NEGOTIATE), "0008: 08 07 06 05 04 03 02 01\n0028: 2a");
    let (received, sent) = deliver(&mut session, &offer, unserved);
    assert_eq!(received, Received::Negotiated(Agreed { framework: V3, message: V5 }));
    let expected = patched(&offer, "0022: 10 00\n0029: 05\n002c: 01 00 01 00\n0034: 03 00 00 00 05 00 00 00");
    assert_same(&sent.unwrap(), &expected);
}

#[test]
fn no_common_version_is_answered_by_counts_of_zero_and_failure() {
    // Framework 3.0, messages 9.0: 16 + 8 + 20 + 16 bytes, padded to 64.
    let offer = sparse(
        72,
        "0000: 06 00 02 00 08 00 00 00 00 00 00 00 00 00 00 00
         0010: 01 00 00 00 24 00 00 00 00 00 00 00 00 00 00 00
         0020: 00 00 10 00 00 00 00 00 00 03 00 00 01 00 01 00
         0030: 00 00 00 00 03 00 00 00 09 00 00 00 00 00 00 00",
    );
    let (received, sent) = deliver(&mut Session::new(Ic::Kvp, None), &offer, unserved);
    assert_eq!(received, Received::NoCommonVersion);
    let expected = sparse(
        72,
        "0000: 06 00 02 00 08 00 00 00 00 00 00 00 00 00 00 00
         0010: 01 00 00 00 24 00 00 00 00 00 00 00 00 00 00 00
         0020: 00 00 10 00 05 40 00 80 00 05 00 00 00 00 00 00
         0030: 00 00 00 00 03 00 00 00 09 00 00 00 00 00 00 00",
    );
    assert_same(&sent.unwrap(), &expected);
}

#[test]
fn an_offer_of_nothing_is_refused() {
    let offer = patched(&sparse(80, NEGOTIATE), "002c: 00 00 03 00");
    let (received, sent) = deliver(&mut Session::new(Ic::Kvp, None), &offer, unserved);
    assert!(matches!(received, Received::Refused { why: RefuseReason::Offer(_), status: Status::FAIL }));
    let expected = patched(&offer, "0022: 10 00 05 40 00 80\n0029: 05\n002c: 00 00 00 00");
    assert_same(&sent.unwrap(), &expected);
}

#[test]
fn the_host_makes_the_same_offer() {
    let memory = memory();
    let (mut producer, _) = host_ends(memory.clone(), CONTROL).unwrap();
    let mut payload = Vec::new();
    Offer { framework: vec![V1, V3], message: vec![V3, V4, V5] }.encode(&mut payload);
    let _ = producer.push(PacketHeader::in_band(0), &payload).unwrap();
    assert_same(&ring_bytes(&memory, 1), &sparse(80, NEGOTIATE));
}

#[test]
fn heartbeat_3_0_is_echoed_with_the_next_sequence_number() {
    let beat = sparse(
        72,
        "0000: 06 00 02 00 08 00 00 00 00 00 00 00 00 00 00 00
         0010: 01 00 00 00 24 00 00 00 03 00 00 00 01 00 03 00
         0020: 00 00 10 00 00 00 00 00 00 03 00 00 07 00 00 00",
    );
    let (_, sent) = deliver(&mut session(Ic::Heartbeat, V3), &beat, |_, body| {
        body[0] += 1;
        Status::OK
    });
    assert_same(&sent.unwrap(), &patched(&beat, "0029: 05\n002c: 08"));
}

#[test]
fn time_sync_4_0_is_acknowledged() {
    let sync = sparse(
        80,
        "0000: 06 00 02 00 09 00 00 00 00 00 00 00 00 00 00 00
         0010: 01 00 00 00 2c 00 00 00 03 00 00 00 04 00 04 00
         0020: 00 00 18 00 00 00 00 00 00 03 00 00 00 00 00 00
         0030: 2a 5b dc 01 67 45 23 01 00 00 00 00 01 00 00 00",
    );
    let (_, sent) = deliver(&mut session(Ic::TimeSync, V4), &sync, |_, body| {
        assert_eq!(body[..8], 0x01dc_5b2a_0000_0000_u64.to_le_bytes());
        assert_eq!((body.len(), body[16]), (24, 1));
        Status::OK
    });
    assert_same(&sent.unwrap(), &patched(&sync, "0029: 05"));
}
