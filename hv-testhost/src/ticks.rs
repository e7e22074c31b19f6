//! Times on the command line in seconds, as the wire counts them: 100 ns ticks, signed, exact.

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

#[cfg(test)]
mod tests;
