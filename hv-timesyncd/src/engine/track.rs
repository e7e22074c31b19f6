//! The host's clock seen from CLOCK_MONOTONIC_RAW: where it is and how fast it runs.
//!
//! A Kalman filter of two states, over a clock that nobody steps or steers: so what is done to CLOCK_REALTIME, by this daemon
//! or by others, is no input of it, and a step needs no restart. The noise of single samples is learnt from how they differ
//! from what was expected. A sample that differs by far more is set aside; if the next says the same, the host's clock was
//! moved.

use super::Prior;

/// How fast the frequencies of two clocks wander apart, (ppb)² per second: 1 ppm in half an hour, as by warming up.
const WANDER: f64 = 30.0;
/// One standard deviation of a frequency of which nothing is known, ppb.
const UNKNOWN_FREQUENCY: f64 = 50_000.0;
/// No host's clock is slewed faster than this beside ours, ppb.
const FASTEST: f64 = 1_000_000.0;
/// One standard deviation of a frequency that was known before a resume, ppb: the machine may be another.
const AFTER_RESUME: f64 = 1_000.0;
/// No sample is taken to be better than this, ns.
const LEAST_NOISE: f64 = 100.0;
/// What differs by so many standard deviations is set aside.
const GATE: f64 = 5.0;
/// What differs by less than this is not, ns: hosts read their own clock a little later or earlier.
const LEAST_GATE: f64 = 20_000.0;
/// However alike samples are, they are not taken to be better than their stated error over this: they may all be wrong in the
/// same way.
const TRUST: f64 = 4.0;
/// What samples differ by from what is expected, in standard deviations and on average over some, is less than this; else it
/// is not noise.
const LEAN: f64 = 2.0;
/// A clock that seems to be moved more often than this is noisy, ns: at each second of the samples that come every 5 s. Where they come
/// every 15 s it is one change of the pace.
const OFTEN: i64 = 15_000_000_000;
/// Samples that contradict each other by more than this, squared, are never believed, only a SYNC is; ns².
const MOST_UNREST: f64 = 1e18;
/// Weight of a new sample in that average.
const LEANING: f64 = 1.0 / 8.0;
/// Weight of a new sample in what is learnt of noise and jitter.
const LEARN: f64 = 1.0 / 16.0;

/// See the module.
#[derive(Debug, Clone)]
pub struct Track {
    /// CLOCK_MONOTONIC_RAW of the last update, ns.
    raw: i64,
    /// The host's time then, as filtered, ns.
    host: i64,
    /// Frequency of the host's clock beyond raw, ppb (ns per second).
    frequency: f64,
    /// Covariance of time and frequency: ns², ns·ppb, ppb².
    variance: (f64, f64, f64),
    /// Variance of single samples, ns².
    noise: f64,
    /// Mean square of what single samples differ from the filtered time, ns².
    spread: f64,
    /// A sample that was set aside: raw, and how far it was from what was expected.
    aside: Option<(i64, f64)>,
    /// Variance beyond `noise`, of a host that is noisier than its samples say, ns².
    unrest: f64,
    /// When two samples said last that the host's clock was moved, on the raw clock.
    moved: Option<i64>,
    /// How far the last sample was from what was expected, and the variance of that expectation.
    last: Option<(f64, f64)>,
    /// See [`LEAN`].
    lean: f64,
}

impl Track {
    /// From the first sample. `noise`: how wrong it may be, ns.
    #[must_use]
    pub fn new(raw: i64, host: i64, noise: i64, prior: Option<Prior>) -> Track {
        let unknown = Prior { frequency: 0.0, error: UNKNOWN_FREQUENCY / 1000.0 };
        let prior = prior.filter(|prior| prior.frequency.is_finite() && prior.error.is_finite());
        let prior = prior.unwrap_or(unknown);
        let noise = square(half(noise));
        Track {
            raw,
            host,
            frequency: prior.frequency * 1000.0,
            variance: (noise, 0.0, square(prior.error * 1000.0)),
            noise,
            spread: 0.0,
            aside: None,
            unrest: 0.0,
            moved: None,
            last: None,
            lean: 0.0,
        }
    }

