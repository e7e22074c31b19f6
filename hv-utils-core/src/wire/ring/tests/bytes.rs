//! What lies in the memory: geometry, descriptors, padding, footers, wrap-around.

use super::*;
use crate::wire::hex::{assert_same, sparse};
use proptest::prelude::*;

#[test]
fn initialised_memory_is_zero_but_for_the_feature_bits() {
    let memory = Arc::new(HeapMemory::new(2 * 8192));
    memory.write(0, &[0xff; 2 * 8192]);
    initialise(&memory, CONTROL);
    let mut bytes = vec![0; memory.len()];
    memory.read(0, &mut bytes);
    assert_same(&bytes, &sparse(2 * 8192, "0040: 01 00 00 00\n2040: 01 00 00 00"));
}

#[test]
fn memory_must_be_two_rings_of_whole_pages() {
    for (total, control, fits) in [
        (2 * 8192, 4096, true),
        (2 * 0x4000, 4096, true),
        (2 * 0x5000, 4096, true),
        (2 * 0x20_0000, 4096, true),
        (2 * 0x2_0000, 0x1_0000, true),
        (2 * 0x1_1000, 0x1_0000, true),
        (2 * 4096, 4096, false),
        (4096, 4096, false),
        (0, 4096, false),
        (2 * 8192 + 8, 4096, false),
        (2 * 8192 + 4096, 4096, false),
        (2 * 8192, 0, false),
        (2 * 8192, 2048, false),
        (2 * 8192, 4104, false),
        (2 * 8192, 8192, false),
        (2 * 8192, usize::MAX & !4095, false),
    ] {
        let memory = Arc::new(HeapMemory::new(total));
        let found = guest_ends(memory.clone(), control).map(|_| ()).is_ok();
        assert_eq!(found, fits, "{total:#x} with control pages of {control:#x}");
        assert_eq!(host_ends(memory, control).is_ok(), fits);
    }
}

#[test]
fn guest_writes_the_first_ring_and_reads_the_second() {
    let memory = memory(4096);
    let ((mut to_host, mut from_host), (mut to_guest, mut from_guest)) = both(&memory);
    let _ = to_host.push(PacketHeader::in_band(1), &[1; 8]).unwrap();
    let _ = to_guest.push(PacketHeader::in_band(2), &[2; 16]).unwrap();
    assert_eq!(memory.load(word(&memory, 0, WRITE_INDEX)), 32);
    assert_eq!(memory.load(word(&memory, 1, WRITE_INDEX)), 40);
    let mut payload = Vec::new();
    assert_eq!(from_guest.pop(&mut payload, 64).unwrap().unwrap().header.transaction_id, 1);
    assert_eq!(payload, [1; 8]);
    assert_eq!(from_host.pop(&mut payload, 64).unwrap().unwrap().header.transaction_id, 2);
    assert_eq!(payload, [2; 16]);
    assert_eq!(memory.load(word(&memory, 0, READ_INDEX)), 32);
    assert_eq!(memory.load(word(&memory, 1, READ_INDEX)), 40);
}

#[test]
fn a_packet_has_descriptor_padding_and_footer() {
    let memory = memory(4096);
    let (mut producer, _) = guest_ends(memory.clone(), CONTROL).unwrap();
    let _ = producer.push(PacketHeader::in_band(0), &[0xee; 8]).unwrap();
    let header = PacketHeader { kind: 6, flags: 1, transaction_id: 0x1122_3344_5566_7788 };
    let _ = producer.push(header, &[0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9]).unwrap();
    let mut bytes = vec![0; 40];
    memory.read(CONTROL + 32, &mut bytes);
    let expected = sparse(
        40,
        "00: 06 00 02 00 04 00 01 00 88 77 66 55 44 33 22 11
         10: a1 a2 a3 a4 a5 a6 a7 a8 a9 00 00 00 00 00 00 00
         20: 00 00 00 00 20 00 00 00",
    );
    assert_same(&bytes, &expected);
}

