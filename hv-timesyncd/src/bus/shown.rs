//! What is shown on the bus, as the service publishes it.

use crate::engine::Verdict;
use crate::ruler::{Clients, Mode, Ruler};
use crate::sample::{Method, Purpose};

/// The state of things; published as a whole (`tokio::sync::watch`) after each message that changed it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// What this daemon is for.
    pub mode: Mode,
    /// Who keeps the clock.
    pub ruler: Ruler,
    /// NTP clients that run.
    pub clients: Clients,
    /// Host minus guest, ns, filtered, when the last sample came.
    pub offset: i64,
    /// How much single samples differ from the filtered time, ns.
    pub jitter: i64,
    /// How much faster the host's clock runs than the guest's unsteered one, ppm.
    pub frequency: f64,
    /// How wrong the filtered time may be, ns; what all samples have in common cannot be seen.
    pub error: i64,
    /// How it is known when the host takes its time; `None` before the first sample.
    pub method: Option<Method>,
    /// The last sample.
    pub last_sample: Option<Row>,
    /// The last time that something was done to the clock, or was decided not to be.
    pub last_action: Option<LastAction>,
    /// The last step among these.
    pub last_step: Option<LastAction>,
    /// Refclock clients that get samples: `chrony:PATH`, `shm:UNIT`.
    pub fed: Vec<String>,
}

impl Shown {
    /// The clock was stepped by so many ns: moments from before are said on the clock as it is now, so that they stay as long ago
    /// as they are.
    pub fn moved(&mut self, ns: i64) {
        if let Some(row) = &mut self.last_sample {
            row.when = later(row.when, ns);
        }
        for action in [&mut self.last_action, &mut self.last_step].into_iter().flatten() {
            action.when = later(action.when, ns);
        }
    }
}

/// Another moment, µs since 1970 and ns.
pub(super) fn later(when: u64, ns: i64) -> u64 {
    when.saturating_add_signed(ns / 1000)
}

/// What was done to the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAction {
    /// µs since 1970, on the clock as it was after the action.
    pub when: u64,
    /// `step`, `slew`, `none`.
    pub what: &'static str,
    /// By how much, ns.
    pub ns: i64,
    /// Why, for a person.
    pub why: String,
}

/// One sample, as it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// µs since 1970 when it arrived, on the guest's clock.
    pub when: u64,
    /// Host minus guest, ns, unfiltered.
    pub offset: i64,
    /// How long it was on the way, ns.
    pub delay: i64,
    /// How wrong that may be, ns.
    pub error: i64,
    /// What the host wanted.
    pub purpose: Purpose,
    /// How it is known how long it was on the way.
    pub method: Method,
    /// What became of it.
    pub verdict: Verdict,
}