    /// The host's time at a moment.
    #[must_use]
    pub fn host_at(&self, raw: i64) -> i64 {
        let elapsed = raw.saturating_sub(self.raw);
        self.host.saturating_add(elapsed).saturating_add(round(self.frequency * seconds(elapsed)))
    }

    /// How fast it runs, and how well that is known.
    #[must_use]
    pub fn prior(&self) -> Prior {
        Prior { frequency: self.frequency / 1000.0, error: self.variance.2.sqrt() / 1000.0 }
    }

    /// How much single samples differ from the filtered time, ns.
    #[must_use]
    pub fn jitter(&self) -> i64 {
        round(self.spread.sqrt())
    }

    /// How far the last sample was from what was expected, if it was set aside, ns.
    #[must_use]
    pub fn set_aside(&self) -> i64 {
        self.aside.map_or(0, |(_, difference)| round(difference.abs()))
    }

    /// One standard deviation of [`host_at`](Self::host_at), ns.
    #[must_use]
    pub fn deviation(&self, raw: i64) -> i64 {
        round(self.expected(raw).0.sqrt())
    }

    /// Takes a sample of the host's clock into account; `false`: it is set aside.
    pub fn update(&mut self, raw: i64, host: i64, error: i64) -> bool {
        let (difference, gate) = (self.difference(raw, host), self.gate(raw, error));
        if difference.abs() <= gate {
            self.aside = None;
            let since = self.raw;
            self.correct(raw, difference, error);
            if self.lean.abs() > LEAN {
                let time = seconds(raw.saturating_sub(since)).max(1e-3) / LEANING;
                self.jump(raw, host, error);
                self.variance.2 = (self.variance.2 + square(difference / time)).min(square(FASTEST));
            }
            return true;
        }
        let agrees = |(at, before): &(i64, f64)| {
            (difference - before).abs() <= gate + FASTEST * seconds(raw.saturating_sub(*at))
        };
        let Some((since, before)) = self.aside.filter(agrees) else {
            if self.aside.is_some() {
                // They agree neither with what was expected nor with each other.
                self.more_unrest(difference);
            }
            self.aside = Some((raw, difference));
            return false;
        };
        // Nobody moves a clock again and again.
        if self.moved.replace(raw).is_some_and(|moved| raw.saturating_sub(moved) < OFTEN) {
            self.more_unrest(difference);
        }
        // The host's clock was moved; or it runs at another pace, by as much as the two differ more than noise does.
        let time = seconds(raw.saturating_sub(since)).max(1e-3);
        let usual = square(GATE) * (self.noise + self.unrest);
        let pace = (square(difference - before) - usual).max(0.0) / square(time);
        self.jump(raw, host, error);
        self.variance.2 = (self.variance.2 + pace).min(square(FASTEST));
        true
    }

    /// So restless is this host.
    fn more_unrest(&mut self, difference: f64) {
        let more = (self.unrest * 4.0).max(square(LEAST_GATE / GATE));
        self.unrest = more.min(square(difference)).min(MOST_UNREST);
    }

    /// Takes the host's word for where its clock is: after a resume nothing that was expected counts, nor what was learnt of
    /// noise. Only what the sample itself says that it may be wrong by makes it one more sample.
    pub fn sync(&mut self, raw: i64, host: i64, error: i64) {
        let difference = self.difference(raw, host);
        (self.unrest, self.moved, self.last, self.lean) = (0.0, None, None, 0.0);
        self.noise = self.noise.min(square(half(error)));
        if difference.abs() <= half(error).max(LEAST_GATE) {
            self.aside = None;
            return self.correct(raw, difference, error);
        }
        self.jump(raw, host, error);
        self.variance.2 = self.variance.2.max(square(AFTER_RESUME));
    }

