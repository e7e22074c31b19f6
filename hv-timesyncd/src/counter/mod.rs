//! When the host took its time, on the guest's own clock.
//!
//! A message of version 4.0 carries the partition's reference counter (10 MHz, the same for host and guest) at the moment at
//! which the host took its time. [`Relation`] says which CLOCK_MONOTONIC_RAW that was, from [`Pair`]s of both which a
//! privileged helper measures (`measure`) and leaves in a file (`pairs`). Without pairs [`Arrivals`] compares messages
//! with each other: the fastest of a window is taken for the delay that all have. [`Counter`] is both, and knows when a
//! relation can no longer be believed.

pub mod arrivals;
pub mod looks;
pub mod measure;
pub mod pairs;
pub mod relation;
mod wanting;

pub use arrivals::Arrivals;
pub use looks::Looks;
pub use relation::Relation;

use crate::engine::Verdict;
use crate::sample::{Age, Method, Purpose};
use wanting::Wanting;

#[cfg(test)]
mod tests;

/// The counter and CLOCK_MONOTONIC_RAW at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The reference counter, in its 100 ns ticks.
    pub reference: u64,
    /// CLOCK_MONOTONIC_RAW, ns.
    pub raw: i64,
    /// How far apart the two may be, ns, in either direction.
    pub error: i64,
}

/// Nothing arrives before it is sent; a relation that says so by more than its error and this is wrong, ns.
const TOLERANCE: i64 = 50_000;
/// So many messages in a row that cannot have been sent when the relation says end it: before they were sent …
const TOO_EARLY: u32 = 2;
/// … or too long after; the host may be that slow, so there is time to measure first.
const TOO_LATE: u32 = 4;

/// When each message was sent.
///
/// **A SYNC is never refused here.** It says that the clock is to be set, after a restore perhaps, and a restore may have
/// changed the relation. If the relation puts it where no message can come from (it was sent later than it arrived, or
/// longer ago than `max_delay`), then either the relation is broken, or the message waited that long. Taken at its arrival,
/// the clock is behind by what it waited, until the next sample puts it right. By a broken relation the clock could be set
/// to any time, and nothing after it would tell. So it is taken at its arrival. Where it was sent later than it arrived
/// the relation is certainly broken, and ends; otherwise it stays, in doubt, and the samples that follow tell.
#[derive(Debug)]
pub struct Counter {
    max_delay: i64,
    relation: Option<Relation>,
    arrivals: Arrivals,
    wanting: Wanting,
    steady: bool,
    /// Messages in a row that were sent too early or too late by the relation.
    early: u32,
    late: u32,
    /// In doubt: the least delay since, from which it is seen how far the relation can have moved.
    least: Option<i64>,
    /// When the last doubt came, on the raw clock, and what was known then.
    doubted: Option<(i64, Option<Relation>)>,
    /// The newest pair of a relation that has ended.
    ended: Option<Pair>,
    /// The last moment that is known of, on the raw clock.
    seen: i64,
}

impl Counter {
    /// Nothing is known yet. `max_delay_ns`: what is longer on the way is [`Verdict::Late`].
    #[must_use]
    pub fn new(max_delay_ns: i64) -> Counter {
        Counter {
            max_delay: max_delay_ns.max(0),
            relation: None,
            arrivals: Arrivals::default(),
            wanting: Wanting::default(),
            steady: false,
            early: 0,
            late: 0,
            least: None,
            doubted: None,
            ended: None,
            seen: 0,
        }
    }

    /// As in [`Counter::new`]; from the next message on.
    pub fn set_max_delay(&mut self, ns: i64) {
        self.max_delay = ns.max(0);
    }

    /// The pairs of this boot, oldest first; none: there is no relation. The same as before change nothing. `steady`: see
    /// [`Counter::steady`].
    pub fn pairs(&mut self, pairs: &[Pair], steady: bool) {
        self.steady = steady;
        let found = self.relate(pairs).filter(|found| self.ended != Some(found.newest()));
        let newest = found.map(|found| found.newest());
        if newest.is_some() && newest != self.relation.map(|known| known.newest()) {
            self.late = 0;
        }
        self.relation = found;
        if self.wanting.measured(found.as_ref()) {
            self.least = None;
        }
        self.seen = self.seen.max(newest.map_or(0, |pair| pair.raw));
    }

    /// What pairs from before a doubt say of the position is not believed beside any from after it, and of the rate only until
    /// there are two.
    fn relate(&self, pairs: &[Pair]) -> Option<Relation> {
        let Some((since, before)) = self.doubted else { return Relation::new(pairs, self.steady) };
        let after = pairs.partition_point(|pair| pair.raw <= since);
        let Some(found) = Relation::new(&pairs[after..], self.steady) else {
            return Relation::new(pairs, self.steady);
        };
        Some(before.map_or(found, |before| found.with_rate_of(before)))
    }

