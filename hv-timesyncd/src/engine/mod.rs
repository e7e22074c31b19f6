//! The rules of time synchronization: which samples are believed, and what is done about the clock. No IO, no clock.
//!
//! ```text
//!  Sample ──► admission: can this be a time? ──► track: host against raw clock ──► policy: step, slew, nothing
//!                 └── Refused                        └── Outlier                        └── Decision
//! ```

pub mod admission;
mod decision;
pub mod policy;
pub mod track;

pub use decision::{Action, Decision, Verdict, Why};

use crate::sample::{Leap, Purpose, Reading, Sample};
use admission::Limits;
use policy::{Policy, Situation};
use track::Track;

/// Everything that the administrator has decided about samples and corrections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Which times are believed at all.
    pub limits: Limits,
    /// What is done about a difference.
    pub policy: Policy,
}

/// A frequency that is known from before: how much faster the host's clock runs than the guest's unsteered one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// ppm.
    pub frequency: f64,
    /// How wrong it may be (one standard deviation), ppm.
    pub error: f64,
}

/// What is known of the two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Host minus guest, ns.
    pub offset: i64,
    /// How much single samples differ from the filtered time, ns (root mean square).
    pub jitter: i64,
    /// How much faster the host's clock runs than CLOCK_MONOTONIC_RAW, ppm.
    pub frequency: f64,
    /// One standard deviation of `frequency`, ppm.
    pub frequency_error: f64,
    /// How wrong `offset` may be, ns; what all samples have in common cannot be seen.
    pub error: i64,
}

/// What the daemon may do to the clock, from the mode and from who keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Keep it.
    Discipline,
    /// Leave it alone but for the step after a resume. `synchronised`: whoever keeps it has it synchronised; then the
    /// host's first word after the start of this daemon is not taken for a resume.
    Assist {
        /// See above.
        synchronised: bool,
    },
    /// Leave it alone.
    #[default]
    Observe,
}

/// What may be done by steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Steps {
    /// In both directions.
    #[default]
    Both,
    /// Only forward; what is ahead is slewed.
    Forward,
    /// None.
    Never,
}

/// A sample that is older than this says no more what the clock is off by, ns: some times of what hosts wait.
const RECENT: i64 = 64_000_000_000;
/// A frequency of another source is known no better than this, ppm.
const RESTARTED: f64 = 1.0;

/// See the module.
#[derive(Debug, Clone)]
pub struct Engine {
    rules: Rules,
    role: Role,
    prior: Option<Prior>,
    track: Option<Track>,
    /// The host's time of the last sample that was a time at all.
    last_host: Option<i64>,
    /// Raw and real time when the first sample came.
    anchor: Option<(i64, i64)>,
    /// When a sample was used last, on the raw clock, and what the host said of leap seconds then.
    used: Option<(i64, Leap)>,
    /// The error of the last age.
    error: i64,
    /// A decision was made since the clock is ours.
    settled: bool,
}

impl Engine {
    /// Before the first sample; `prior`: a frequency that was right before.
    #[must_use]
    pub const fn new(rules: Rules, prior: Option<Prior>) -> Engine {
        Engine {
            rules,
            role: Role::Observe,
            prior,
            track: None,
            last_host: None,
            anchor: None,
            used: None,
            error: 0,
            settled: false,
        }
    }

    /// Other rules, from the next sample on.
    pub const fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Another role, from now on. When the clock becomes ours it is put right at once, if that can be known from the last
    /// samples: that is the decision.
    pub fn set_role(&mut self, role: Role, now: &Reading) -> Option<Decision> {
        let before = std::mem::replace(&mut self.role, role);
        if role != Role::Discipline || before == Role::Discipline {
            self.settled &= role == Role::Discipline;
            return None;
        }
        let (used, leap) = self.used?;
        let recent = (0..RECENT).contains(&now.raw.saturating_sub(used));
        let estimate = self.estimate(now)?;
        let clear = estimate.offset.unsigned_abs() > estimate.error.unsigned_abs();
        let host = now.real.saturating_add(estimate.offset);
        let possible = self.admit(host, now).is_ok();
        (recent && clear && possible).then(|| self.decide(Purpose::Sample, leap, now, false))
    }