#[test]
fn padding_overwrites_what_an_older_packet_left() {
    let memory = memory(4096);
    memory.write(CONTROL, &[0xff; 4096]);
    let (mut producer, _) = guest_ends(memory.clone(), CONTROL).unwrap();
    let _ = producer.push(PacketHeader::in_band(0), &[1, 2, 3]).unwrap();
    let mut bytes = [0; 8];
    memory.read(CONTROL + 16, &mut bytes);
    assert_eq!(bytes, [1, 2, 3, 0, 0, 0, 0, 0]);
}

/// Every place where the end of the data area can cut a packet of 16 + 24 + 8 bytes.
#[test]
fn a_packet_may_wrap_around_at_any_of_its_words() {
    for cut in (0..=48).step_by(8) {
        let memory = memory(4096);
        let start = 4096 - cut as u32;
        for offset in [WRITE_INDEX, READ_INDEX] {
            memory.store(word(&memory, 1, offset), start % 4096);
        }
        let ((_, mut from_host), (mut to_guest, _)) = both(&memory);
        let sent: Vec<u8> = (1..=24).collect();
        let _ = to_guest.push(PacketHeader::in_band(9), &sent).unwrap();
        let mut ring = vec![0; 4096];
        memory.read(word(&memory, 1, CONTROL), &mut ring);
        ring.rotate_left((start % 4096) as usize);
        let mut expected = sparse(48, "00: 06 00 02 00 05 00 00 00 09 00 00 00 00 00 00 00\n2c: 00 00 00 00");
        expected[16..40].copy_from_slice(&sent);
        expected[44..48].copy_from_slice(&(start % 4096).to_le_bytes());
        assert_same(&ring[..48], &expected);
        let mut payload = Vec::new();
        let popped = from_host.pop(&mut payload, 4096).unwrap().unwrap();
        assert_eq!((popped.payload_len, payload.as_slice()), (24, sent.as_slice()), "cut at {cut}");
        assert!(from_host.pop(&mut payload, 4096).unwrap().is_none());
    }
}

#[test]
fn larger_control_pages_keep_their_words_in_the_first_4096_bytes() {
    let control = 0x1_0000;
    let memory = Arc::new(HeapMemory::new(2 * (control + 4096)));
    initialise(&memory, control);
    let (mut to_host, _) = guest_ends(memory.clone(), control).unwrap();
    let _ = to_host.push(PacketHeader::in_band(5), &[7; 8]).unwrap();
    assert_eq!(memory.load(WRITE_INDEX), 32);
    let mut payload = Vec::new();
    let (_, mut from_guest) = host_ends(memory.clone(), control).unwrap();
    from_guest.pop(&mut payload, 8).unwrap().unwrap();
    assert_eq!(payload, [7; 8]);
    assert_eq!(memory.load(control + 4096 + FEATURES), 1);
}

#[test]
fn ends_that_are_made_anew_go_on_where_the_others_stopped() {
    let memory = memory(4096);
    let mut payload = Vec::new();
    for round in 0..1000 {
        let ((mut to_host, _), (_, mut from_guest)) = both(&memory);
        let _ = to_host.push(PacketHeader::in_band(round), &[3; 40]).unwrap();
        let popped = from_guest.pop(&mut payload, 64).unwrap().unwrap();
        assert_eq!(popped.header.transaction_id, round);
    }
}

proptest! {
    /// Copies touch exactly the bytes they name, whatever the length.
    #[test]
    fn heap_memory_copies_any_length(start in 0..8_usize, data in proptest::collection::vec(any::<u8>(), 0..64)) {
        let memory = HeapMemory::new(128);
        memory.write(0, &[0x55; 128]);
        memory.write(start * 8, &data);
        let mut expected = [0x55; 128];
        expected[start * 8..start * 8 + data.len()].copy_from_slice(&data);
        let mut bytes = [0; 128];
        memory.read(0, &mut bytes);
        prop_assert_eq!(bytes, expected);
        let mut part = vec![0; data.len()];
        memory.read(start * 8, &mut part);
        prop_assert_eq!(part, data);
    }
}