    /// Whether CLOCK_MONOTONIC_RAW is made from the reference counter itself: the clock source is Hyper-V's. Then the two
    /// do not drift.
    pub fn steady(&mut self, steady: bool) {
        if let Some(relation) = self.relation.filter(|_| steady != self.steady) {
            self.relation = Relation::new(&[relation.newest()], steady);
        }
        self.steady = steady;
    }

    /// The machine may have been paused, restored or moved (a resume, a SYNC, a lost channel): messages from before are not
    /// compared with those after. The relation stays, but is to be measured anew.
    pub fn doubt(&mut self) {
        self.arrivals.reset();
        self.wanting.doubt(self.seen);
        self.least = Some(i64::MAX);
        self.doubted = Some((self.seen, self.relation));
    }

    /// How old a message is that arrived at `raw`, with the counter and the host's time (ns since 1970) that it carries; a
    /// counter of 0 is none. A SYNC is a [`Counter::doubt`] by itself.
    ///
    /// # Errors
    /// What it is refused as: [`Verdict::OtherBoot`] or [`Verdict::Late`]. Samples only.
    pub fn age(
        &mut self,
        reference: Option<u64>,
        host: i64,
        raw: i64,
        purpose: Purpose,
    ) -> Result<Age, Verdict> {
        self.seen = raw;
        if purpose == Purpose::Sync {
            self.doubt();
        }
        let reference = reference.filter(|reference| *reference != 0);
        match (self.relation, reference) {
            (Some(relation), Some(reference)) => self.related(relation, reference, raw, purpose),
            _ => self.compared(reference, host, raw),
        }
    }

    fn related(
        &mut self,
        relation: Relation,
        reference: u64,
        raw: i64,
        purpose: Purpose,
    ) -> Result<Age, Verdict> {
        let (sent, error) = relation.raw_at(reference);
        let delay = raw.saturating_sub(sent);
        if delay < error.saturating_add(TOLERANCE).saturating_neg() {
            self.early += 1;
            if self.early >= TOO_EARLY || purpose == Purpose::Sync {
                self.end(relation);
            }
            return refused(purpose, Verdict::OtherBoot);
        }
        self.early = 0;
        if delay > self.max_delay {
            self.late += 1;
            if self.late == 1 {
                self.wanting.doubt(self.seen);
            }
            if self.late >= TOO_LATE {
                self.end(relation);
            }
            return refused(purpose, Verdict::Late);
        }
        self.late = 0;
        self.wanting.agreed();
        let ns = delay.max(0);
        let error = match &mut self.least {
            None => error,
            // If the relation makes delays too long by something, no delay is shorter than that.
            Some(least) => {
                *least = ns.min(*least);
                error.saturating_add(*least).saturating_add(TOLERANCE)
            }
        };
        Ok(Age { ns, error, method: Method::ReferenceCounter })
    }

    fn compared(&mut self, reference: Option<u64>, host: i64, raw: i64) -> Result<Age, Verdict> {
        let age = self.arrivals.age(reference, host, raw, self.steady);
        if age.ns > self.max_delay {
            return Err(Verdict::Late);
        }
        Ok(if age.method == Method::Arrival { ARRIVAL } else { age })
    }

    /// The relation is not this machine's any more; it does not come back with the same pair.
    fn end(&mut self, relation: Relation) {
        self.ended = Some(relation.newest());
        self.relation = None;
        self.wanting.ended();
        self.arrivals.reset();
        (self.early, self.late) = (0, 0);
    }

    /// Whether the helper is to measure pairs now: where there are none, or in doubt, or to know the rate better, after four
    /// seconds, a minute, ten minutes, and every hour. Not while it was asked a moment ago; a helper that does not answer, or
    /// whose pairs no message agrees with, is asked less and less.
    #[must_use]
    pub fn wants_pairs(&self, raw: i64) -> bool {
        self.wanting.now(raw, self.steady)
    }

    /// The helper has been asked.
    pub fn asked(&mut self, raw: i64) {
        self.wanting.asked(raw);
        self.seen = self.seen.max(raw);
    }
}

/// A message that is taken at its arrival.
const ARRIVAL: Age = Age { ns: 0, error: arrivals::UNKNOWN, method: Method::Arrival };

/// A sample can be refused; a SYNC is taken at its arrival: see [`Counter`].
const fn refused(purpose: Purpose, verdict: Verdict) -> Result<Age, Verdict> {
    match purpose {
        Purpose::Sync => Ok(ARRIVAL),
        Purpose::Sample => Err(verdict),
    }
}
