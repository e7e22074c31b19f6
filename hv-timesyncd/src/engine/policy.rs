//! What is done about a difference: a step, a slew, or nothing.

use super::{Estimate, Role, Steps, Why};
use crate::clock::{MAX_FREQUENCY, MAX_TIME_CONSTANT, Steering};
use crate::sample::Leap;

/// The kernel slews less than half a second at a time (`MAXPHASE` of `kernel/time/ntp.c`).
const MAX_PHASE: i64 = 499_999_999;
/// A clock that may be further off than this is not called synchronised, ns.
const VOUCHED: u64 = 500_000_000;

/// Thresholds, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A difference of at least this is stepped, whenever it is found.
    pub step_threshold: i64,
    /// A difference of at least this is stepped when the host has said that the clock is to be set, or at the first look.
    pub resume_threshold: i64,
    /// A smaller difference is left alone; the frequency is still followed.
    pub minimum: i64,
    /// In which directions steps are allowed.
    pub steps: Steps,
    /// Whether the step after a resume is made also where somebody else keeps the clock.
    pub step_on_resume: bool,
    /// How fast the clock may be slewed, ppm.
    pub max_slew: u32,
}

/// What there is to decide about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// What may be done.
    pub role: Role,
    /// The host has said that the clock is to be set.
    pub sync: bool,
    /// It is the first decision since the clock is ours; where it is not, the first sample of all.
    pub first: bool,
    /// Host minus guest, ns.
    pub offset: i64,
    /// How wrong that may be, ns.
    pub error: i64,
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Nothing is done.
    Leave,
    /// The whole difference at once.
    Step,
    /// So much of it by and by, ns; the frequency is set in any case.
    Slew(i64),
}

impl Policy {
    /// Decides.
    #[must_use]
    pub const fn decide(&self, situation: &Situation) -> (Choice, Why) {
        match situation.role {
            Role::Observe => (Choice::Leave, Why::OnlyLooking),
            Role::Assist { synchronised } => self.assist(situation, synchronised),
            Role::Discipline => self.discipline(situation),
        }
    }

    /// Whoever keeps the clock deals with small differences, and with those that nothing explains.
    const fn assist(&self, situation: &Situation, synchronised: bool) -> (Choice, Why) {
        let resumed = situation.sync && !(situation.first && synchronised);
        let large = situation.offset.unsigned_abs() >= self.step_threshold.unsigned_abs();
        if !(self.step_on_resume && resumed && large) {
            return (Choice::Leave, Why::NotOurs);
        }
        if !self.allows(situation.offset) {
            return (Choice::Leave, Why::StepNotAllowed);
        }
        (Choice::Step, Why::HostSync)
    }

    const fn discipline(&self, situation: &Situation) -> (Choice, Why) {
        let size = situation.offset.unsigned_abs();
        let (threshold, why) = if situation.sync {
            (self.resume_threshold, Why::HostSync)
        } else if situation.first {
            (self.resume_threshold, Why::FirstSample)
        } else {
            (self.step_threshold, Why::TooMuchToSlew)
        };
        // What may be no difference at all is no reason for a step.
        if size >= threshold.unsigned_abs() && size > situation.error.unsigned_abs() {
            if self.allows(situation.offset) {
                return (Choice::Step, why);
            }
            return (Choice::Slew(situation.offset), Why::StepNotAllowed);
        }
        if size < self.minimum.unsigned_abs() {
            return (Choice::Slew(0), Why::BelowMinimum);
        }
        (Choice::Slew(situation.offset), Why::Following)
    }

    const fn allows(&self, offset: i64) -> bool {
        match self.steps {
            Steps::Both => true,
            Steps::Forward => offset > 0,
            Steps::Never => false,
        }
    }

    /// How the clock is to run, with so much to be made up for; `estimate.offset` is what it is off by then.
    #[must_use]
    pub fn steering(&self, estimate: &Estimate, phase: i64, leap: Leap) -> Steering {
        // At the largest time constant the first second must not be faster than allowed; the rest is given at the next sample.
        let most = MAX_PHASE.min((i64::from(self.max_slew) * 1000) << (2 + MAX_TIME_CONSTANT));
        let phase = phase.clamp(-most, most);
        let bound = estimate.error.unsigned_abs().saturating_add(estimate.offset.unsigned_abs());
        let micros = |ns: u64| u32::try_from(ns.div_ceil(1000)).unwrap_or(u32::MAX);
        Steering {
            frequency: estimate.frequency.clamp(-MAX_FREQUENCY, MAX_FREQUENCY),
            phase,
            time_constant: self.time_constant(phase),
            // What is known to be wrong is not vouched for, nor written to the RTC.
            synchronised: leap != Leap::Unsynchronised && bound < VOUCHED,
            errors: (micros(estimate.jitter.unsigned_abs().max(1)), micros(bound)),
            leap,
        }
    }

    /// The smallest at which the clock is not slewed faster than allowed; of the first second, which is the fastest.
    fn time_constant(&self, phase: i64) -> u8 {
        let limit = u64::from(self.max_slew) * 1000; // ppm are µs in a second, in ns
        let fits = |constant: &u8| phase.unsigned_abs() >> (2 + constant) <= limit;
        (0..=MAX_TIME_CONSTANT).find(fits).unwrap_or(MAX_TIME_CONSTANT)
    }
}

#[cfg(test)]
mod tests;
