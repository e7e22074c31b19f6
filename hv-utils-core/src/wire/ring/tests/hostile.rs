//! A peer that writes nonsense: indices, lengths, types, sizes; and words that change behind our back.

use super::*;

/// Puts a descriptor at index 0 of ring 1, shows `used` bytes, and pops.
fn pop_raw(descriptor: [u16; 4], used: u32, limit: usize) -> (Result<Option<Popped>, Corruption>, Vec<u8>) {
    let memory = memory(4096);
    let mut bytes = Vec::new();
    for part in descriptor {
        bytes.extend(part.to_le_bytes());
    }
    bytes.extend(0x77_u64.to_le_bytes());
    bytes.resize(4096, 0xdd);
    memory.write(word(&memory, 1, CONTROL), &bytes);
    memory.store(word(&memory, 1, WRITE_INDEX), used);
    let (_, mut consumer) = guest_ends(memory, CONTROL).unwrap();
    let mut payload = vec![1, 2, 3];
    (consumer.pop(&mut payload, limit), payload)
}

#[test]
fn impossible_write_indices_are_corruption() {
    for value in [4096, 4097, 1, 4, 12, 4095, u32::MAX, u32::MAX - 7, 0x8000_0000] {
        let memory = memory(4096);
        let (_, mut consumer) = guest_ends(memory.clone(), CONTROL).unwrap();
        memory.store(word(&memory, 1, WRITE_INDEX), value);
        let corruption = Corruption::WriteIndex { value, ring_bytes: 4096 };
        assert_eq!(consumer.pop(&mut Vec::new(), 64), Err(corruption));
        assert_eq!(consumer.unmask(), Err(corruption));
        // As long as it stays, nothing gets better.
        assert_eq!(consumer.pop(&mut Vec::new(), 64), Err(corruption));
    }
}

#[test]
fn impossible_read_indices_are_corruption() {
    for value in [4096, 1, 4, 4092, u32::MAX] {
        let memory = memory(4096);
        let (mut producer, _) = guest_ends(memory.clone(), CONTROL).unwrap();
        memory.store(word(&memory, 0, READ_INDEX), value);
        let corruption = Corruption::ReadIndex { value, ring_bytes: 4096 };
        assert_eq!(producer.push(PacketHeader::in_band(0), &[0; 8]), Err(PushError::Corrupt(corruption)));
        assert_eq!(producer.free_bytes(), Err(corruption));
        assert_eq!(memory.load(word(&memory, 0, WRITE_INDEX)), 0, "nothing was written");
    }
}

#[test]
fn an_impossible_index_of_our_own_is_found_at_once() {
    for (ring, offset) in [(0, WRITE_INDEX), (1, READ_INDEX)] {
        let memory = memory(4096);
        memory.store(word(&memory, ring, offset), 4);
        assert!(matches!(guest_ends(memory, CONTROL), Err(GeometryError::Index(_))));
    }
}

#[test]
fn impossible_lengths_are_corruption() {
    let offset = |offset8, length8| Corruption::PayloadOffset { offset8, length8 };
    let length = |length8, used| Corruption::PacketLength { length8, used };
    for (offset8, length8, used, corruption) in [
        (2, 2, 8, Corruption::Runt { used: 8 }),
        (2, 2, 16, Corruption::Runt { used: 16 }),
        (0, 4, 64, offset(0, 4)),
        (1, 4, 64, offset(1, 4)),
        (3, 2, 64, offset(3, 2)),
        (0xffff, 2, 64, offset(0xffff, 2)),
        (2, 0, 64, offset(2, 0)),
        (2, 3, 24, length(3, 24)),
        (2, 8, 64, length(8, 64)),
        (2, 0xffff, 64, length(0xffff, 64)),
        (2, 511, 4088, length(511, 4088)),
    ] {
        let (result, payload) = pop_raw([6, offset8, length8, 0], used, 8192);
        assert_eq!(result, Err(corruption));
        assert!(payload.is_empty());
    }
}

#[test]
fn lengths_at_their_limits_are_read() {
    for (offset8, length8, used, payload_len) in
        [(2, 2, 24, 0), (3, 3, 32, 0), (2, 7, 64, 40), (5, 7, 64, 16), (2, 510, 4088, 4064)]
    {
        let (result, payload) = pop_raw([6, offset8, length8, 0], used, 8192);
        let popped = result.unwrap().unwrap();
        assert_eq!((popped.payload_len, payload.len(), popped.oversized), (payload_len, payload_len, false));
        assert_eq!(popped.header, PacketHeader::in_band(0x77));
    }
}

#[test]
fn a_payload_may_start_behind_a_longer_descriptor() {
    let memory = memory(4096);
    let bytes: Vec<u8> = [6, 0, 4, 0, 5, 0, 0, 0].into_iter().chain(8..48).collect();
    memory.write(word(&memory, 1, CONTROL), &bytes);
    memory.store(word(&memory, 1, WRITE_INDEX), 48);
    let (_, mut consumer) = guest_ends(memory, CONTROL).unwrap();
    let mut payload = Vec::new();
    consumer.pop(&mut payload, 64).unwrap().unwrap();
    assert_eq!(payload, [32, 33, 34, 35, 36, 37, 38, 39]);
    assert_eq!(consumer.pop(&mut payload, 64), Ok(None));
}

