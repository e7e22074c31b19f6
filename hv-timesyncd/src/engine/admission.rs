//! Which times are believed at all: a hostile or broken host cannot throw the guest to another century.

use super::Verdict;
use crate::sample::Leap;

const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000_000;

/// The last time to which Linux lets its clock be set, seconds since 1970: 30 years before its counter of nanoseconds ends
/// (`TIME_SETTOD_SEC_MAX` of `include/linux/time64.h`), in 2232.
pub const KERNEL_LIMIT_SECS: i64 = i64::MAX / SECOND - 30 * 365 * DAY;

/// Bounds, ns since 1970 and ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What is surely past: when this program was built, or what the administrator says.
    pub floor: i64,
    /// How far the clock is moved at most, in either direction: from what it showed when the first time came and the raw clock has
    /// counted since, which no host can move step by step; or onward from the floor, wherever it is. A clock that was wrong at
    /// the start, by decades perhaps, must not keep the right time out.
    pub max_step: i64,
}

impl Limits {
    /// Whether the host's clock can show this; `expected`: what the guest's would show if no host had moved it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub const fn admit(&self, host: i64, expected: i64) -> Result<(), Verdict> {
        if host < self.floor || host < 0 {
            return Err(Verdict::BeforeFloor);
        }
        if host / SECOND > KERNEL_LIMIT_SECS {
            return Err(Verdict::Impossible);
        }
        let most = self.max_step.unsigned_abs();
        let expected = if expected < self.floor { self.floor } else { expected };
        if host.abs_diff(expected) > most && host.abs_diff(self.floor) > most {
            return Err(Verdict::TooFar);
        }
        Ok(())
    }
}

/// The leap second that is taken over from a host: only on the last day of June or December, UTC, as all of them were.
#[must_use]
pub fn leap_of(leap: Leap, host: i64) -> Leap {
    match leap {
        Leap::Insert | Leap::Delete if !is_leap_day(host) => Leap::None,
        other => other,
    }
}

/// Whether tomorrow is the first of July or of January.
fn is_leap_day(host: i64) -> bool {
    // Days since 1970, tomorrow's; then the civil date, counted in eras of 400 years that begin in March.
    let days = host.div_euclid(SECOND * DAY) + 1;
    let era_day = (days + 719_468).rem_euclid(146_097);
    let year = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * year + year / 4 - year / 100);
    // In a year that begins with March, 1 July is its day 122 and 1 January its day 306.
    year_day == 122 || year_day == 306
}

#[cfg(test)]
mod tests;
