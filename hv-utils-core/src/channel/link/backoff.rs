//! Delays that grow while something keeps failing.
//!
//! Only the arithmetic; whoever waits owns the timer. The growth ends at a bound, and forgets itself when told.

use std::time::Duration;

/// First delay of most rows.
pub(super) const FIRST: Duration = Duration::from_millis(50);
/// First delay after a disconnect of a test host that was there a moment ago.
pub(super) const RECONNECT: Duration = Duration::from_millis(20);
/// Longest delay towards a host, real or simulated.
pub(super) const HOST_LIMIT: Duration = Duration::from_secs(2);
/// Longest delay before another attempt at a device that is there and does not open. Nothing tells when another
/// program gives it up, so it has to be tried; that it comes and goes is seen without trying.
pub(super) const DEVICE_LIMIT: Duration = Duration::from_secs(60);

/// A row of delays, each the double of the one before, up to a limit.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    next: Duration,
    limit: Duration,
}

impl Backoff {
    pub(super) const fn new(first: Duration, limit: Duration) -> Self {
        Self { first, next: first, limit }
    }

    /// The delay to wait now.
    pub(super) fn delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.limit);
        delay
    }

    /// Starts again with the first delay.
    pub(super) const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
#[path = "backoff_tests.rs"]
mod tests;
