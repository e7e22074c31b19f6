//! Signalling the host on a monitored channel: a bit in a page that the host polls.
//!
//! Integration services have no such channels on any host seen so far, but a device says whether it is one, and
//! then writing to its uio node signals nobody. Layout: Linux `struct hv_monitor_page`, `vmbus_setevent`.

use crate::sys::SharedMemory;
use crate::wire::ring::RingMemory;

/// Bytes of the interrupt page and of the monitor page.
pub(super) const PAGE_BYTES: usize = 4096;
/// The guest's half of the interrupt page.
const GUEST_EVENTS: usize = 2048;
/// Trigger groups of 8 bytes each follow the page's first 8 bytes; a group's pending bits are its first word.
const TRIGGER_GROUPS: usize = 8;

/// The bits that tell the host of one channel.
#[derive(Debug)]
pub(super) struct MonitorBit {
    interrupts: SharedMemory,
    monitor: SharedMemory,
    relid: u32,
    monitor_id: u8,
}

impl MonitorBit {
    /// `None` if the channel has a bit outside its page, which no host gives out.
    pub(super) fn new(
        interrupts: SharedMemory,
        monitor: SharedMemory,
        relid: u32,
        monitor_id: u8,
    ) -> Option<Self> {
        let bit = Self { interrupts, monitor, relid, monitor_id };
        let fits = bit.interrupts.len() >= PAGE_BYTES
            && bit.monitor.len() >= PAGE_BYTES
            && relid < 8 * (PAGE_BYTES - GUEST_EVENTS) as u32
            && monitor_id < 128; // four groups of 32
        fits.then_some(bit)
    }

    /// Sets both bits; the host's next look at the page finds them.
    pub(super) fn set(&self) {
        let word = GUEST_EVENTS + 4 * (self.relid / 32) as usize;
        self.interrupts.set_bits(word, 1 << (self.relid % 32));
        let group = TRIGGER_GROUPS + 8 * usize::from(self.monitor_id / 32);
        self.monitor.set_bits(group, 1 << (self.monitor_id % 32));
    }
}

#[cfg(test)]
#[path = "monitor_tests.rs"]
mod tests;
