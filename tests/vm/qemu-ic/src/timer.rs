//! A timer of QEMU's main loop, in milliseconds of real time.

use std::time::Duration;

use crate::qemu::{Handler, Pointer, qemu_clock_get_ns, timer_init_full, timer_mod};

/// `QEMU_CLOCK_REALTIME`.
const REALTIME: i32 = 0;
/// Nanoseconds in the unit of our timers.
const MILLISECOND: i32 = 1_000_000;

/// A timer; it lives as long as QEMU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer(Pointer);

impl Timer {
    /// A timer that calls `fired` with `opaque`.
    pub(crate) fn new(fired: Handler, opaque: Pointer) -> Timer {
        // A QEMUTimer takes 56 bytes; QEMU fills them in.
        let memory: &'static mut [u64; 32] = Box::leak(Box::new([0; 32]));
        let timer = Timer(std::ptr::from_mut(memory).cast());
        // SAFETY: the memory is large and aligned enough for a QEMUTimer and is never freed.
        unsafe { timer_init_full(timer.0, std::ptr::null_mut(), REALTIME, MILLISECOND, 0, fired, opaque) };
        timer
    }

    /// Has it fire once, so long from now; an earlier order is replaced.
    pub(crate) fn fire_in(self, delay: Duration) {
        // SAFETY: it reads a clock.
        let now = unsafe { qemu_clock_get_ns(REALTIME) } / i64::from(MILLISECOND);
        let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX / 2);
        // SAFETY: the timer was initialised by `new`.
        unsafe { timer_mod(self.0, now.saturating_add(delay)) };
    }
}
