//! When to interrupt: empty to non-empty, masks, and space for a blocked writer.

use super::*;

#[test]
fn only_the_first_packet_into_an_empty_ring_is_signalled() {
    let memory = memory(4096);
    let ((mut to_host, _), (_, mut from_guest)) = both(&memory);
    let header = PacketHeader::in_band(0);
    let mut payload = Vec::new();
    assert_eq!(to_host.push(header, &[0; 8]), Ok(Signal::Needed));
    assert_eq!(to_host.push(header, &[0; 8]), Ok(Signal::NotNeeded));
    from_guest.pop(&mut payload, 8).unwrap().unwrap();
    assert_eq!(to_host.push(header, &[0; 8]), Ok(Signal::NotNeeded), "one was still unread");
    while from_guest.pop(&mut payload, 8).unwrap().is_some() {}
    assert_eq!(to_host.push(header, &[0; 8]), Ok(Signal::Needed));
}

#[test]
fn a_reader_that_masks_is_not_interrupted_and_learns_of_it_when_it_unmasks() {
    let memory = memory(4096);
    let ((_, mut from_host), (mut to_guest, _)) = both(&memory);
    let header = PacketHeader::in_band(0);
    let mut payload = Vec::new();
    from_host.mask();
    assert_eq!(memory.load(word(&memory, 1, MASK)), 1);
    assert_eq!(to_guest.push(header, &[0; 8]), Ok(Signal::NotNeeded));
    assert_eq!(from_host.unmask(), Ok(true), "go round again");
    assert_eq!(memory.load(word(&memory, 1, MASK)), 0);
    from_host.pop(&mut payload, 8).unwrap().unwrap();
    assert_eq!(from_host.unmask(), Ok(false), "now one may sleep");
    assert_eq!(to_guest.push(header, &[0; 8]), Ok(Signal::Needed));
}

#[test]
fn each_end_touches_only_the_words_that_are_its_own() {
    let memory = memory(4096);
    let (mut to_host, mut from_host) = guest_ends(memory.clone(), CONTROL).unwrap();
    // Values that no rule of ours produces, in every word that is the host's.
    memory.store(word(&memory, 0, MASK), 7);
    memory.store(word(&memory, 1, PENDING), 72);
    memory.store(word(&memory, 1, FEATURES), 3);
    let _ = to_host.push(PacketHeader::in_band(0), &[0; 8]).unwrap();
    to_host.push(PacketHeader::in_band(0), &[0; 4064]).unwrap_err();
    from_host.mask();
    from_host.unmask().unwrap();
    assert_eq!(from_host.pop(&mut Vec::new(), 8), Ok(None));
    assert_eq!(memory.load(word(&memory, 0, READ_INDEX)), 0);
    assert_eq!(memory.load(word(&memory, 0, MASK)), 7);
    assert_eq!(memory.load(word(&memory, 0, FEATURES)), 1);
    assert_eq!(memory.load(word(&memory, 1, WRITE_INDEX)), 0);
    assert_eq!(memory.load(word(&memory, 1, PENDING)), 72);
    assert_eq!(memory.load(word(&memory, 1, FEATURES)), 3);
}

#[test]
fn a_full_ring_asks_for_the_space_and_a_success_withdraws_the_wish() {
    let memory = memory(4096);
    let ((mut to_host, _), (_, mut from_guest)) = both(&memory);
    let header = PacketHeader::in_band(0);
    let pending = || memory.load(word(&memory, 0, PENDING));
    let mut payload = Vec::new();
    for _ in 0..3 {
        let _ = to_host.push(header, &[0; 1000]).unwrap(); // 1024 bytes each
    }
    assert_eq!((to_host.free_bytes(), pending()), (Ok(1024), 0));
    assert_eq!(to_host.push(header, &[0; 1000]), Err(PushError::Full), "the last 8 bytes stay free");
    assert_eq!(pending(), 1024);
    assert_eq!(to_host.push(header, &[0; 1016]), Err(PushError::Full));
    assert_eq!(pending(), 1040);
    assert_eq!(from_guest.pop(&mut payload, 4096).unwrap().unwrap().signal, Signal::Needed);
    assert_eq!(to_host.push(header, &[0; 1016]), Ok(Signal::NotNeeded));
    assert_eq!(pending(), 0);
}

