//! The wire's 100 ns ticks for people: differences in seconds as on the command line, signed and exact, and the host's
//! times as dates.

use std::fmt;
use std::str::FromStr;

/// Ticks of a second.
const SECOND: u64 = 10_000_000;

/// A difference between two times in 100 ns ticks. As text: seconds with up to seven decimals, with a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticks(pub i64);

/// A text that is no number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number of seconds: write 5, -3600 or 0.25, with seven decimals at most")]
pub struct TicksError;

impl FromStr for Ticks {
    type Err = TicksError;

    fn from_str(text: &str) -> Result<Ticks, TicksError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let number = |digits: &str| {
            let right = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            right.then(|| digits.parse::<u64>().ok()).flatten().ok_or(TicksError)
        };
        if part.is_empty() || part.len() > 7 {
            return Err(TicksError);
        }
        let part = number(&format!("{part:0<7}"))?;
        let ticks = number(whole)?.checked_mul(SECOND).and_then(|ticks| ticks.checked_add(part));
        let ticks = ticks.and_then(|ticks| i64::try_from(ticks).ok()).ok_or(TicksError)?;
        Ok(Ticks(if negative { -ticks } else { ticks }))
    }
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, ticks) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let part = format!("{:07}", ticks % SECOND);
        match part.trim_end_matches('0') {
            "" => write!(f, "{sign}{}", ticks / SECOND),
            part => write!(f, "{sign}{}.{part}", ticks / SECOND),
        }
    }
}

/// The host's time, ticks since 1601-01-01 00:00:00 UTC, as a date: RFC 3339 to the tick.
pub fn utc(ticks: u64) -> String {
    let (seconds, part) = (ticks / SECOND, ticks % SECOND);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{part:07}Z")
}

/// Year, month and day of a day counted from 1601-01-01, where a cycle of 400 Gregorian years begins.
fn date(days: u64) -> (u64, u64, u64) {
    let (cycle, of_cycle) = (days / 146_097, days % 146_097);
    // The last century of a cycle, and the last year of four, have a day more.
    let century = (of_cycle / 36_524).min(3);
    let of_century = of_cycle - 36_524 * century;
    let (four, of_four) = (of_century / 1_461, of_century % 1_461);
    let year = (of_four / 365).min(3);
    let leap = year == 3 && (four != 24 || century == 3);
    let mut day = of_four - 365 * year;
    let mut month = 1;
    for length in [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (1601 + 400 * cycle + 100 * century + 4 * four + year, month, day + 1)
}

#[cfg(test)]
mod tests;
