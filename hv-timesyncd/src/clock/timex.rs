//! What is asked of the kernel for a step and for a [`Steering`], and what its answer means. No call, no state.
//!
//! The kernel takes the parts of one request in the order status, nanoseconds, frequency, errors, time constant, phase
//! (`process_adjtimex_modes` in `kernel/time/ntp.c`), so one call is enough: when it comes to the phase, `STA_PLL` and
//! `STA_FREQHOLD` are set. Under `STA_NANO` a time constant is taken as it is; without, the kernel adds 4.

use hv_utils_core::sys::clock::{TIME_ERROR, Timex, adj, sta};

use super::{ClockState, Steering};
use crate::sample::Leap;

/// The kernel's limit of a frequency correction, ppm (`MAXFREQ`).
pub const MAX_FREQUENCY: f64 = 500.0;
/// The kernel's limit of a phase, ns (`MAXPHASE`).
pub const MAX_PHASE: i64 = 500_000_000;
/// The kernel's limit of a time constant (`MAXTC`).
pub const MAX_TIME_CONSTANT: u8 = 10;
/// The largest error that the kernel counts, µs (`NTP_PHASE_LIMIT`); beyond it the clock is not synchronised.
pub(super) const MAX_ERROR: i64 = 16_000_000;
/// `Timex::tick` of a clock that is steered by its frequency alone: 100 ticks a second.
pub(super) const NOMINAL_TICK: i64 = 10_000;

/// What one unit of `Timex::frequency` is of a ppm.
const PER_PPM: f64 = 65_536.0;
/// A microsecond more or less in each of 100 ticks, in ppm.
const PPM_PER_TICK: f64 = 100.0;
/// The bits of the status that are ours to say. The others stay as they are: two of PPS can be written, the rest not.
const OURS: i32 = sta::PLL | sta::FLL | sta::INS | sta::DEL | sta::UNSYNC | sta::FREQHOLD;

/// The request for a step by so many ns: a number of seconds of either sign, and a fraction that is not negative.
pub(super) fn step(by: i64) -> Timex {
    Timex {
        modes: adj::SETOFFSET | adj::NANO,
        seconds: by.div_euclid(1_000_000_000),
        fraction: by.rem_euclid(1_000_000_000),
        ..Timex::default()
    }
}

/// The request for a steering of the clock that `now` was said of. `rtc_is_local`: the kernel is to keep its hands off
/// the RTC, which it writes in UTC whenever the clock is synchronised.
pub(super) fn steer(steering: &Steering, now: &Timex, rtc_is_local: bool) -> Timex {
    let mut modes = adj::STATUS
        | adj::NANO
        | adj::FREQUENCY
        | adj::MAXERROR
        | adj::ESTERROR
        | adj::TIMECONST
        | adj::OFFSET;
    // Left behind by a program that steers with ticks; with it the frequency would not be what was asked for.
    if now.tick != NOMINAL_TICK {
        modes |= adj::TICK;
    }
    let mut status = now.status & !OURS | sta::PLL | sta::FREQHOLD;
    if !steering.synchronised || rtc_is_local {
        status |= sta::UNSYNC;
    }
    status |= match steering.leap {
        Leap::Insert => sta::INS,
        Leap::Delete => sta::DEL,
        Leap::None | Leap::Unsynchronised => 0,
    };
    let (estimate, bound) = steering.errors;
    Timex {
        modes,
        status,
        frequency: (steering.frequency.clamp(-MAX_FREQUENCY, MAX_FREQUENCY) * PER_PPM).round() as i64,
        offset: steering.phase.clamp(-MAX_PHASE, MAX_PHASE),
        constant: i64::from(steering.time_constant.min(MAX_TIME_CONSTANT)),
        est_error: i64::from(estimate).min(MAX_ERROR),
        max_error: i64::from(bound).min(MAX_ERROR),
        tick: NOMINAL_TICK,
        ..Timex::default()
    }
}

/// What the kernel's answer to a request without modes says.
pub(super) fn state(now: &Timex, result: i32) -> ClockState {
    ClockState {
        frequency: now.frequency as f64 / PER_PPM + (now.tick - NOMINAL_TICK) as f64 * PPM_PER_TICK,
        synchronised: now.status & sta::UNSYNC == 0 && result != TIME_ERROR,
        max_error: now.max_error,
    }
}

#[cfg(test)]
mod tests;
