//! Where the bits of a monitored channel are.

use super::{MonitorBit, PAGE_BYTES};
use crate::sys::SharedMemory;
use crate::wire::ring::RingMemory;
use rustix::fs::MemfdFlags;

/// Two mappings of one new page.
fn page() -> (SharedMemory, SharedMemory) {
    let file = rustix::fs::memfd_create("page", MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&file, PAGE_BYTES as u64).unwrap();
    let map = || SharedMemory::map(&file, 0, PAGE_BYTES).unwrap();
    (map(), map())
}

#[test]
fn a_signal_sets_the_channels_bits_and_no_other() {
    let ((interrupts, seen_interrupts), (monitor, seen_monitor)) = (page(), page());
    seen_monitor.store(8 + 8, 1 << 31); // another channel's, pending
    MonitorBit::new(interrupts, monitor, 70, 37).unwrap().set();
    for offset in (0..PAGE_BYTES).step_by(4) {
        // relid 70 is bit 6 of the third word of the guest's half; id 37 is bit 5 of the second group.
        let (interrupt, pending) = (seen_interrupts.load(offset), seen_monitor.load(offset));
        assert_eq!(interrupt, if offset == 2048 + 8 { 1 << 6 } else { 0 }, "{offset:#x}");
        assert_eq!(pending, if offset == 8 + 8 { 1 << 31 | 1 << 5 } else { 0 }, "{offset:#x}");
    }
}

#[test]
fn numbers_outside_the_pages_are_refused() {
    let bit = |relid, id| MonitorBit::new(page().0, page().0, relid, id);
    assert!(bit(16383, 127).is_some());
    assert!(bit(16384, 127).is_none());
    assert!(bit(16383, 128).is_none());
}
