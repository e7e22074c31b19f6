//! What is to happen in a trace: how long it is, how good the hardware is, and which incidents come when.

use super::random::Random;
use super::{HOUR, MINUTE, SECOND};

/// Something that disturbs the guest. Times are the guest's running time, ns: a machine that is saved does not age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum What {
    /// Saved and restored so much later; the host sends SYNC.
    Saved(f64),
    /// Set back to a checkpoint that is so old. To the guest this is the same as [`What::Saved`]: its memory, the daemon's
    /// too, goes on from where the checkpoint was. What it did since is lost with the checkpoint and is not simulated.
    Reverted(f64),
    /// Live migration: stands still so long, then runs on other hardware that is so many ppm faster; SYNC.
    Migrated(f64, f64),
    /// The host's clock is set, forward or back. The host tells nobody; its next samples are different.
    HostSet(f64),
    /// No message for so long.
    Silent(f64),
    /// Everything in the guest waits for its turn for so long.
    Busy(f64),
}

/// One incident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Incident {
    pub(crate) at: f64,
    pub(crate) what: What,
}

impl Incident {
    /// How long the guest stood still, ns.
    pub(crate) const fn pause(&self) -> Option<f64> {
        match self.what {
            What::Saved(length) | What::Reverted(length) | What::Migrated(length, _) => Some(length),
            _ => None,
        }
    }

    /// Whether a clock that was right is wrong after it, so that a step may be due.
    pub(crate) const fn moves_time(&self) -> bool {
        self.pause().is_some() || matches!(self.what, What::HostSet(_))
    }
}

/// A trace to be made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Running time of the guest, ns.
    pub(crate) length: f64,
    /// The guest's raw clock is not the reference counter but the TSC, calibrated so wrong, ppm. 0: they are one.
    pub(crate) calibration: f64,
    /// In the order of time.
    pub(crate) incidents: Vec<Incident>,
}

impl Plan {
    /// Nothing happens but a busy guest now and then.
    pub(crate) fn quiet(seed: u64, hours: f64) -> Plan {
        Plan::with(seed, hours, vec![What::Busy(4.0 * MINUTE), What::Silent(30.0 * SECOND)])
    }

    /// All that can happen; a long trace has some of it more than once.
    pub(crate) fn eventful(seed: u64, hours: f64) -> Plan {
        let mut random = Random::new(seed, 1);
        let mut ppm = || random.between(2.0, 8.0) * if random.chance(0.5) { 1.0 } else { -1.0 };
        let mut whats = vec![
            What::Saved(HOUR),
            What::Migrated(0.4 * SECOND, ppm()),
            What::HostSet(0.3 * SECOND),
            What::HostSet(-2.0 * SECOND),
            What::Silent(40.0 * SECOND),
            What::Busy(5.0 * MINUTE),
        ];
        if hours >= 12.0 {
            whats.extend([
                What::Saved(20.0 * SECOND),
                What::Reverted(20.0 * MINUTE),
                What::Migrated(1.5 * SECOND, ppm()),
                What::Migrated(0.2 * SECOND, ppm()),
                What::Silent(5.0 * MINUTE),
                What::Busy(10.0 * MINUTE),
                What::Busy(3.0 * MINUTE),
            ]);
        }
        Plan::with(seed, hours, whats)
    }

    /// Each incident has a part of the time for itself and comes at the beginning of it.
    pub(crate) fn with(seed: u64, hours: f64, mut whats: Vec<What>) -> Plan {
        let length = hours * HOUR;
        let mut random = Random::new(seed, 2);
        random.shuffle(&mut whats);
        let calibration = if seed.is_multiple_of(2) { random.between(-4.0, 4.0) } else { 0.0 };
        let part = length / (whats.len() as f64 + 1.0);
        let incidents = whats.iter().zip(1_u32..).map(|(what, nth)| {
            let at = part * (f64::from(nth) - 0.5 + random.between(0.0, 0.5));
            // At a full second: the hardware's frequencies change at those.
            Incident { at: (at / SECOND).floor() * SECOND, what: *what }
        });
        Plan { seed, length, calibration, incidents: incidents.collect() }
    }
}
