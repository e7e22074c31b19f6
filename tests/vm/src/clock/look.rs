//! One look at the clocks of a machine: time stamp counter, CLOCK_REALTIME and CLOCK_MONOTONIC_RAW at the same moment.

use std::fmt;
use std::str::FromStr;

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::tsc::ticks;

/// Looks of which the narrowest counts: an interruption is in few of them.
const LOOKS: usize = 7;
/// Bytes of a look in a frame.
const BYTES: usize = 32;

/// See the module. Nanoseconds, but for the counter and what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Time stamp counter.
    pub ticks: u64,
    /// CLOCK_REALTIME, since 1970.
    pub real: i64,
    /// CLOCK_MONOTONIC_RAW.
    pub raw: i64,
    /// How many ticks the look at CLOCK_REALTIME took: `ticks` is its middle.
    pub width: u64,
}

/// A look at this machine's clocks.
#[must_use]
pub fn look() -> Look {
    narrowest(LOOKS, once, |look| look.width)
}

/// The narrowest of so many looks.
#[must_use]
pub fn narrowest<T>(times: usize, once: impl Fn() -> T, width: impl Fn(&T) -> u64) -> T {
    let mut best = once();
    for _ in 1..times {
        let other = once();
        if width(&other) < width(&best) {
            best = other;
        }
    }
    best
}

fn once() -> Look {
    // Around the middle, so that both clocks belong to the same moment.
    let raw_before = nanoseconds(ClockId::MonotonicRaw);
    let before = ticks();
    let real = nanoseconds(ClockId::Realtime);
    let width = ticks().saturating_sub(before);
    let raw_after = nanoseconds(ClockId::MonotonicRaw);
    Look { ticks: before + width / 2, real, raw: i64::midpoint(raw_before, raw_after), width }
}

pub(super) fn nanoseconds(clock: ClockId) -> i64 {
    from_timespec(clock_gettime(clock))
}

/// Nanoseconds of a time; at the ends of the range if it is beyond them.
pub(super) fn from_timespec(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

impl Look {
    /// As bytes of a frame.
    #[must_use]
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let words = [self.ticks.to_le_bytes(), self.real.to_le_bytes(), self.raw.to_le_bytes()];
        [words.concat(), self.width.to_le_bytes().to_vec()].concat()
    }

    /// From the bytes of a frame.
    #[must_use]
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Look> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        let word = |number: usize| {
            bytes.get(number * 8..)?.first_chunk().map(|word: &[u8; 8]| u64::from_le_bytes(*word))
        };
        Some(Look {
            ticks: word(0)?,
            real: word(1)?.cast_signed(),
            raw: word(2)?.cast_signed(),
            width: word(3)?,
        })
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.ticks, self.real, self.raw, self.width)
    }
}

/// As [`Look`] is printed.
impl FromStr for Look {
    type Err = String;

    fn from_str(line: &str) -> Result<Look, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let wrong = || format!("no look at clocks: {line:?}");
        let [ticks, real, raw, width] = words[..] else { return Err(wrong()) };
        let look = || {
            Some(Look {
                ticks: ticks.parse().ok()?,
                real: real.parse().ok()?,
                raw: raw.parse().ok()?,
                width: width.parse().ok()?,
            })
        };
        look().ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests;
