//! The limit on how fast a host may fill a disk: a bucket that fills with time, and out of which every byte is taken.
//!
//! The host waits for each answer before it sends the next piece, so an answer that comes later is all that is needed. An
//! answer is late only when the bucket is empty, and then by at least `LEAST`: timers are of a millisecond, and a piece
//! of 6 KiB at 100 MiB a second takes a sixteenth of that.

use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::Instant;

/// What the bucket holds, as time.
const HOLDS: Duration = Duration::from_millis(100);
/// The shortest delay.
const LEAST: Duration = Duration::from_millis(5);

/// See the module.
#[derive(Debug, Default)]
pub struct Rate {
    bytes_per_second: Option<NonZeroU64>,
    /// When everything taken so far is paid for.
    paid: Option<Instant>,
}

impl Rate {
    /// `None`: as fast as it comes.
    #[must_use]
    pub const fn new(bytes_per_second: Option<NonZeroU64>) -> Rate {
        Rate { bytes_per_second, paid: None }
    }

    /// Another limit from now on; what was taken under the one before is forgiven.
    pub fn set(&mut self, bytes_per_second: Option<NonZeroU64>) {
        if self.bytes_per_second != bytes_per_second {
            *self = Rate::new(bytes_per_second);
        }
    }

    /// Takes so many bytes at `now`: until when their answer is to wait, if at all.
    pub fn take(&mut self, now: Instant, bytes: u64) -> Option<Instant> {
        let rate = self.bytes_per_second?;
        let cost = Duration::from_nanos(
            // Below 2^64 for as much as a message can have.
            u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(rate.get())).unwrap_or(u64::MAX),
        );
        let full = now.checked_sub(HOLDS).unwrap_or(now);
        let paid = self.paid.map_or(full, |paid| paid.max(full)) + cost;
        self.paid = Some(paid);
        (paid >= now + LEAST).then_some(paid)
    }
}

#[cfg(test)]
mod tests;
