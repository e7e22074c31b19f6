//! When the log is told what the host is told: each state at once, but none again before a minute is over.
//!
//! Units that fail again and again are systemd's to tell of. What was held back is told when its minute is over, if that is
//! still how things are and not what the log has, or when the daemon ends before: its last line may be late, but not wrong. Nothing
//! is logged here, and there is no timer: whoever has one asks when ([`Telling::due`]), which is never where the log is up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use hv_utils_core::wire::heartbeat::ApplicationState;
use tokio::time::Instant;

/// How often the log is told the same.
const INTERVAL: Duration = Duration::from_secs(60);

/// See the module. It knows of no settings: a reload has no part in it.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// What the log has; before it has anything, that nobody says anything.
    told: ApplicationState,
    /// When it was told of each last.
    times: BTreeMap<ApplicationState, Instant>,
}

impl Telling {
    /// Whether the log is to be told at `now` that this is how things are; it counts as told then.
    pub(crate) fn admit(&mut self, state: ApplicationState, now: Instant) -> bool {
        let is_news = state != self.told && self.due(state).is_none_or(|due| due <= now);
        if is_news {
            self.told = state;
            self.times.insert(state, now);
        }
        is_news
    }

    /// Whether the log is to be told of this state now, whatever it was told when, since nothing follows.
    pub(crate) fn end(&mut self, state: ApplicationState) -> bool {
        std::mem::replace(&mut self.told, state) != state
    }

    /// When the log is to be told of a state that was held back, if it lasts; `None`: nothing is.
    #[must_use]
    pub(crate) fn due(&self, state: ApplicationState) -> Option<Instant> {
        let last = self.times.get(&state).filter(|_| state != self.told);
        last.map(|last| *last + INTERVAL)
    }
}

#[cfg(test)]
mod tests;
