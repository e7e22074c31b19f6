//! A host and a guest as they are not seen from inside: one true time, and the clocks that are made from it.

use crate::counter::Pair;

/// Numbers that look random, the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to less than 1.
    pub(crate) fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponentially distributed with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.part()).ln()
    }
}

/// True time is in ns and begins at 0.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) dice: Dice,
    /// How much faster than true time the guest's raw clock runs, ppm.
    pub(crate) guest_ppm: f64,
    /// The counter at true time 0, in ticks.
    pub(crate) counter: i64,
    /// CLOCK_MONOTONIC_RAW at true time 0.
    pub(crate) raw: i64,
    /// The host's time at true time 0, since 1970.
    pub(crate) host: i64,
    /// No message is faster.
    pub(crate) floor: f64,
    /// Mean of what comes on top.
    pub(crate) mean: f64,
}

/// A message, and how long it really was on the way, on the guest's raw clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) reference: u64,
    pub(crate) host: i64,
    pub(crate) raw: i64,
    pub(crate) age: i64,
}

impl World {
    pub(crate) fn new(seed: u64, guest_ppm: f64) -> World {
        World {
            dice: Dice::new(seed),
            guest_ppm,
            counter: 40_000_000,
            raw: 3_000_000_000,
            host: 1_790_000_000_000_000_000,
            floor: 30e3,
            mean: 1e6,
        }
    }

    pub(crate) fn raw_at(&self, time: f64) -> i64 {
        self.raw + (time * (1.0 + self.guest_ppm * 1e-6)) as i64
    }

    pub(crate) fn counter_at(&self, time: f64) -> u64 {
        self.counter.saturating_add((time / 100.0) as i64) as u64
    }

    /// A pair that is off by anything up to `error`, as it says.
    pub(crate) fn pair(&mut self, time: f64, error: i64) -> Pair {
        let off = ((self.dice.part() * 2.0 - 1.0) * error as f64) as i64;
        // The counter shows the tick that has begun.
        let begun = (time / 100.0).floor() * 100.0;
        Pair { reference: self.counter_at(time), raw: self.raw_at(begun) + off, error: error + 2 }
    }

    /// The message that the host sends at a time.
    pub(crate) fn message(&mut self, time: f64) -> Message {
        let delay = self.floor + self.dice.exponential(self.mean);
        let raw = self.raw_at(time + delay);
        Message {
            reference: self.counter_at(time),
            host: self.host + (time / 100.0) as i64 * 100,
            raw,
            age: raw - self.raw_at(time),
        }
    }
}
