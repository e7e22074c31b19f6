//! Numbers on the command line: what is wrong with one is told by what is expected, with a range and an example.
//!
//! Only their form and what can be sent; what a daemon allows is its own affair.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

const EXPECTED_SECONDS: &str = "expected a number of seconds, such as 30 or 0.5";

/// Seconds, also parts of them; 0 is one.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| EXPECTED_SECONDS.to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| EXPECTED_SECONDS.to_owned())
}

/// Whole seconds. On D-Bus 0 means "as long as is allowed": who types it cannot have meant that.
pub(super) fn whole_seconds(text: &str) -> Result<u32, String> {
    within(text, 1..=u32::MAX)
        .ok_or_else(|| format!("expected a whole number of seconds, from 1 to {}, such as 30", u32::MAX))
}

/// How many.
pub(super) fn count(text: &str) -> Result<u16, String> {
    within(text, 1..=u16::MAX)
        .ok_or_else(|| format!("expected a whole number, from 1 to {}, such as 10", u16::MAX))
}

fn within<N: FromStr + PartialOrd>(text: &str, range: RangeInclusive<N>) -> Option<N> {
    text.parse().ok().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests;
