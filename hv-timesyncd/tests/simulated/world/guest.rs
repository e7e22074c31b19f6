//! The guest's CLOCK_REALTIME, as Linux keeps it: the raw clock, a frequency on top of it, a phase that is made up for
//! second by second (`kernel/time/ntp.c` in its PLL mode, with the frequency held), and steps. It can also run at a
//! different rate until some moment, which is how chronyd slews.

use hv_timesyncd::clock::Steering;

use super::SECOND;

/// The clock. Times in ns; `real` after [`super::EPOCH`].
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    raw: f64,
    real: f64,
    /// Beyond the raw clock, ppm.
    frequency: f64,
    /// What is still to be made up for, and how much of it in this second.
    rest: f64,
    share: f64,
    time_constant: u8,
    /// The clock's next full second, when the kernel looks at the rest again.
    second: f64,
    slew: f64,
    slew_ends: f64,
    /// By how much it was stepped, each time.
    pub(crate) steps: Vec<f64>,
}

impl Guest {
    /// A clock that shows `real`.
    pub(crate) fn new(raw: f64, real: f64) -> Guest {
        Guest {
            raw,
            real,
            frequency: 0.0,
            rest: 0.0,
            share: 0.0,
            time_constant: 0,
            second: (real / SECOND).floor() * SECOND + SECOND,
            slew: 0.0,
            slew_ends: raw,
            steps: Vec::new(),
        }
    }

    /// What it shows when the raw clock shows `raw`, which is not before the last look.
    pub(crate) fn show(&mut self, raw: f64) -> f64 {
        while self.raw < raw {
            let slewing = self.raw < self.slew_ends;
            let slew = if slewing { self.slew } else { 0.0 };
            let rate = 1.0 + (self.frequency + slew) * 1e-6 + self.share / SECOND;
            let tick = self.raw + (self.second - self.real) / rate;
            let until = raw.min(tick).min(if slewing { self.slew_ends } else { raw });
            self.real += (until - self.raw) * rate;
            self.raw = until;
            if until >= tick {
                self.real = self.second;
                self.second += SECOND;
                self.share = self.rest / f64::from(1_u32 << (2 + self.time_constant));
                self.rest -= self.share;
            }
        }
        self.real
    }

    pub(crate) fn step(&mut self, raw: f64, by: f64) {
        self.show(raw);
        self.real += by;
        self.second = (self.real / SECOND).floor() * SECOND + SECOND;
        (self.rest, self.share, self.slew_ends) = (0.0, 0.0, raw);
        self.steps.push(by);
    }

    pub(crate) fn steer(&mut self, raw: f64, steering: Steering) {
        self.show(raw);
        self.frequency = steering.frequency.clamp(-500.0, 500.0);
        self.rest = (steering.phase as f64).clamp(-0.5 * SECOND, 0.5 * SECOND);
        self.time_constant = steering.time_constant.min(10);
    }

    /// Runs `ppm` faster, and `slew` ppm on top of that for so many ns.
    pub(crate) fn run_at(&mut self, raw: f64, ppm: f64, slew: f64, length: f64) {
        self.show(raw);
        (self.frequency, self.slew, self.slew_ends) = (ppm, slew, raw + length);
    }
}
