//! The kernel's discipline of its clock, imitated: a clock that runs on raw time as `kernel/time/ntp.c` has it run.
//!
//! Arithmetic only, with the kernel's scale of 2^-32 ns. Between two full seconds (of the clock itself) the clock runs
//! straight, so a reading is one multiplication from the last change and nothing adds up. What differs: the kernel does
//! its work of a second at the first timer tick after it, up to 10 ms late; this does it within the second's first
//! nanosecond. Not imitated: `adjtime`, ticks,
//! PPS, leap seconds, and that a phase teaches a frequency (all requests here hold it).

use hv_utils_core::sys::clock::{TIME_ERROR, Timex, adj, sta};
use rustix::io::Errno;

use super::timex::{MAX_ERROR, MAX_PHASE, MAX_TIME_CONSTANT, NOMINAL_TICK};

/// 2^-32 ns in a ns.
const SCALE: u32 = 32;
/// ns in a second.
const SECOND: i64 = 1_000_000_000;
/// 2^-32 ns per second in a unit of `Timex::frequency`.
const PER_FREQUENCY: i64 = 1000 << 16;
/// What the bound of the error grows by in each second, µs (`MAXFREQ`, 500 ppm).
const ERROR_GROWTH: i64 = 500;
/// The kernel keeps 30 years to its last time, for a machine that runs on (`TIME_UPTIME_SEC_MAX`).
const LAST: i64 = i64::MAX - 30 * 365 * 86_400 * SECOND;

/// See the module.
#[derive(Debug)]
pub(super) struct Discipline {
    /// Raw time of the last change of the rate, and the clock then, in 2^-32 ns.
    anchor: (i64, i128),
    /// The last full second of the clock whose work is done, s.
    second: i64,
    /// Units of `Timex::frequency`.
    frequency: i64,
    /// What this second is longer or shorter by, and the phase left for later ones; 2^-32 ns.
    now: i64,
    rest: i64,
    constant: i64,
    status: i32,
    max_error: i64,
    est_error: i64,
}

impl Discipline {
    /// A clock as the kernel has it after the boot: not synchronised, with no correction.
    pub(super) fn new(raw: i64, real: i64) -> Self {
        Self {
            anchor: (raw, i128::from(real) << SCALE),
            second: real.div_euclid(SECOND),
            frequency: 0,
            now: 0,
            rest: 0,
            constant: 2,
            status: sta::UNSYNC,
            max_error: MAX_ERROR,
            est_error: MAX_ERROR,
        }
    }

    /// The clock at a raw time that is not before any at which it was looked at, ns.
    pub(super) fn read(&mut self, raw: i64) -> i64 {
        while self.now != 0 || self.share() != 0 {
            let full = (i128::from(self.second + 1) * i128::from(SECOND)) << SCALE;
            let at = self.raw_of(full);
            if at > raw {
                break;
            }
            self.anchor = (at, self.real_of(at));
            self.second += 1;
            self.age(1);
            self.now = self.share();
            self.rest -= self.now;
        }
        // Without a phase seconds differ in nothing, and any number of them is gone through at once.
        let real = (self.real_of(raw) >> SCALE) as i64;
        let passed = real.div_euclid(SECOND) - self.second;
        if passed > 0 {
            self.second += passed;
            self.age(passed);
        }
        real
    }

    /// `clock_adjtime` at a raw time: takes what the request asks for and answers with what is in force.
    pub(super) fn adjust(&mut self, raw: i64, request: &mut Timex) -> Result<i32, Errno> {
        let real = self.read(raw);
        if request.modes & adj::SETOFFSET != 0 {
            if !(0..SECOND).contains(&request.fraction) || request.modes & adj::NANO == 0 {
                return Err(Errno::INVAL);
            }
            let by =
                request.seconds.checked_mul(SECOND).and_then(|whole| whole.checked_add(request.fraction));
            let moved = by.and_then(|by| real.checked_add(by));
            let Some((by, moved)) = by.zip(moved.filter(|moved| (0..=LAST).contains(moved))) else {
                return Err(Errno::INVAL);
            };
            self.turn(raw);
            self.anchor.1 += i128::from(by) << SCALE;
            self.second = moved.div_euclid(SECOND);
            self.clear();
        }
        self.take(raw, request);
        Ok(self.answer(raw, request))
    }

