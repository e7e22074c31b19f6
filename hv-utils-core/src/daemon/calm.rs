//! Keeps a channel that comes and goes from filling the log.
//!
//! A few changes in a row are news; a host that opens and closes its channel for hours is one. Whoever wants to
//! see every change asks for the level debug.

use std::time::Duration;
use tokio::time::Instant;

/// Changes logged within one window.
const NEWS: u32 = 20;

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(600);

/// Counts changes.
#[derive(Debug)]
pub(super) struct Calm {
    since: Instant,
    changes: u32,
}

/// How to log a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Say {
    /// As news.
    News,
    /// As news, and as the last for a while.
    Last,
    /// For who wants to see everything.
    Detail,
}

impl Calm {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), changes: 0 }
    }

    /// There was a change.
    pub(super) fn change(&mut self) -> Say {
        if self.since.elapsed() >= WINDOW {
            *self = Self::new();
        }
        self.changes = self.changes.saturating_add(1);
        match self.changes {
            ..NEWS => Say::News,
            NEWS => Say::Last,
            _ => Say::Detail,
        }
    }
}

#[cfg(test)]
mod tests;
