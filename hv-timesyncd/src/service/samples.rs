//! From a time of the host to what is done about the clock.

use std::io;
use std::time::Duration;

use hv_utils_core::channel::{Link, Request};
use hv_utils_core::wire::timesync::{self, TimeMessage};
use hv_utils_core::wire::{Status, Version};
use tokio::time::Instant;

use super::{Fed, Timesyncd};
use crate::bus::{LastAction, Row};
use crate::clock::{MAX_FREQUENCY, PtpError, PtpReading};
use crate::engine::{Action, Decision, Role, Verdict, Why};
use crate::refclock::Feed;
use crate::ruler::{Client, Mode, Ruler};
use crate::sample::{Leap, Method, Purpose, Reading, Sample};

/// How often the frequency is written at most while the daemon runs, ns, and for which change, ppm.
const KEEP_INTERVAL: i64 = 3_600_000_000_000;
const KEEP_CHANGE: f64 = 0.05;
/// So many steps are logged one by one; then one in an hour, and so many again.
const MOST_STEPS_SAID: u32 = 20;
/// A frequency is not kept before it is known so well, ppm.
const KEEP_ERROR: f64 = 1.0;

impl Timesyncd {
    /// A message of the host; `received`: the clocks when it came.
    pub(super) fn message(
        &mut self,
        request: &Request,
        version: Version,
        received: Reading,
        link: &mut Link,
    ) {
        let message = match timesync::parse(link.body(request), version) {
            Ok(message) => message,
            Err(problem) => {
                tracing::debug!(why = %problem, "request refused");
                return link.reject(request, problem.status());
            }
        };
        let Some(purpose) = purpose(&message) else { return link.answer(request, Status::OK, |_| {}) };
        let verdict = self.received(&message, purpose, received);
        // The host is told when its order was not carried out because it cannot be meant. Of a sample it wants no opinion.
        let refused = matches!(verdict, Verdict::BeforeFloor | Verdict::TooFar | Verdict::Impossible);
        let status = if refused && purpose == Purpose::Sync { Status::FAIL } else { Status::OK };
        link.answer(request, status, |_| {});
        self.ask_for_pairs(received.raw);
    }

    fn received(&mut self, message: &TimeMessage, purpose: Purpose, received: Reading) -> Verdict {
        let row = |verdict| Row {
            when: micros(received.real),
            offset: apart(message, received),
            delay: 0,
            error: 0,
            purpose,
            method: Method::Arrival,
            verdict,
        };
        let Some(host) = timesync::unix_nanos(message.parent_time) else {
            let before = message.parent_time < timesync::UNIX_EPOCH;
            return self.refused(row(if before { Verdict::BeforeFloor } else { Verdict::Impossible }));
        };
        // Of a time that cannot be, nothing else is learnt either.
        if let Err(verdict) = self.engine.admit(host, &received) {
            return self.refused(row(verdict));
        }
        let age = match self.counter.age(message.reference, host, received.raw, purpose) {
            Ok(age) => age,
            Err(verdict) => return self.refused(row(verdict)),
        };
        let sample = Sample { purpose, host, age, leap: leap(message), stratum: message.stratum, received };
        self.judge(&sample)
    }

    /// A look at the PTP clock, where the kernel keeps the channel.
    pub(super) fn look(&mut self) {
        let (Some(ptp), Some(poll)) = (&self.ptp, &mut self.poll) else { return };
        let reading = match ptp.read() {
            Ok(reading) => reading,
            Err(error) => {
                poll.due = Instant::now() + self.settings.ptp_poll;
                self.warn("cannot read the PTP clock", &error);
                if matches!(error, PtpError::Gone) {
                    self.ptp = None;
                    self.settle();
                }
                return;
            }
        };
        let PtpReading { host, received } = reading;
        let look = poll.looks.look(received.raw, host, received.width / 2);
        poll.due = Instant::now() + Duration::from_nanos(look.again.unsigned_abs());
        let Some(age) = look.age else { return };
        let sample = Sample { purpose: Purpose::Sample, host, age, leap: Leap::None, stratum: 0, received };
        if self.judge(&sample) == Verdict::Outlier
            && let Some(poll) = &mut self.poll
        {
            poll.looks.doubt();
        }
    }

