//! One look at two clocks, which cannot be read at the same moment: one before and after the other, the narrowest of five.
//!
//! A look is made wide by an interrupt or another program in between. Of five in a row one is nearly always without.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::sample::Reading;

/// How many looks there are.
pub(super) const LOOKS: usize = 5;

/// The clocks of the machine; a double in tests.
pub(super) trait Clocks {
    /// CLOCK_MONOTONIC_RAW, ns.
    fn raw(&self) -> i64;
    /// CLOCK_REALTIME, ns since 1970.
    fn real(&self) -> i64;
}

/// The machine's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine;

impl Clocks for Machine {
    fn raw(&self) -> i64 {
        nanoseconds(clock_gettime(ClockId::MonotonicRaw))
    }

    fn real(&self) -> i64 {
        nanoseconds(clock_gettime(ClockId::Realtime))
    }
}

/// The narrowest of [`LOOKS`] looks at `clocks`. The real time belongs to the middle of its look.
pub(super) fn narrowest<C: Clocks + ?Sized>(clocks: &C) -> Reading {
    let look = || {
        let before = clocks.raw();
        let real = clocks.real();
        let width = clocks.raw() - before;
        Reading { raw: before + width / 2, real, width }
    };
    let first = look();
    (1..LOOKS).map(|_| look()).fold(first, |best, other| if other.width < best.width { other } else { best })
}

/// A time in ns; what does not fit (after the year 2262) is the last that does.
pub(super) fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

#[cfg(test)]
mod tests;
