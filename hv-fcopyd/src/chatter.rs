//! Lines about copies that begin and end: for each, as long as they are no more than somebody would read.
//!
//! A host may begin and cancel thousands of copies in a second, and a journal drops what else a service says when it gets
//! too many lines of it. The history and the bus have every copy.

use std::time::Duration;
use tokio::time::Instant;

/// Lines in a row.
const MOST: u32 = 60;
/// After so long there may be as many again.
const PERIOD: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub struct Chatter {
    since: Option<Instant>,
    said: u32,
    unsaid: u64,
}

impl Chatter {
    /// `Some`: one more line may be written at `now`, and so many were not since the last. `None`: it is counted.
    pub fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= PERIOD) {
            (self.since, self.said) = (Some(now), 0);
        }
        if self.said >= MOST {
            self.unsaid += 1;
            return None;
        }
        self.said += 1;
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests;