#[test]
fn strange_types_and_flags_are_passed_on_for_the_caller_to_drop() {
    for (kind, flags) in [(7, 0), (9, 0), (0xb, 0), (0, 0), (0xffff, 0), (6, 1), (6, 0xfffe)] {
        let (result, _) = pop_raw([kind, 2, 3, flags], 32, 64);
        let header = result.unwrap().unwrap().header;
        assert_eq!((header.kind, header.flags), (kind, flags));
    }
}

#[test]
fn an_oversized_packet_is_skipped_with_its_own_stride() {
    let memory = memory(16384);
    let ((_, mut from_host), (mut to_guest, _)) = both(&memory);
    // 6304 bytes with the descriptor: the FREEZE that once broke a reader with a buffer of 4096.
    let _ = to_guest.push(PacketHeader::in_band(1), &[1; 6288]).unwrap();
    let _ = to_guest.push(PacketHeader::in_band(2), &[2; 16]).unwrap();
    let mut payload = Vec::new();
    let popped = from_host.pop(&mut payload, 4096).unwrap().unwrap();
    assert_eq!((popped.oversized, popped.payload_len, popped.header.transaction_id), (true, 6288, 1));
    assert!(payload.is_empty());
    assert_eq!(payload.capacity(), 0);
    let popped = from_host.pop(&mut payload, 4096).unwrap().unwrap();
    assert_eq!((popped.oversized, popped.header.transaction_id), (false, 2));
    assert_eq!(payload, [2; 16]);
}

#[test]
fn the_buffer_never_grows_beyond_the_limit() {
    let memory = memory(16384);
    let ((_, mut from_host), (mut to_guest, _)) = both(&memory);
    let mut payload = Vec::new();
    for size in (0..=1000).chain([8000, 1000, 8000, 1008]) {
        let _ = to_guest.push(PacketHeader::in_band(0), &vec![5; size]).unwrap();
        from_host.pop(&mut payload, 1000).unwrap().unwrap();
        assert!(payload.capacity() <= 1000, "{} after {size}", payload.capacity());
    }
}

#[test]
fn our_own_indices_are_not_read_back_from_the_peer() {
    let memory = memory(4096);
    let ((mut to_host, mut from_host), (mut to_guest, mut from_guest)) = both(&memory);
    let _ = to_host.push(PacketHeader::in_band(1), &[1; 8]).unwrap();
    let _ = to_guest.push(PacketHeader::in_band(2), &[2; 8]).unwrap();
    let mut payload = Vec::new();
    from_host.pop(&mut payload, 64).unwrap().unwrap();
    // The peer overwrites what is ours to write.
    memory.store(word(&memory, 0, WRITE_INDEX), 2048);
    memory.store(word(&memory, 1, READ_INDEX), 0xffff_ffff);
    let _ = to_host.push(PacketHeader::in_band(3), &[3; 8]).unwrap();
    to_guest.push(PacketHeader::in_band(4), &[4; 8]).unwrap_err();
    assert_eq!(memory.load(word(&memory, 0, WRITE_INDEX)), 64);
    for expected in [1, 3] {
        assert_eq!(from_guest.pop(&mut payload, 64).unwrap().unwrap().header.transaction_id, expected);
    }
    assert_eq!(from_host.pop(&mut payload, 64), Ok(None));
}

/// A packet is copied once: what the peer writes afterwards is not seen.
#[test]
fn a_popped_payload_is_a_private_copy() {
    let memory = memory(4096);
    let ((_, mut from_host), (mut to_guest, _)) = both(&memory);
    let _ = to_guest.push(PacketHeader::in_band(1), &[1; 64]).unwrap();
    let mut payload = Vec::new();
    from_host.pop(&mut payload, 64).unwrap().unwrap();
    memory.write(word(&memory, 1, CONTROL), &[0xff; 4096]);
    assert_eq!(payload, [1; 64]);
}

#[test]
fn packets_that_can_never_fit_are_too_large() {
    let memory = memory(4096);
    let (mut producer, _) = guest_ends(memory.clone(), CONTROL).unwrap();
    // 16 + payload + 8 must leave 8 of 4096 bytes free.
    for size in [4065, 4066, 4096, 5000, 524_264, 524_265, 600_000] {
        assert_eq!(producer.push(PacketHeader::in_band(0), &vec![0; size]), Err(PushError::TooLarge));
    }
    assert_eq!(memory.load(word(&memory, 0, PENDING)), 0, "nobody waits for the impossible");
    let _ = producer.push(PacketHeader::in_band(0), &[0; 4064]).unwrap();
    assert_eq!(producer.free_bytes(), Ok(8));
}

#[test]
fn a_length_beyond_sixteen_bits_of_units_is_too_large_even_for_a_large_ring() {
    let memory = memory(1 << 20);
    let ((mut to_host, _), (_, mut from_guest)) = both(&memory);
    // 0xffff units of 8 bytes, descriptor included.
    let largest = 0xffff * 8 - 16;
    assert_eq!(to_host.push(PacketHeader::in_band(0), &vec![0; largest + 1]), Err(PushError::TooLarge));
    let _ = to_host.push(PacketHeader::in_band(0), &vec![8; largest]).unwrap();
    let mut payload = Vec::new();
    assert_eq!(from_guest.pop(&mut payload, largest).unwrap().unwrap().payload_len, largest);
}
