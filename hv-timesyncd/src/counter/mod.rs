//! When the host took its time, on the guest's own clock.
//!
//! A message of version 4.0 carries the partition's reference counter (10 MHz, the same for host and guest) at the moment at
//! which the host took its time. [`Relation`] says which CLOCK_MONOTONIC_RAW that was, from [`Pair`]s of both which a
//! privileged helper measures (`measure`) and leaves in a file (`pairs`). Without pairs [`Arrivals`] compares messages
//! with each other: the fastest of a window is taken for the delay that all have. [`Counter`] is both, and knows when a
//! relation can no longer be believed.

pub mod arrivals;
mod lately;
pub mod looks;
pub mod measure;
pub mod pairs;
mod related;
pub mod relation;
mod wanting;

pub use arrivals::Arrivals;
pub use looks::Looks;
pub use relation::Relation;

use crate::engine::Verdict;
use crate::sample::{Age, Method, Purpose};
use lately::Lately;
use related::{Doubt, Rate, Suspicion};
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

/// When each message was sent.
///
/// Nothing is learnt from a message but by [`Counter::age`]; a message whose host's time is not admitted must not get there.
///
/// **A SYNC is never refused here.** It says that the clock is to be set, after a restore perhaps, and a restore may have
/// changed the relation.
///
/// - By the relation it was sent later than it arrived. The relation is broken, and ends. The SYNC is taken at its arrival.
/// - By the relation it waited longer than `max_delay`. It may have, in a machine that had no time for this daemon; then, taken at its
///   arrival, the clock is behind by the wait. Or the relation is broken, by a counter that a restore has moved back; then, taken
///   by the relation, the clock is ahead by that. Where a message agreed with the relation in the last two minutes, and the wait
///   is a minute at most, it is taken by the relation: a counter that is moved back by just so much is the rarer of the
///   two. Else it is taken at its arrival, and a relation that speaks of more than a minute ends.
///
/// In the second case its error says that the other may be true: it is as large as the wait, and a minute where that is longer.
/// If what was chosen is wrong, so is the clock by that much, until samples tell. The first of them does if the relation
/// holds. If it does not, they are refused until it ends: three, 15 seconds.
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
    lately: Lately,
    /// When all messages were last found to have become slower, on the raw clock.
    slower: Option<i64>,
    /// When a message last agreed with the relation, on the raw clock.
    confirmed: Option<i64>,
    /// From when on pairs hold.
    doubted: Option<Doubt>,
    /// Until a pair tells.
    suspected: Option<Suspicion>,
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
            lately: Lately::default(),
            slower: None,
            confirmed: None,
            doubted: None,
            suspected: None,
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
        if newest != self.relation.map(|known| known.newest()) {
            self.late = 0;
            self.lately.forget();
        }
        self.relation = found;
        if self.wanting.measured(found.as_ref()) {
            self.least = None;
        }
        self.seen = self.seen.max(newest.map_or(0, |pair| pair.raw));
    }

    /// Whether CLOCK_MONOTONIC_RAW is made from the reference counter itself: the clock source is Hyper-V's. Then the two
    /// do not drift.
    pub fn steady(&mut self, steady: bool) {
        if let Some(relation) = self.relation.filter(|_| steady != self.steady) {
            self.relation = Relation::new(&[relation.newest()], steady);
        }
        self.steady = steady;
    }

    /// The machine may have been paused, restored or moved (a resume, a lost channel): messages from before are not
    /// compared with those after. The relation stays, but is to be measured anew.
    pub fn doubt(&mut self) {
        self.confirmed = None;
        self.suspect(Rate::Stays);
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
            self.suspect(Rate::Stays);
        }
        let reference = reference.filter(|reference| *reference != 0);
        match (self.relation, reference) {
            (Some(relation), Some(reference)) => self.related(relation, reference, raw, purpose),
            _ => self.compared(reference, host, raw),
        }
    }

    fn compared(&mut self, reference: Option<u64>, host: i64, raw: i64) -> Result<Age, Verdict> {
        let age = self.arrivals.age(reference, host, raw, self.steady, self.max_delay);
        if age.ns > self.max_delay {
            return Err(Verdict::Late);
        }
        let ns = if age.method == Method::Arrival { 0 } else { age.ns };
        Ok(Age { ns, error: age.error.min(self.max_delay.max(ARRIVAL.error)), ..age })
    }

    /// Whether the helper is to measure pairs now: where there are none, or in doubt, or to know the rate better, after four
    /// seconds, a minute, ten minutes, and every hour. Not while it was asked a moment ago; a helper that does not answer, or
    /// whose pairs no message agrees with, is asked less and less. One that has never answered four times is asked again only
    /// after a doubt, once in an hour at most.
    #[must_use]
    pub fn wants_pairs(&self, raw: i64) -> bool {
        self.wanting.now(raw, self.steady)
    }

    /// Whether the helper was asked four times in a row without an answer.
    #[must_use]
    pub fn unanswered(&self) -> bool {
        self.wanting.unanswered()
    }

    /// The helper has been asked.
    pub fn asked(&mut self, raw: i64) {
        self.wanting.asked(raw);
        self.seen = self.seen.max(raw);
    }
}

/// A message that is taken at its arrival.
const ARRIVAL: Age = Age { ns: 0, error: arrivals::UNKNOWN, method: Method::Arrival };