    fn judge(&mut self, sample: &Sample) -> Verdict {
        self.settle();
        let decision = self.engine.sample(sample);
        let row = Row {
            when: micros(sample.received.real),
            offset: sample.offset(),
            delay: sample.age.ns,
            error: sample.age.error,
            purpose: sample.purpose,
            method: sample.age.method,
            verdict: decision.verdict,
        };
        if decision.verdict != Verdict::Used {
            return self.refused(row);
        }
        self.board.sampled(row);
        (self.shown.last_sample, self.shown.method) = (Some(row), Some(sample.age.method));
        if !matches!(decision.action, Action::Step(..)) {
            self.feed(sample);
        }
        self.perform(&decision, &sample.received);
        if sample.received.raw.saturating_sub(self.kept_at) > KEEP_INTERVAL {
            self.kept_at = sample.received.raw;
            self.keep_frequency(KEEP_CHANGE);
        }
        self.publish();
        decision.verdict
    }

    /// A sample that is not used: each kind is logged once, and all are listed. What was an order is answered by it.
    fn refused(&mut self, row: Row) -> Verdict {
        let verdict = row.verdict;
        self.board.sampled(row);
        self.shown.last_sample = Some(row);
        if verdict != Verdict::Repeated && verdict != Verdict::Outlier {
            let why = format!("{verdict}; it is {:+.3} s from this clock", seconds(row.offset));
            self.warn(verdict.name(), &why);
        }
        if row.purpose == Purpose::Sync {
            let why = format!("not used: {verdict}");
            self.shown.last_action = Some(LastAction { when: row.when, what: "none", ns: 0, why });
        }
        self.publish();
        verdict
    }

    /// Does what was decided; `now`: the clocks to which it belongs.
    pub(super) fn perform(&mut self, decision: &Decision, now: &Reading) {
        let (what, ns, steering) = match decision.action {
            Action::None => ("none", 0, None),
            Action::Step(by, steering) => ("step", by, steering),
            Action::Steer(steering) => ("slew", steering.phase, Some(steering)),
        };
        let stepped = if what == "step" { self.clock.step(ns) } else { Ok(()) };
        let done = stepped.is_ok();
        let steered = stepped.and_then(|()| steering.map_or(Ok(()), |steering| self.clock.steer(steering)));
        let after = if what == "step" && done { now.real.saturating_add(ns) } else { now.real };
        let action = |what, ns, why| LastAction { when: micros(after), what, ns, why };
        if what == "step" && done {
            let action = action(what, ns, decision.why.to_string());
            self.say_step(ns, &action.why);
            self.shown.moved(ns);
            self.board.stepped(ns, &action.why);
            self.shown.last_step = Some(action);
        }
        self.shown.last_action = Some(match &steered {
            Ok(()) => action(what, ns, decision.why.to_string()),
            Err(error) => action("none", 0, format!("cannot set the clock: {error}")),
        });
        match steered {
            Ok(()) if decision.why == Why::StepNotAllowed => {
                let off = format!("it is {:+.3} s off", seconds(decision.offset));
                self.warn("the clock may not be stepped and is slewed (steps)", &off);
                self.ruled(steering.is_some_and(|steering| steering.synchronised));
            }
            Ok(()) if steering.is_some() => {
                self.ruled(steering.is_some_and(|steering| steering.synchronised));
            }
            Ok(()) => {}
            Err(error) => {
                self.engine.unsettle();
                self.warn("cannot set the clock", &error);
            }
        }
    }

    /// Each step is said, but not more often than a person would read.
    fn say_step(&mut self, ns: i64, why: &str) {
        if self.steps_said < MOST_STEPS_SAID {
            self.steps_said += 1;
            tracing::info!(ns, "clock stepped by {:+.6} s: {why}", seconds(ns));
        } else if let Some(before) = self.log.admit("further steps") {
            self.steps_said = 0;
            let unlogged_before = (before > 0).then_some(before);
            tracing::warn!(
                ns,
                unlogged_before,
                "clock stepped by {:+.6} s, and again and again: {why}",
                seconds(ns)
            );
        }
    }

