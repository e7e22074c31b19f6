//! A message beside the relation: whether it agrees, and what it means if it does not.
//!
//! A relation ends when messages cannot have been sent when it says. Before that it comes into doubt, by a message or by
//! what the host says: then ages state how wrong it may be, and pairs from after the doubt count more than those before.

use super::relation::Relation;
use super::{ARRIVAL, Counter, Pair};
use crate::engine::Verdict;
use crate::sample::{Age, Method, Purpose};

/// Nothing arrives before it is sent; a relation that says so by more than its error and this is wrong, ns.
pub(super) const TOLERANCE: i64 = 50_000;
/// So many messages in a row that cannot have been sent when the relation says end it: before they were sent …
const TOO_EARLY: u32 = 2;
/// … or too long after; the host may be that slow, so there is time to measure first.
const TOO_LATE: u32 = 4;
/// No message waits longer in a machine that runs, ns: a SYNC that did ends the relation at once.
const LONGEST_WAIT: i64 = 60 * SECOND;
/// A relation with which no message has agreed for so long may have been broken by whatever a SYNC comes after; ns on the raw clock.
const CONFIRMED: i64 = 120 * SECOND;
/// That all messages have become slower is a doubt once in this time at most, ns: a busy machine looks the same, and each doubt has
/// the helper started.
const QUIET: i64 = 600 * SECOND;
const SECOND: i64 = 1_000_000_000;

/// Why pairs from before are not simply joined with those after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    /// On the raw clock.
    since: i64,
    /// What was known; `None`: that it was wrong.
    before: Option<Relation>,
    /// Where the line is, is not known any more; whether its rate is.
    rate: Rate,
}

/// All messages have become slower: of which relation it is suspected that its rate has changed, and since when, on the raw clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspicion {
    since: i64,
    of: Relation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    /// About as it was: both machines of a move count by what they say that a second is.
    Stays,
    /// Nobody knows.
    Unknown,
}

impl Counter {
    pub(super) fn related(
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
            return match purpose {
                Purpose::Sync => Ok(ARRIVAL),
                Purpose::Sample => Err(Verdict::OtherBoot),
            };
        }
        self.early = 0;
        if delay > self.max_delay {
            return self.waited(relation, (delay, error), raw, purpose);
        }
        self.late = 0;
        self.wanting.agreed();
        self.confirmed = Some(raw);
        let slower = self.lately.slower(delay).filter(|by| *by > error.saturating_add(TOLERANCE));
        if slower.is_some() && self.slower.is_none_or(|at| !(0..QUIET).contains(&raw.saturating_sub(at))) {
            self.slower = Some(raw);
            self.suspected = Some(Suspicion { since: raw, of: relation });
            self.unsettle();
        }
        let ns = delay.max(0);
        // If the relation makes delays too long by something, no delay is shorter than that; and this one is not, where that is
        // more with each message.
        let least = self.least.as_mut().map(|least| {
            *least = ns.min(*least);
            *least
        });
        let doubt = slower.map(|_| ns).or(least).map_or(0, |doubt| doubt.saturating_add(TOLERANCE));
        let error = error.saturating_add(doubt);
        Ok(Age { ns, error, method: Method::ReferenceCounter })
    }

    /// A message that was sent longer ago than `max_delay`, or so the relation says.
    fn waited(
        &mut self,
        relation: Relation,
        (delay, error): (i64, i64),
        raw: i64,
        purpose: Purpose,
    ) -> Result<Age, Verdict> {
        self.late += 1;
        if self.late == 1 {
            self.suspect(Rate::Stays);
        }
        let confirmed = self.confirmed.is_some_and(|at| (0..=CONFIRMED).contains(&raw.saturating_sub(at)));
        if self.late >= TOO_LATE || purpose == Purpose::Sync && delay > LONGEST_WAIT {
            self.end(relation);
        }
        match purpose {
            Purpose::Sample => Err(Verdict::Late),
            Purpose::Sync if confirmed && delay <= LONGEST_WAIT => {
                let error = error.saturating_add(delay).saturating_add(TOLERANCE);
                Ok(Age { ns: delay, error, method: Method::ReferenceCounter })
            }
            Purpose::Sync => Ok(Age { error: delay.clamp(ARRIVAL.error, LONGEST_WAIT), ..ARRIVAL }),
        }
    }

    /// Pairs from before this moment may not hold any more, and messages before it are compared with none after it.
    pub(super) fn suspect(&mut self, rate: Rate) {
        // Who was suspected of another rate before may have it.
        let rate = if self.suspected.take().is_some() { Rate::Unknown } else { rate };
        self.doubted = Some(Doubt { since: self.seen, before: self.relation, rate });
        self.unsettle();
    }

    /// A pair is wanted; until it comes errors are larger.
    fn unsettle(&mut self) {
        self.arrivals.reset();
        self.wanting.doubt(self.seen);
        self.least = Some(i64::MAX);
    }

    /// What pairs from before a doubt say of the position is not believed beside any from after it, and of the rate only until
    /// there are two.
    pub(super) fn relate(&mut self, pairs: &[Pair]) -> Option<Relation> {
        self.judge_suspicion(pairs);
        let Some(doubt) = self.doubted else { return Relation::new(pairs, self.steady) };
        let after = &pairs[pairs.partition_point(|pair| pair.raw <= doubt.since)..];
        let Some(found) = Relation::new(after, self.steady) else {
            // No more than the last of those from before, where they were wrong.
            let believed =
                if doubt.before.is_some() { pairs } else { &pairs[pairs.len().saturating_sub(1)..] };
            let found = Relation::new(believed, self.steady);
            return if doubt.before.is_some() { found } else { found.map(Relation::with_unknown_rate) };
        };
        Some(match (doubt.rate, doubt.before) {
            (Rate::Unknown, _) => found.with_unknown_rate(),
            (Rate::Stays, Some(before)) => found.with_rate_of(before),
            (Rate::Stays, None) => found,
        })
    }

    /// If the first pair from after a suspicion is where the relation foresaw it, nothing has changed. After a SYNC that would tell
    /// nothing: a machine that was moved goes on where it was, at another rate.
    fn judge_suspicion(&mut self, pairs: &[Pair]) {
        let Some(Suspicion { since, of }) = self.suspected else { return };
        let Some(first) = pairs.iter().find(|pair| pair.raw > since) else { return };
        self.suspected = None;
        if !of.foresaw(*first, TOLERANCE) {
            self.doubted = Some(Doubt { since, before: Some(of), rate: Rate::Unknown });
        }
    }

    /// The relation is not this machine's any more; it does not come back with the same pair.
    fn end(&mut self, relation: Relation) {
        self.ended = Some(relation.newest());
        self.relation = None;
        self.confirmed = None;
        // A pair from after this is not joined with those from before: what is between them is no rate.
        self.doubted = Some(Doubt { since: self.seen, before: None, rate: Rate::Unknown });
        self.suspected = None;
        self.lately.forget();
        self.wanting.ended();
        self.arrivals.reset();
        (self.early, self.late) = (0, 0);
    }
}
