//! Who keeps the clock, by what the kernel says of it. The bus tells only of clients that systemd has started.

use crate::clock::ClockState;

/// What the kernel counts its error up by: a microsecond in each so many ns.
const COUNTED_UP: i64 = 2_000_000;
/// The kernel counts to 16 s and then calls the clock unsynchronised; up to here it is seen to count, µs.
const MAX_COUNTED: i64 = 15_000_000;
/// By how much the count may be behind, µs: it goes by whole seconds.
const SLACK: i64 = 100_000;
/// A clock that is called synchronised and that nobody has touched for so long is nobody's, ns.
const UNTOUCHED: i64 = 3_600_000_000_000;

/// What the kernel's word for the clock comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It runs as this daemon has left it.
    Ours,
    /// Somebody else has called it synchronised.
    Others,
    /// The same, and it was this daemon's until then: it does not run as this daemon has set it.
    TakenOver,
    /// Nobody has, or whoever did is gone.
    Nobody,
}

/// What was seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// The frequency that this daemon has set last, as the kernel tells it, ppm.
    steered: Option<f64>,
    /// That the clock is synchronised says nothing: whoever said so is gone.
    remnant: bool,
    /// Since when nobody is seen to touch a clock that somebody has called synchronised, on the raw clock; its error then, µs.
    untouched: Option<(i64, i64)>,
}

impl Evidence {
    /// This daemon has steered the clock; how it runs since.
    pub const fn steered(&mut self, frequency: f64) {
        *self = Evidence { steered: Some(frequency), remnant: false, untouched: None };
    }

    /// This daemon leaves it alone from now on.
    pub const fn left(&mut self) {
        self.steered = None;
    }

    /// Whether NTP clients run, and whether some did before: what a client said of the clock outlives it by hours.
    pub const fn clients(&mut self, run: bool, ran: bool) {
        self.remnant = !run && (self.remnant || ran);
    }

    /// Whether that the clock is synchronised says nothing.
    #[must_use]
    pub const fn is_remnant(&self) -> bool {
        self.remnant
    }

    /// What the kernel says now. `marked`: it runs as an earlier process of this daemon has left it. `raw`: CLOCK_MONOTONIC_RAW.
    pub fn finding(&mut self, state: &ClockState, marked: bool, raw: i64) -> Finding {
        if self.steered.map_or(marked, |frequency| frequency == state.frequency) {
            (self.untouched, self.remnant) = (None, false);
            return Finding::Ours;
        }
        let taken_over = self.steered.take().is_some();
        self.remnant &= !taken_over;
        if !state.synchronised || self.remnant {
            self.untouched = None;
            return if taken_over { Finding::TakenOver } else { Finding::Nobody };
        }
        // What nobody says anything about for an hour is left over: its error is counted up by the kernel alone.
        let (since, error) = *self.untouched.get_or_insert((raw, state.max_error));
        let counted = error.saturating_add(raw.saturating_sub(since) / COUNTED_UP);
        if state.max_error < counted.saturating_sub(SLACK).min(MAX_COUNTED) {
            self.untouched = Some((raw, state.max_error));
        } else if raw.saturating_sub(since) >= UNTOUCHED {
            (self.remnant, self.untouched) = (true, None);
            return Finding::Nobody;
        }
        if taken_over { Finding::TakenOver } else { Finding::Others }
    }

    /// In how many ns time alone may lead to another finding.
    #[must_use]
    pub fn next(&self, raw: i64) -> Option<i64> {
        self.untouched.map(|(since, _)| since.saturating_add(UNTOUCHED).saturating_sub(raw).max(0))
    }
}

#[cfg(test)]
mod tests;
