use super::*;
use crate::wire::ring::{PacketHeader, guest_ends, host_ends, initialise};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use std::os::fd::OwnedFd;
use std::sync::Arc;

const BYTES: usize = 2 * 3 * 4096;

fn memfd(bytes: usize) -> OwnedFd {
    let fd = memfd_create("rings", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&fd, bytes as u64).unwrap();
    fd
}

#[test]
fn two_mappings_of_a_file_see_each_others_words_and_bytes() {
    let fd = memfd(BYTES);
    let (one, other) = (SharedMemory::map(&fd, 0, BYTES).unwrap(), SharedMemory::map(&fd, 0, BYTES).unwrap());
    assert_eq!((one.len(), one.is_empty()), (BYTES, false));
    one.store(BYTES - 4, 0x0403_0201);
    one.write(8, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let mut bytes = [0; 4];
    rustix::io::pread(&fd, &mut bytes, BYTES as u64 - 4).unwrap();
    assert_eq!(bytes, [1, 2, 3, 4], "words are little-endian");
    assert_eq!(other.load(BYTES - 4), 0x0403_0201);
    let mut bytes = [0; 11];
    other.read(8, &mut bytes);
    assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0]);
}

#[test]
fn a_short_write_keeps_the_bytes_beside_it() {
    let memory = SharedMemory::map(memfd(4096), 0, 4096).unwrap();
    memory.write(16, &[0xff; 16]);
    memory.write(16, &[1, 2, 3]);
    let mut bytes = [0; 16];
    memory.read(16, &mut bytes);
    assert_eq!(bytes[..4], [1, 2, 3, 0xff]);
    memory.store(20, 0);
    memory.read(16, &mut bytes);
    assert_eq!(bytes[..9], [1, 2, 3, 0xff, 0, 0, 0, 0, 0xff]);
}

#[test]
fn a_mapping_may_start_inside_the_file() {
    let fd = memfd(8192);
    let whole = SharedMemory::map(&fd, 0, 8192).unwrap();
    let half = SharedMemory::map(&fd, 4096, 4096).unwrap();
    half.store(0, 7);
    assert_eq!(whole.load(4096), 7);
}

#[test]
fn bits_are_set_beside_those_of_others() {
    let memory = SharedMemory::map(memfd(4096), 0, 4096).unwrap();
    memory.store(64, 0x8000_0001);
    memory.set_bits(64, 0x10);
    assert_eq!((memory.load(64), memory.load(60), memory.load(68)), (0x8000_0011, 0, 0));
}

#[test]
fn impossible_lengths_are_refused() {
    let fd = memfd(4096);
    for bytes in [0, 1, 4, 4095] {
        let error = SharedMemory::map(&fd, 0, bytes).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
    assert!(SharedMemory::map(&fd, 1, 4096).is_err(), "offset inside a page");
}

#[test]
fn rings_work_between_two_mappings_in_two_threads() {
    let fd = memfd(BYTES);
    let map = || Arc::new(SharedMemory::map(&fd, 0, BYTES).unwrap());
    let (guest, host) = (map(), map());
    initialise(&host, 4096);
    let (mut to_host, _) = guest_ends(guest, 4096).unwrap();
    let (_, mut from_guest) = host_ends(host, 4096).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..20_000_u64 {
                let payload = vec![number as u8; 1 + number as usize % 500];
                while to_host.push(PacketHeader::in_band(number), &payload).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let mut payload = Vec::new();
        let mut next = 0;
        while next < 20_000 {
            let Some(popped) = from_guest.pop(&mut payload, 4096).unwrap() else {
                std::thread::yield_now();
                continue;
            };
            assert_eq!(popped.header.transaction_id, next);
            let sent = 1 + next as usize % 500;
            assert!(payload[..sent].iter().all(|byte| *byte == next as u8));
            next += 1;
        }
    });
}
