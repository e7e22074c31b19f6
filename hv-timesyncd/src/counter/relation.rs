//! The line between the reference counter and CLOCK_MONOTONIC_RAW, through measured pairs.
//!
//! Both count one oscillator, by different scales: the counter by the host's, the raw clock by what the kernel made of the
//! TSC's frequency when it booted. So the line is straight for as long as the machine is not restored or moved; pairs from
//! before that do not fit, and are left out. Counters come from the host: all arithmetic holds for any.

use super::Pair;

#[cfg(test)]
mod tests;

/// Nanoseconds in a tick of the counter (10 MHz), nominally.
pub const TICK: i64 = 100;
/// Rates and their errors are in parts of this of the nominal rate: a millionth of a ppm.
const PARTS: i128 = 1_000_000_000_000;
/// One ppm.
const PPM: i128 = PARTS / 1_000_000;
/// How far from nominal the rate is believed to be where there is nothing to tell it from. Kernels that have to measure the
/// TSC's frequency are off by a few ppm, old ones by some ten.
const PRIOR: i128 = 50 * PPM;
/// No clock source is off by so much: such pairs have something else between them.
const IMPOSSIBLE: i128 = 500 * PPM;
/// By how much the rates of two stretches may differ and still be one rate: where the counter is emulated, its host may
/// steer it.
const WANDER: i128 = PPM;
/// No rate is known better, however far apart two pairs are: 3.6 µs in an hour.
const FLOOR: i128 = PPM / 1000;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    newest: Pair,
    rate: Rate,
    span: i64,
}

/// What passes on the raw clock while the counter moves on by a number of ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    /// Ticks; more than 0.
    ticks: i128,
    /// Nanoseconds beyond [`TICK`] for each of them.
    beyond: i128,
    /// How wrong the rate may be, in [`PARTS`].
    error: i128,
}

impl Rate {
    const NOMINAL: Rate = Rate { ticks: 1, beyond: 0, error: PRIOR };
    const EXACT: Rate = Rate { ticks: 1, beyond: 0, error: 0 };

    /// From two pairs; `None`: the counter or the clock did not move on.
    fn between(older: Pair, newer: Pair) -> Option<Rate> {
        let ticks = i128::from(newer.reference) - i128::from(older.reference);
        let raw = i128::from(newer.raw) - i128::from(older.raw);
        if ticks <= 0 || raw <= 0 {
            return None;
        }
        let nominal = ticks * i128::from(TICK);
        let both = i128::from(older.error) + i128::from(newer.error);
        Some(Rate { ticks, beyond: raw - nominal, error: both * PARTS / nominal + 1 })
    }

    /// How far it is from nominal, in [`PARTS`].
    fn deviation(self) -> i128 {
        self.beyond * PARTS / (self.ticks * i128::from(TICK))
    }

    /// What passes on the raw clock in so many ticks, and how wrong that may be.
    fn over(self, ticks: i128) -> (i128, i128) {
        let nominal = ticks * i128::from(TICK);
        let error = nominal.abs() * self.error;
        (nominal + ticks * self.beyond / self.ticks, error.div_euclid(PARTS) + i128::from(error % PARTS != 0))
    }
}

impl Relation {
    /// From pairs of this boot, oldest first. The newest says where the line is, the older ones how steep. `steady`: the
    /// raw clock is made from this very counter, so that the rate is known beforehand.
    ///
    /// `None`: there are none, or the newest makes no sense.
    #[must_use]
    pub fn new(pairs: &[Pair], steady: bool) -> Option<Relation> {
        let (newest, older) = pairs.split_last()?;
        if !usable(newest) {
            return None;
        }
        let nominal = Relation { newest: *newest, rate: Rate::NOMINAL, span: 0 };
        Some(if steady { Relation { rate: Rate::EXACT, ..nominal } } else { nominal.steepened(older) })
    }

    /// Finds the rate, from the newest pair backwards until one does not fit: that one is from before a restore, and so are
    /// all before it.
    fn steepened(mut self, older: &[Pair]) -> Relation {
        let mut later = self.newest;
        let mut stretch: Option<Rate> = None;
        let mut disagreement = FLOOR;
        let mut confirmed = false;
        for pair in older.iter().rev().filter(|pair| usable(pair)) {
            let (Some(next), Some(whole)) = (Rate::between(*pair, later), Rate::between(*pair, self.newest))
            else {
                break;
            };
            if next.deviation().abs() - next.error > IMPOSSIBLE {
                break;
            }
            if next.error > PRIOR {
                // Too close to the other to tell anything.
                continue;
            }
            if let Some(before) = stretch {
                let apart = (next.deviation() - before.deviation()).abs();
                if apart - next.error - before.error > WANDER {
                    // One of the two has a jump in it. Where only these two are known, it may be the one that was
                    // believed.
                    disagreement = if confirmed { disagreement } else { apart };
                    break;
                }
                confirmed = true;
                disagreement = disagreement.max(apart - next.error - before.error);
            }
            if whole.error < self.rate.error {
                self.rate = whole;
            }
            self.span = self.newest.raw.saturating_sub(pair.raw);
            (later, stretch) = (*pair, Some(next));
        }
        self.rate.error = self.rate.error.max(disagreement);
        if self.rate.error > PRIOR {
            self.rate = Rate::NOMINAL;
        }
        self
    }

    /// With the rate from before a restore or a move, where one pair since tells none: it is about that, since both machines
    /// count by what they say that a second is.
    #[must_use]
    pub fn with_rate_of(self, before: Relation) -> Relation {
        let rate = Rate { error: before.rate.error.max(WANDER), ..before.rate };
        if self.span == 0 && rate.error < self.rate.error { Relation { rate, ..self } } else { self }
    }

    /// With a rate that may be any that there is, where one pair tells none: it has just changed.
    #[must_use]
    pub fn with_unknown_rate(self) -> Relation {
        let guessed = self.span == 0 && self.rate.error == PRIOR;
        if guessed { Relation { rate: Rate { error: IMPOSSIBLE, ..self.rate }, ..self } } else { self }
    }

    /// CLOCK_MONOTONIC_RAW at a value of the counter, and how wrong that may be, in ns, in either direction.
    #[must_use]
    pub fn raw_at(&self, reference: u64) -> (i64, i64) {
        let (passed, error) = self.rate.over(i128::from(reference) - i128::from(self.newest.reference));
        // A tick has passed in part when its number is read, and nobody says how much of it.
        let error = error + i128::from(self.newest.error) + i128::from(TICK);
        (saturated(i128::from(self.newest.raw) + passed), saturated(error))
    }

    /// Whether a pair is where this said that it would be, and it said so to `tolerance` ns.
    #[must_use]
    pub fn foresaw(&self, pair: Pair, tolerance: i64) -> bool {
        let (raw, error) = self.raw_at(pair.reference);
        error <= tolerance && raw.abs_diff(pair.raw) <= error.saturating_add(pair.error).unsigned_abs()
    }

    /// The pair that says where the line is.
    #[must_use]
    pub const fn newest(&self) -> Pair {
        self.newest
    }

    /// How long before the newest pair the oldest one was measured that the rate is from, ns; 0 without one.
    #[must_use]
    pub const fn span(&self) -> i64 {
        self.span
    }
}

/// Whether a pair can be one at all: a counter that does not run stands at 0.
const fn usable(pair: &Pair) -> bool {
    pair.reference != 0 && pair.raw >= 0 && pair.error >= 0
}

fn saturated(ns: i128) -> i64 {
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}