    /// By how much a sample may differ, ns.
    fn gate(&self, raw: i64, error: i64) -> f64 {
        let variance = self.expected(raw).0 + self.noise.max(square(half(error))) + self.unrest;
        (GATE * variance.sqrt()).max(LEAST_GATE)
    }

    fn jump(&mut self, raw: i64, host: i64, error: i64) {
        self.variance = (self.noise.max(square(half(error))), 0.0, self.expected(raw).2);
        (self.raw, self.host, self.aside, self.last, self.lean) = (raw, host, None, None, 0.0);
    }

    /// Sample minus what is expected, ns.
    fn difference(&self, raw: i64, host: i64) -> f64 {
        float(host.saturating_sub(self.host_at(raw)))
    }

    /// The covariance that time alone has made of the last one.
    fn expected(&self, raw: i64) -> (f64, f64, f64) {
        let time = seconds(raw.saturating_sub(self.raw)).max(0.0);
        let (time_time, time_rate, rate_rate) = self.variance;
        (
            time_time + time * (2.0 * time_rate + time * rate_rate) + WANDER * time.powi(3) / 3.0,
            time_rate + time * rate_rate + WANDER * time * time / 2.0,
            (rate_rate + WANDER * time).min(square(FASTEST)),
        )
    }

    fn correct(&mut self, raw: i64, difference: f64, error: i64) {
        let (time_time, time_rate, rate_rate) = self.expected(raw);
        self.learn(difference, time_time, error);
        let total = time_time + self.noise + self.unrest;
        let possible = (time_time + self.noise.max(square(half(error))) + self.unrest).sqrt();
        self.lean += LEANING * (difference / possible - self.lean);
        let (gain, rate_gain) = (time_time / total, time_rate / total);
        self.host = self.host_at(raw).saturating_add(round(gain * difference));
        self.raw = raw;
        self.frequency = (self.frequency + rate_gain * difference).clamp(-FASTEST, FASTEST);
        self.variance =
            (time_time * (1.0 - gain), time_rate * (1.0 - gain), rate_rate - rate_gain * time_rate);
        self.spread += LEARN * (square(difference * (1.0 - gain)) - self.spread);
    }

    /// What single samples are worth: from how much they differ from each other, beyond what what is expected does. From how
    /// much they differ from what is expected it must not be learnt: if that is wrong all differ by the same, would be worth
    /// nothing for that, and nothing would put it right.
    fn learn(&mut self, difference: f64, expected: f64, error: i64) {
        let limit = square(half(error));
        let least = square((float(error) / TRUST).max(LEAST_NOISE)).min(limit);
        if let Some((last, then)) = self.last.replace((difference, expected)) {
            let excess = (square(difference - last) - expected - then) / 2.0;
            if self.unrest > 0.0 {
                self.unrest += LEARN * ((excess - self.noise).max(0.0) - self.unrest);
                self.unrest = self.unrest.min(MOST_UNREST);
            }
            let excess = excess.clamp(0.0, self.noise * square(GATE));
            self.noise += LEARN * (excess - self.noise);
            self.noise = self.noise.clamp(least, limit.max(excess));
        } else {
            self.noise = self.noise.clamp(least, limit);
        }
    }
}

/// What is stated as a bound is two standard deviations.
fn half(error: i64) -> f64 {
    (float(error) / 2.0).max(LEAST_NOISE)
}

fn square(number: f64) -> f64 {
    number * number
}

fn seconds(ns: i64) -> f64 {
    float(ns) / 1e9
}

#[expect(
    clippy::cast_precision_loss,
    reason = "differences and errors: 53 bits are 104 days to the nanosecond"
)]
fn float(ns: i64) -> f64 {
    ns as f64
}

/// To the nearest, and to the nearest end where it is out of range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and NaN cannot be: all divisors are positive"
)]
fn round(ns: f64) -> i64 {
    ns.round() as i64
}

#[cfg(test)]
mod tests;