    /// Hands a sample to the NTP clients that want it.
    fn feed(&mut self, sample: &Sample) {
        let ours = self.engine.role() == Role::Discipline;
        let wanted = matches!(self.settings.mode, Mode::Auto | Mode::Refclock) && !ours;
        // From the PTP clock they take it themselves, and better.
        if !wanted || sample.age.method == Method::Ptp {
            self.fed = Fed::default();
            return;
        }
        let feed = Feed {
            real: sample.received.real,
            offset: sample.offset(),
            error: sample.age.error,
            leap: sample.leap,
        };
        let chrony =
            self.settings.mode == Mode::Refclock || self.shown.ruler == Ruler::Client(Client::Chrony);
        self.fed.chrony = chrony && self.feed_chrony(&feed);
        self.fed.shared = self.feed_shared(&feed);
    }

    fn feed_chrony(&mut self, feed: &Feed) -> bool {
        let fed = self.socket.feed(feed);
        self.taken("chrony does not take samples", &fed)
    }

    fn feed_shared(&mut self, feed: &Feed) -> bool {
        let Some(shared) = &mut self.shared else { return false };
        let fed = shared.feed(feed);
        self.taken("NTP's shared memory does not take samples", &fed)
    }

    /// Whether it was; that it was not is said once.
    fn taken(&mut self, failure: &'static str, fed: &io::Result<()>) -> bool {
        match fed {
            Ok(()) => _ = self.log.over(failure),
            Err(error) => self.inform(failure, error),
        }
        fed.is_ok()
    }

    /// Writes the frequency down, if it is known well and differs by more than `least` ppm from what is written.
    pub(super) fn keep_frequency(&mut self, least: f64) {
        let Some(estimate) = self.clock.read().ok().and_then(|now| self.engine.estimate(&now)) else {
            return;
        };
        if estimate.frequency_error > KEEP_ERROR || estimate.frequency.abs() > MAX_FREQUENCY {
            return;
        }
        self.keeper.keep(estimate.frequency, least);
    }

    /// Warns of each distinct failure once in a while.
    pub(super) fn warn(&mut self, what: &'static str, why: &dyn std::fmt::Display) {
        if let Some(before) = self.log.admit(what) {
            tracing::warn!(unlogged_before = (before > 0).then_some(before), "{what}: {why}");
        }
    }

    pub(super) fn inform(&mut self, what: &'static str, why: &dyn std::fmt::Display) {
        if self.log.admit(what).is_some() {
            tracing::info!("{what}: {why}");
        }
    }
}

/// What the host wants; `None`: only an answer. What is both is the stronger.
const fn purpose(message: &TimeMessage) -> Option<Purpose> {
    if message.flags & timesync::SYNC != 0 {
        Some(Purpose::Sync)
    } else if message.flags & timesync::SAMPLE != 0 {
        Some(Purpose::Sample)
    } else {
        None
    }
}

/// The leap indicator; beyond stratum 15 NTP counts nobody as synchronised either.
const fn leap(message: &TimeMessage) -> Leap {
    match (message.leap, message.stratum) {
        (3, _) | (_, 16..) => Leap::Unsynchronised,
        (1, _) => Leap::Insert,
        (2, _) => Leap::Delete,
        _ => Leap::None,
    }
}

/// The host's time of a message minus the guest's, ns; the nearest there is.
fn apart(message: &TimeMessage, received: Reading) -> i64 {
    let host = (i128::from(message.parent_time) - i128::from(timesync::UNIX_EPOCH)) * 100;
    let apart = host - i128::from(received.real);
    i64::try_from(apart).unwrap_or(if apart < 0 { i64::MIN } else { i64::MAX })
}

/// Not before 1970.
fn micros(real: i64) -> u64 {
    u64::try_from(real / 1000).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "for a person to read, to the microsecond")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
