//! When pairs are to be measured: rarely, since each measurement starts a program.

use super::Relation;

/// After the helper was asked, it is given this long, ns; doubled each time that no pair came of it, or none that any message
/// agreed with. The limit of `hv-timesync-counter.service` is twice what this can come to.
const PATIENCE: i64 = 4 * SECOND;
/// At most.
const LEAST_OFTEN: i64 = HOUR;
/// A helper that has never answered when it was asked so often has nothing to read here.
const HOPELESS: u32 = 4;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Wanting {
    /// The newest pair's time, and since when there are pairs that belong together.
    known: Option<(i64, i64)>,
    /// A pair from after this moment is wanted.
    doubt: Option<i64>,
    /// When the helper was asked last, and how often without an answer.
    asked: Option<(i64, u32)>,
    /// There has been a pair.
    answered: bool,
    /// How many relations have ended since a message agreed with one.
    ended: u32,
}

impl Wanting {
    /// What was measured is not enough any more.
    pub(super) fn doubt(&mut self, at: i64) {
        self.doubt = Some(at);
    }

    /// What there is; whether that ends the doubt.
    pub(super) fn measured(&mut self, relation: Option<&Relation>) -> bool {
        let known = relation.map(|relation| (relation.newest().raw, relation.span()));
        let newer =
            known.map(|(newest, _)| newest).filter(|newest| self.known.is_none_or(|(was, _)| was != *newest));
        if newer.is_some() {
            self.asked = self.asked.map(|(at, _)| (at, 0));
            self.answered = true;
        }
        self.known = known;
        let settled = newer.zip(self.doubt).is_some_and(|(newest, doubt)| newest > doubt);
        if settled {
            self.doubt = None;
        }
        settled
    }

    /// A relation has ended.
    pub(super) fn ended(&mut self) {
        self.known = None;
        self.ended = self.ended.saturating_add(1);
    }

    /// A message agrees with the relation.
    pub(super) fn agreed(&mut self) {
        self.ended = 0;
    }

    /// The helper was asked.
    pub(super) fn asked(&mut self, at: i64) {
        let times = self.asked.map_or(0, |(_, times)| times);
        self.asked = Some((at, times.saturating_add(1)));
    }

    /// See [`super::Counter::unanswered`].
    pub(super) fn unanswered(&self) -> bool {
        self.asked.is_some_and(|(_, times)| times >= HOPELESS)
    }

    /// See [`super::Counter::wants_pairs`].
    pub(super) fn now(&self, raw: i64, steady: bool) -> bool {
        if let Some((at, times)) = self.asked {
            let hopeless = self.unanswered() && !self.answered;
            let doublings = times.saturating_sub(1).saturating_add(self.ended).min(16);
            let patience = if hopeless { LEAST_OFTEN } else { (PATIENCE << doublings).min(LEAST_OFTEN) };
            let waited = raw.saturating_sub(at);
            if (0..patience).contains(&waited) || hopeless && self.doubt.is_none_or(|doubt| doubt <= at) {
                return false;
            }
        }
        let Some((newest, span)) = self.known else { return true };
        self.doubt.is_some() || !steady && raw.saturating_sub(newest) >= distance(span)
    }
}

/// How long after the newest pair the next is measured, by how far the pairs reach.
const fn distance(span: i64) -> i64 {
    if span < 3 * SECOND {
        4 * SECOND
    } else if span < MINUTE - SECOND {
        MINUTE
    } else if span < 10 * MINUTE {
        10 * MINUTE
    } else {
        HOUR
    }
}