/// Free space before, bytes given back, pending-send-size, and whether that crosses it.
#[test]
fn a_blocked_writer_is_signalled_exactly_when_its_packet_begins_to_fit() {
    let cases: &[(u32, u32, u32, Signal)] = &[
        // nobody waits
        (1024, 1024, 0, Signal::NotNeeded),
        // not enough yet; "pending" itself is not enough, because a ring is never filled completely
        (8, 1024, 2048, Signal::NotNeeded),
        (1024, 1024, 2048, Signal::NotNeeded),
        // crosses
        (1024, 1032, 2048, Signal::Needed),
        (2048, 24, 2048, Signal::Needed),
        (2040, 24, 2048, Signal::Needed),
        // there was enough before: the writer has been told, or never had to wait
        (2056, 24, 2048, Signal::NotNeeded),
        (3000 & !7, 24, 2048, Signal::NotNeeded),
        // not a multiple of 8, as hosts may write it
        (1024, 1024, 2047, Signal::Needed),
        (1024, 1024, 2044, Signal::Needed),
        (2048, 24, 2047, Signal::NotNeeded),
        // ring size - 1: "when it is empty"
        (3072, 1024, 4095, Signal::Needed),
        (2048, 1024, 4095, Signal::NotNeeded),
        (4072, 24, 4095, Signal::Needed),
        // more than any ring: never
        (3072, 1024, 4096, Signal::NotNeeded),
        (3072, 1024, u32::MAX, Signal::NotNeeded),
    ];
    for &(free_before, stride, pending, expected) in cases {
        let memory = memory(4096);
        let write = (4096 - free_before) % 4096;
        memory.store(word(&memory, 1, WRITE_INDEX), write);
        let length8 = ((stride - 8) / 8) as u16;
        let mut descriptor = vec![6, 0, 2, 0];
        descriptor.extend(length8.to_le_bytes());
        descriptor.extend([0; 10]);
        memory.write(word(&memory, 1, CONTROL), &descriptor);
        memory.store(word(&memory, 1, PENDING), pending);
        let (_, mut consumer) = guest_ends(memory, CONTROL).unwrap();
        let popped = consumer.pop(&mut Vec::new(), 4096).unwrap().unwrap();
        assert_eq!(popped.signal, expected, "free {free_before} + {stride}, pending {pending}");
    }
}

#[test]
fn a_writer_without_the_feature_bit_is_never_signalled_about_space() {
    let memory = memory(4096);
    let ((_, mut from_host), (mut to_guest, _)) = both(&memory);
    let _ = to_guest.push(PacketHeader::in_band(0), &[0; 4000]).unwrap();
    to_guest.push(PacketHeader::in_band(0), &[0; 4000]).unwrap_err();
    memory.store(word(&memory, 1, FEATURES), 0xffff_fffe);
    let popped = from_host.pop(&mut Vec::new(), 4096).unwrap().unwrap();
    assert_eq!(popped.signal, Signal::NotNeeded);
}

#[test]
fn several_small_packets_signal_a_waiting_writer_once() {
    let memory = memory(4096);
    let ((mut to_host, _), (_, mut from_guest)) = both(&memory);
    let header = PacketHeader::in_band(0);
    while to_host.push(header, &[0; 40]).is_ok() {}
    assert_eq!(to_host.push(header, &[0; 1000]), Err(PushError::Full));
    let mut payload = Vec::new();
    let mut signals = 0;
    while let Some(popped) = from_guest.pop(&mut payload, 64).unwrap() {
        signals += usize::from(popped.signal == Signal::Needed);
    }
    assert_eq!(signals, 1);
    let _ = to_host.push(header, &[0; 1000]).unwrap();
}

#[test]
fn a_producer_made_anew_withdraws_the_wish_that_its_predecessor_left() {
    let memory = memory(4096);
    memory.store(word(&memory, 0, PENDING), 512);
    let (mut to_host, _) = guest_ends(memory.clone(), CONTROL).unwrap();
    let _ = to_host.push(PacketHeader::in_band(0), &[0; 8]).unwrap();
    assert_eq!(memory.load(word(&memory, 0, PENDING)), 0);
}
