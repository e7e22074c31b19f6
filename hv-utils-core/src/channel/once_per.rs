//! Says of each distinct failure whether to log it now: the first time, then once per interval with a count.
//!
//! It does not log and has no timer: it is asked when something happens. Keys are fixed texts of ours and never
//! what a host sent, so a host can neither flood the log nor make the table grow.

use std::time::Duration;
use tokio::time::Instant;

/// More distinct failures than one link knows; beyond it the last one is shared.
const MAX_KEYS: usize = 64;

/// A rate limiter for log lines.
#[derive(Debug)]
pub struct OncePer {
    interval: Duration,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: &'static str,
    logged: Instant,
    suppressed: u64,
}

impl OncePer {
    /// One line per failure and interval.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, entries: Vec::new() }
    }

    /// The failure `key` happened. `Some(n)`: log it, and say that it happened `n` times unlogged before (0 at
    /// first). `None`: it was only counted.
    pub fn admit(&mut self, key: &'static str) -> Option<u64> {
        let now = Instant::now();
        let full = self.entries.len() >= MAX_KEYS;
        let known = self.entries.iter().position(|entry| entry.key == key);
        let Some(index) = known.or(full.then_some(MAX_KEYS - 1)) else {
            self.entries.push(Entry { key, logged: now, suppressed: 0 });
            return Some(0);
        };
        let entry = &mut self.entries[index];
        if now.duration_since(entry.logged) < self.interval {
            entry.suppressed += 1;
            return None;
        }
        entry.logged = now;
        Some(std::mem::take(&mut entry.suppressed))
    }

    /// The failure `key` is over: its next occurrence is news again. Returns how often it happened unlogged.
    pub fn over(&mut self, key: &'static str) -> u64 {
        match self.entries.iter().position(|entry| entry.key == key) {
            Some(index) => self.entries.swap_remove(index).suppressed,
            None => 0,
        }
    }
}

#[cfg(test)]
#[path = "once_per_tests.rs"]
mod tests;
