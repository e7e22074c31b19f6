//! Which times are believed at all: a hostile or broken host cannot throw the guest to another century.

use super::Verdict;
use crate::sample::{Leap, Sample};

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
    /// How far the clock is moved at most, in either direction. Counted from the floor where the clock is before it: such
    /// a clock is wrong, and how wrong says nothing.
    pub max_step: i64,
}

impl Limits {
    /// Whether this can be a time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn admit(&self, sample: &Sample) -> Result<(), Verdict> {
        let host = sample.host.checked_add(sample.age.ns).ok_or(Verdict::Impossible)?;
        self.admit_host(host)?;
        let from = sample.received.real.max(self.floor);
        if host.abs_diff(from) > self.max_step.unsigned_abs() {
            return Err(Verdict::TooFar);
        }
        Ok(())
    }

    /// As [`admit`](Self::admit), as far as it can be said without the guest's clock.
    ///
    /// # Errors
    /// As there.
    pub fn admit_host(&self, host: i64) -> Result<(), Verdict> {
        if host < self.floor.max(0) {
            return Err(Verdict::BeforeFloor);
        }
        if host / SECOND > KERNEL_LIMIT_SECS {
            return Err(Verdict::Impossible);
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