    /// What was decided could not be done: the next decision is the first again.
    pub const fn unsettle(&mut self) {
        self.settled = false;
    }

    /// Whether the host's clock can show this at a moment. Learns nothing but the first moment.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn admit(&mut self, host: i64, now: &Reading) -> Result<(), Verdict> {
        let (raw, real) = *self.anchor.get_or_insert((now.raw, now.real));
        self.rules.limits.admit(host, real.saturating_add(now.raw.saturating_sub(raw)))
    }

    /// The role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Forgets where the host's clock was, and keeps how fast it runs: another source, or CLOCK_MONOTONIC_RAW is not
    /// what it was.
    pub fn restart(&mut self) {
        if let Some(track) = self.track.take() {
            let prior = track.prior();
            self.prior = Some(Prior { error: prior.error.max(RESTARTED), ..prior });
        }
        (self.last_host, self.used) = (None, None);
    }

    /// Judges a sample and decides what is to be done.
    pub fn sample(&mut self, sample: &Sample) -> Decision {
        let refused =
            |verdict| Decision { verdict, action: Action::None, why: Why::NotUsed, offset: sample.offset() };
        let host = sample.host.checked_add(sample.age.ns).ok_or(Verdict::Impossible);
        if let Err(verdict) = host.and_then(|host| self.admit(host, &sample.received)) {
            return refused(verdict);
        }
        // An order is one however often it is given.
        let again = self.last_host.replace(sample.host) == Some(sample.host);
        if again && sample.purpose == Purpose::Sample {
            return refused(Verdict::Repeated);
        }
        let first = self.track.is_none();
        if !self.follow(sample) {
            return refused(Verdict::Outlier);
        }
        self.error = sample.age.error.saturating_add(sample.received.width / 2);
        self.used = Some((sample.received.raw, sample.leap));
        self.decide(sample.purpose, sample.leap, &sample.received, first)
    }

    /// Takes the sample into account; `false`: not before another says the same.
    fn follow(&mut self, sample: &Sample) -> bool {
        let host = sample.host.saturating_add(sample.age.ns);
        let (raw, noise) = (sample.received.raw, sample.age.error.saturating_add(sample.received.width / 2));
        match &mut self.track {
            Some(track) if sample.purpose == Purpose::Sync => track.sync(raw, host, noise),
            Some(track) => return track.update(raw, host, noise),
            None => self.track = Some(Track::new(raw, host, noise, self.prior)),
        }
        true
    }

    /// `first`: nothing was known of the host's clock before.
    fn decide(&mut self, purpose: Purpose, leap: Leap, now: &Reading, first: bool) -> Decision {
        let estimate = self.estimate(now).unwrap_or_default();
        let ours = self.role == Role::Discipline;
        let situation = Situation {
            role: self.role,
            sync: purpose == Purpose::Sync,
            first: if ours { !std::mem::replace(&mut self.settled, true) } else { first },
            offset: estimate.offset,
            error: estimate.error,
        };
        let leap = admission::leap_of(leap, now.real.saturating_add(estimate.offset));
        let steering = |estimate: Estimate, phase| self.rules.policy.steering(&estimate, phase, leap);
        let (action, why) = match self.rules.policy.decide(&situation) {
            (policy::Choice::Leave, why) => (Action::None, why),
            (policy::Choice::Step, why) => {
                let after = Estimate { offset: 0, ..estimate };
                (Action::Step(estimate.offset, ours.then(|| steering(after, 0))), why)
            }
            (policy::Choice::Slew(phase), why) => (Action::Steer(steering(estimate, phase)), why),
        };
        Decision { verdict: Verdict::Used, action, why, offset: estimate.offset }
    }

    /// What is known of the clocks at this moment; `None` before the first sample.
    #[must_use]
    pub fn estimate(&self, now: &Reading) -> Option<Estimate> {
        let track = self.track.as_ref()?;
        let prior = track.prior();
        Some(Estimate {
            offset: track.host_at(now.raw).saturating_sub(now.real),
            jitter: track.jitter(),
            frequency: prior.frequency,
            frequency_error: prior.error,
            error: self
                .error
                .saturating_add(track.deviation(now.raw).saturating_mul(2))
                .saturating_add(track.jitter())
                .saturating_add(track.set_aside()),
        })
    }
}

#[cfg(test)]
mod tests;
