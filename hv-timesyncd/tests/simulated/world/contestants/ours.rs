//! hv-timesyncd: its engine and its counter, as its service has them work together, on a clock that it keeps alone.
//!
//! What the service adds is imitated here: readings of the clocks (0.2 µs wide), the helper that measures pairs (within
//! 0.1 s; its pairs are good for 0.5 µs), and looks at the PTP clock.

use std::path::Path;
use std::time::Duration;

use hv_timesyncd::config::{Args, Settings};
use hv_timesyncd::counter::{Counter, Looks, Pair};
use hv_timesyncd::engine::{Action, Engine, Role, Verdict};
use hv_timesyncd::sample::{Leap, Purpose, Reading, Sample};
use hv_utils_core::channel::ChannelChoice;
use hv_utils_core::daemon::config::{Config, Sources};

use super::READING;
use super::kernel::step_at_sync;
use crate::world::{At, Contestant, EPOCH, Guest, Message, Random, SECOND};

/// How long a look at the clocks takes, and how wrong a pair says that it may be; ns.
const WIDTH: i64 = 200;
const PAIR_ERROR: i64 = 500;
/// The helper has measured at most so long after it was asked; ns.
const HELPER: f64 = 0.1 * SECOND;
/// So many pairs are kept.
const PAIRS: usize = 16;

/// Where the daemon has its times from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Messages of version 4.0, and pairs of the counter and the raw clock.
    Pairs,
    /// The same without pairs.
    NoPairs,
    /// Messages of version 3.0.
    Old,
    /// Looks at the PTP clock.
    Ptp,
}

#[derive(Debug)]
pub(crate) struct Ours {
    source: Source,
    steady: bool,
    ptp_poll: f64,
    engine: Engine,
    counter: Counter,
    pairs: Vec<Pair>,
    asked: bool,
    looks: Looks,
    random: Random,
}

impl Ours {
    /// `steady`: the raw clock is made from the counter.
    pub(crate) fn new(source: Source, steady: bool) -> Ours {
        let settings = defaults();
        let mut engine = Engine::new(settings.rules, None);
        engine.set_role(Role::Discipline, &Reading::default());
        let mut counter = Counter::new(nanos(settings.max_delay) as i64);
        counter.steady(steady);
        let ptp_poll = nanos(settings.ptp_poll);
        Ours {
            source,
            steady,
            ptp_poll,
            engine,
            counter,
            pairs: Vec::new(),
            asked: source == Source::Pairs,
            looks: Looks::new(ptp_poll as i64),
            random: Random::new(0, 7),
        }
    }

    fn reading(at: &At<'_>, guest: &mut Guest) -> Reading {
        Reading { raw: at.raw as i64, real: EPOCH + guest.show(at.raw).round() as i64, width: WIDTH }
    }

    fn judge(&mut self, sample: &Sample, at: &At<'_>, guest: &mut Guest) -> Verdict {
        let decision = self.engine.sample(sample);
        match decision.action {
            Action::None => {}
            Action::Step(by, steering) => {
                guest.step(at.raw, by as f64);
                if let Some(steering) = steering {
                    guest.steer(at.raw, steering);
                }
            }
            Action::Steer(steering) => guest.steer(at.raw, steering),
        }
        decision.verdict
    }

    fn look_at_ptp(&mut self, at: &At<'_>, guest: &mut Guest) -> f64 {
        let Some(host) = at.ptp(true) else { return self.ptp_poll };
        let received = Ours::reading(at, guest);
        let host = EPOCH + (host + READING * self.random.normal()) as i64;
        let look = self.looks.look(received.raw, host, WIDTH / 2);
        if let Some(age) = look.age {
            let sample =
                Sample { purpose: Purpose::Sample, host, age, leap: Leap::None, stratum: 0, received };
            if self.judge(&sample, at, guest) == Verdict::Outlier {
                self.looks.doubt();
            }
        }
        look.again as f64
    }

    fn ask(&mut self, raw: i64) {
        if self.source == Source::Pairs && self.counter.wants_pairs(raw) {
            self.counter.asked(raw);
            self.asked = true;
        }
    }

    /// The helper has measured.
    fn measure(&mut self, at: &At<'_>) {
        let wrong = self.random.between(-0.8, 0.8) * PAIR_ERROR as f64;
        self.pairs.push(Pair { reference: at.counter(), raw: (at.raw + wrong) as i64, error: PAIR_ERROR });
        if self.pairs.len() > PAIRS {
            self.pairs.remove(0);
        }
        self.counter.pairs(&self.pairs, self.steady);
    }
}

impl Contestant for Ours {
    fn name(&self) -> &'static str {
        match self.source {
            Source::Pairs => "hv-timesyncd, 4.0",
            Source::NoPairs => "hv-timesyncd, 4.0 without pairs",
            Source::Old => "hv-timesyncd, 3.0",
            Source::Ptp => "hv-timesyncd, PTP",
        }
    }

    fn first_look(&self) -> Option<f64> {
        matches!(self.source, Source::Ptp | Source::Pairs).then_some(0.37 * SECOND)
    }

    fn kernel_got(&mut self, message: &Message, at: &At<'_>, guest: &mut Guest) {
        if self.source == Source::Ptp {
            // Then hv_utils keeps the channel, and does what it always does.
            step_at_sync(true, message, at, guest);
        }
    }

    fn daemon_got(&mut self, message: &Message, at: &At<'_>, guest: &mut Guest) {
        if self.source == Source::Ptp {
            return;
        }
        let received = Ours::reading(at, guest);
        let reference = (self.source != Source::Old).then_some(message.reference);
        if let Ok(age) = self.counter.age(reference, message.host, received.raw, message.purpose) {
            let Message { purpose, host, .. } = *message;
            self.judge(&Sample { purpose, host, age, leap: Leap::None, stratum: 0, received }, at, guest);
        }
        self.ask(received.raw);
    }

    fn look(&mut self, at: &At<'_>, guest: &mut Guest) -> f64 {
        if self.source == Source::Ptp {
            return self.look_at_ptp(at, guest);
        }
        if std::mem::take(&mut self.asked) {
            self.measure(at);
        }
        HELPER
    }
}

/// What holds where nothing is configured.
fn defaults() -> Settings {
    let mut config = Config::load(&Sources::new(Some(Path::new("/dev/null")), Path::new("/nonexistent")));
    Settings::read(&mut config.table("timesync"), &Args::default(), &ChannelChoice::Auto)
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * SECOND
}
