//! A model of chronyd with `refclock PHC /dev/ptp_hyperv poll 3 dpoll -2` and `makestep 1.0 -1`, as Microsoft advises it for
//! Linux on Azure, beside hv_utils, which steps at each SYNC whatever chronyd thinks of it.
//!
//! Written from chrony.conf(5) and from what its authors published about the algorithms; no line is chronyd's.
//! Modelled: a reading of the PTP clock four times a second (the best of several, 0.2 µs); the median filter over the 8 s of a
//! poll (`filter`); the regression over up to 64 samples with its test for runs (`regression`); at each poll the
//! frequency is set to the line's slope (but for `maxupdateskew`) and the offset is slewed, by `corrtimeratio` 3: in three poll intervals where
//! the offset is as large as the samples' deviation, in less time the larger it is, in a second at least and by 83333 ppm
//! at most; a step above 1 s; a fresh start where the clock is stepped by more than 10 s behind its back.
//! Not modelled, and all of it to chronyd's advantage here: the source being rejected (its reachability, its root
//! distance, `maxjitter`), the time until it is selected first, the resolution of the kernel's tick, samples' weights (all are
//! read with the same delay), and the memory of older frequencies.

mod filter;
mod regression;

use super::kernel::step_at_sync;
use crate::world::{At, Contestant, Guest, Message, Random, SECOND};
use regression::{History, Line};

/// `dpoll -2`, and how many readings make a poll (`poll 3`).
const PERIOD: f64 = SECOND / 4.0;
const POLL: usize = 32;
/// `corrtimeratio`.
const CORRECTION_RATIO: f64 = 3.0;
/// `maxupdateskew` 1000: the frequency is left as it is where the slope is known worse; a bound of so many deviations.
const MAX_UPDATE_SKEW: f64 = 1000e-6;
const SKEW: f64 = 3.0;
/// `maxslewrate`, ppm.
const MAX_SLEW: f64 = 83_333.0;
/// `makestep 1.0 -1`.
const STEP: f64 = SECOND;
/// A clock that went by so much further than was slept was stepped by somebody.
const NOTICED: f64 = 10.0 * SECOND;

#[derive(Debug)]
pub(crate) struct Chrony {
    with_reference: bool,
    random: Random,
    readings: Vec<(f64, f64)>,
    polled: usize,
    history: History,
    /// The frequency in force, ns per ns.
    slope: f64,
    /// What the kernel has stepped unnoticed: to chronyd its clock is the raw one and this.
    stepped: f64,
}

impl Chrony {
    pub(crate) fn new(with_reference: bool) -> Chrony {
        Chrony {
            with_reference,
            random: Random::new(0, 6),
            readings: Vec::new(),
            polled: 0,
            history: History::default(),
            slope: 0.0,
            stepped: 0.0,
        }
    }

    /// The readings of a poll become a sample, the sample a new line, and that a correction.
    fn poll(&mut self, at: &At<'_>, guest: &mut Guest) {
        let Some((when, difference)) = filter::filter(&mut self.readings, self.slope) else { return };
        let line = self.history.add(when, difference);
        if line.samples >= 3 && SKEW * line.slope_error < MAX_UPDATE_SKEW {
            self.slope = line.slope;
        }
        self.correct(&Line { slope: self.slope, ..line }, at, guest);
    }

    fn correct(&self, line: &Line, at: &At<'_>, guest: &mut Guest) {
        let now = at.raw + self.stepped;
        let offset = now + line.at(now) - guest.show(at.raw);
        let ppm = self.slope * 1e6;
        if offset.abs() > STEP {
            guest.step(at.raw, offset);
            return guest.run_at(at.raw, ppm, 0.0, 0.0);
        }
        let interval = POLL as f64 * PERIOD;
        let usual = CORRECTION_RATIO * interval * line.deviation / offset.abs().max(1.0);
        let length = usual.max(SECOND).max(offset.abs() / MAX_SLEW * 1e6);
        guest.run_at(at.raw, ppm, offset / length * 1e6, length);
    }
}

impl Contestant for Chrony {
    fn name(&self) -> &'static str {
        if self.with_reference { "kernel + chrony, 4.0" } else { "kernel + chrony, 3.0" }
    }

    fn first_look(&self) -> Option<f64> {
        Some(0.37 * PERIOD)
    }

    fn kernel_got(&mut self, message: &Message, at: &At<'_>, guest: &mut Guest) {
        let Some(by) = step_at_sync(self.with_reference, message, at, guest) else { return };
        self.stepped += by;
        if by.abs() > NOTICED {
            self.history.clear();
            self.readings.clear();
        }
    }

    fn look(&mut self, at: &At<'_>, guest: &mut Guest) -> f64 {
        let now = at.raw + self.stepped;
        if let Some(host) = at.ptp(self.with_reference) {
            self.readings.push((now, host + super::READING * self.random.normal() - now));
        }
        self.polled += 1;
        if self.polled == POLL {
            self.polled = 0;
            self.poll(at, guest);
        }
        PERIOD
    }
}