    /// `process_adjtimex_modes`, in its order.
    fn take(&mut self, raw: i64, request: &Timex) {
        let modes = request.modes;
        if modes & adj::STATUS != 0 {
            self.status = self.status & sta::NANO | request.status & !sta::NANO;
        }
        if modes & adj::NANO != 0 {
            self.status |= sta::NANO;
        }
        if modes & adj::FREQUENCY != 0 {
            self.turn(raw);
            self.frequency = request.frequency.clamp(-500 << 16, 500 << 16);
        }
        if modes & adj::MAXERROR != 0 {
            self.max_error = request.max_error.clamp(0, MAX_ERROR);
        }
        if modes & adj::ESTERROR != 0 {
            self.est_error = request.est_error.clamp(0, MAX_ERROR);
        }
        if modes & adj::TIMECONST != 0 {
            let more = if self.status & sta::NANO == 0 { 4 } else { 0 };
            self.constant = (request.constant + more).clamp(0, i64::from(MAX_TIME_CONSTANT));
        }
        if modes & adj::OFFSET != 0 && self.status & sta::PLL != 0 {
            let unit = if self.status & sta::NANO == 0 { 1000 } else { 1 };
            let phase = request.offset.saturating_mul(unit).clamp(-MAX_PHASE, MAX_PHASE);
            // This second goes on as it has begun.
            self.rest = phase << SCALE;
        }
    }

    fn answer(&self, raw: i64, request: &mut Timex) -> i32 {
        let real = (self.real_of(raw) >> SCALE) as i64;
        let nano = self.status & sta::NANO != 0;
        let unit = if nano { 1 } else { 1000 };
        *request = Timex {
            modes: request.modes,
            offset: toward_zero(self.rest, SCALE) / unit,
            frequency: self.frequency,
            max_error: self.max_error,
            est_error: self.est_error,
            status: self.status,
            constant: self.constant,
            tick: NOMINAL_TICK,
            seconds: real.div_euclid(SECOND),
            fraction: real.rem_euclid(SECOND) / unit,
            tai: 0,
        };
        if self.status & sta::UNSYNC != 0 { TIME_ERROR } else { 0 }
    }

    /// `ntp_clear`: what a step does beside moving the clock. The frequency stays.
    fn clear(&mut self) {
        self.status |= sta::UNSYNC;
        (self.max_error, self.est_error) = (MAX_ERROR, MAX_ERROR);
        (self.now, self.rest) = (0, 0);
    }

    /// So many seconds without news of the error.
    fn age(&mut self, seconds: i64) {
        self.max_error = self.max_error.saturating_add(seconds.saturating_mul(ERROR_GROWTH));
        if self.max_error > MAX_ERROR {
            self.max_error = MAX_ERROR;
            self.status |= sta::UNSYNC;
        }
    }

    /// What the next second is given of the rest.
    fn share(&self) -> i64 {
        toward_zero(self.rest, 2 + self.constant as u32)
    }

    /// From here on the rate may be another.
    fn turn(&mut self, raw: i64) {
        self.anchor = (raw, self.real_of(raw));
    }

    /// 2^-32 ns of the clock per raw second; never less than three quarters of one.
    fn rate(&self) -> i128 {
        (i128::from(SECOND) << SCALE) + i128::from(self.frequency * PER_FREQUENCY) + i128::from(self.now)
    }

    fn real_of(&self, raw: i64) -> i128 {
        self.anchor.1 + i128::from(raw - self.anchor.0) * self.rate() / i128::from(SECOND)
    }

    /// The first raw ns at which the clock is there.
    fn raw_of(&self, real: i128) -> i64 {
        let (ahead, rate) = ((real - self.anchor.1) * i128::from(SECOND), self.rate());
        self.anchor.0 + ahead.div_euclid(rate) as i64 + i64::from(ahead.rem_euclid(rate) != 0)
    }
}

/// The kernel's `shift_right`.
fn toward_zero(value: i64, shift: u32) -> i64 {
    if value < 0 { -(-value >> shift) } else { value >> shift }
}

#[cfg(test)]
mod tests;
