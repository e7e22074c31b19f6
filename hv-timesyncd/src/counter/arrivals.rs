//! How late a message is beside others, where the reference counter cannot be read: the fastest of a window had the least
//! delay, and the rest is measured against it.
//!
//! When a message was sent is known on the host's clock (the counter, or, before version 4.0, its time of day), when it
//! arrived on the guest's. The difference is a constant, the two clocks' drift, and the delay. The line below all points
//! that is nearest to them is taken for the constant and the drift; what a point is above it is its delay. A delay that
//! all have in common is not seen.
//!
//! A message that is on no line with the others is put aside, and says nothing of them: whatever a host writes into one message,
//! the next are as good as before. Only several that agree begin anew.

mod line;

use std::collections::VecDeque;

use self::line::{Beside, DRIFT, Line, Slopes, lowest};
use super::relation::TICK;
use crate::sample::{Age, Method};

#[cfg(test)]
mod tests;

/// How many messages are compared, where they carry the counter: five minutes of them.
const WINDOW: usize = 64;
/// And where only the host's time is there, which may be steered and stepped.
const WINDOW_HOST: usize = 16;
/// Points older than this say little of now.
const OLDEST: f64 = 20.0 * 60.0 * 1e9;
/// How late messages are, before anything is known; ns.
const DELAY: f64 = 1e6;
/// A message that is so much too early, in ns, is on another time, if the next is as well. If it is not, and all before it
/// were that late, little is lost by forgetting them.
const JUMP: f64 = 50e6;
/// So many messages that are put aside and early by the same are on another time …
const EARLY: usize = 2;
/// … and so many that are late by the same.
const LATE: usize = 4;
/// What is late by less is not put aside, ns: a counter is not set back but with all that is known …
const ASIDE: f64 = 50e6;
/// … but the host's time is.
const ASIDE_HOST: f64 = 5e6;
/// Neither is what is late by less than so many mean delays: one in three thousand is later.
const UNLIKELY: f64 = 8.0;
/// How wrong the time of arrival is taken to be for the time of sending where there is nothing to compare with; ns.
pub const UNKNOWN: i64 = 10_000_000;
/// The least delay of `n` messages is above the least possible one by a mean delay over `n`, times this at most but once in
/// a hundred.
const BREADTH: f64 = 5.0;
/// The same where the drift is from these messages, too.
const BREADTH_DRIFT: f64 = 16.0;
/// What the raw clock's reading itself is apart from the arrival; ns.
const LEAST_ERROR: f64 = 5e3;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    points: VecDeque<Point>,
    /// The last messages, if they are on no line with those: all early, or all late.
    aside: Vec<Point>,
    side: Side,
    by_counter: bool,
}

/// Where a message is beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Side {
    /// Among them.
    #[default]
    Neither,
    Early,
    Late,
}

/// A message: when it was sent on the host's clock, when it arrived on CLOCK_MONOTONIC_RAW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    sent: i128,
    raw: i64,
}

impl Arrivals {
    /// Forgets all messages: they were on another time, or may have been.
    pub fn reset(&mut self) {
        self.points.clear();
        self.aside.clear();
    }

    /// How old a message is that was sent at `reference`, or without it at the host's time `host`, and arrived at `raw`.
    /// `steady`: counter and clock do not drift. A message that is later than `max_delay` ns has no say in the age of others.
    ///
    /// The age is an answer also where it is too much to be used; an [`Method::Arrival`] is compared with nothing, but
    /// says by `ns` of the second of two how much later than the first it is.
    pub fn age(&mut self, reference: Option<u64>, host: i64, raw: i64, steady: bool, max_delay: i64) -> Age {
        let sent = reference.map_or(i128::from(host), |reference| i128::from(reference) * i128::from(TICK));
        let newest = Point { sent, raw };
        self.forget_old(newest, reference.is_some());
        let slopes = match (self.by_counter, steady) {
            (true, true) => Slopes::None,
            (true, false) => Slopes::Limited,
            (false, _) => Slopes::Steered,
        };
        let others = beside(&self.points, newest);
        let all: Vec<Beside> = others.iter().copied().chain([Beside { x: 0.0, y: 0.0 }]).collect();
        let line = lowest(&all, slopes);
        let late = -line.at;
        let side = self.side_of(&others, line, max_delay);
        if !self.put(newest, side, line, slopes) {
            return match side {
                Side::Early => Age { ns: 0, error: UNKNOWN, method: Method::Arrival },
                // Slow itself, or the first on another time: that is not known yet.
                _ => answer(&others, line, slopes, late, late),
            };
        }
        let seen = beside(&self.points, newest);
        let line = lowest(&seen, slopes);
        // What seems to be late may as well be a host that has set its clock back a little, or slews it.
        let doubt = if self.by_counter { 0.0 } else { -line.at };
        answer(&seen, line, slopes, -line.at, doubt)
    }

    fn forget_old(&mut self, newest: Point, by_counter: bool) {
        let last = self.aside.last().or(self.points.back());
        if self.by_counter != by_counter || last.is_some_and(|last| newest.raw < last.raw) {
            self.reset();
        }
        self.by_counter = by_counter;
        while self.points.front().is_some_and(|first| first.before(newest) < -OLDEST) {
            self.points.pop_front();
        }
    }

    /// `line`: below the others and the newest.
    fn side_of(&self, others: &[Beside], line: Line, max_delay: i64) -> Side {
        let earliest = others.iter().map(|point| point.y + DRIFT * point.x).reduce(f64::min);
        // The second that is early is found to be so as well, though the others are longer ago.
        let jump = if self.side == Side::Early { JUMP / 2.0 } else { JUMP };
        if earliest.is_some_and(|least| least > jump) {
            return Side::Early;
        }
        let total: f64 = others.iter().map(|point| line.under(*point)).sum();
        let mean = (total + 2.0 * DELAY) / (others.len() as f64).max(1.0);
        let least = if self.by_counter { ASIDE } else { ASIDE_HOST };
        let most = (UNLIKELY * mean).max(least).min(max_delay as f64);
        if -line.at > most { Side::Late } else { Side::Neither }
    }

    /// Takes the newest to the others, or puts it aside; if enough that are aside agree, they are the others from now on.
    /// Whether it is one of them now.
    fn put(&mut self, newest: Point, side: Side, line: Line, slopes: Slopes) -> bool {
        if side != self.side {
            self.aside.clear();
        }
        self.side = side;
        if side == Side::Neither {
            let most = if self.by_counter { WINDOW } else { WINDOW_HOST };
            while self.points.len() >= most {
                self.points.pop_front();
            }
            self.points.push_back(newest);
            return true;
        }
        let enough = if side == Side::Early { EARLY } else { LATE };
        self.aside.push(newest);
        self.aside.drain(..self.aside.len().saturating_sub(enough));
        let anew = self.aside.len() == enough && agree(&beside(&self.aside, newest), side, line, slopes);
        if anew {
            self.points = std::mem::take(&mut self.aside).into();
            self.side = Side::Neither;
        }
        anew
    }
}

impl Point {
    /// How long after another it arrived, ns.
    fn before(self, newest: Point) -> f64 {
        (i128::from(self.raw) - i128::from(newest.raw)) as f64
    }

    /// What the clocks are apart, and what it was on the way.
    fn way(self) -> i128 {
        i128::from(self.raw) - self.sent
    }
}

fn beside<'a>(points: impl IntoIterator<Item = &'a Point>, newest: Point) -> Vec<Beside> {
    let one = |point: &Point| Beside { x: point.before(newest), y: (point.way() - newest.way()) as f64 };
    points.into_iter().map(one).collect()
}

/// Whether messages that are beside a line are so by the same, or by more and more as the clocks may drift.
fn agree(aside: &[Beside], side: Side, line: Line, slopes: Slopes) -> bool {
    let away = || aside.iter().map(|point| line.under(*point));
    let (least, most) = (away().fold(f64::INFINITY, f64::min), away().fold(f64::NEG_INFINITY, f64::max));
    match side {
        // The line is through the newest.
        Side::Early => most - least < JUMP,
        _ => most - least < least / 8.0 - slopes.most() * aside.first().map_or(0.0, |first| first.x),
    }
}

/// `late`: how late the newest is beside these. `doubt`: how much of that may be something else.
fn answer(seen: &[Beside], line: Line, slopes: Slopes, late: f64, doubt: f64) -> Age {
    let late = late.max(0.0);
    let count = seen.len() as f64;
    if seen.len() < 3 {
        return Age { ns: late as i64, error: UNKNOWN.max(late as i64), method: Method::Arrival };
    }
    // What was seen, and two messages more of the delay that was expected: few tell little. Two points are on the line
    // whatever their delay is.
    let total: f64 = seen.iter().map(|point| line.under(*point)).sum();
    let mean = (total + 2.0 * DELAY) / (count - 1.0);
    let breadth = if slopes == Slopes::None { BREADTH } else { BREADTH_DRIFT };
    let error = (breadth * mean / count).max(LEAST_ERROR) + doubt.max(0.0);
    Age { ns: late as i64, error: (error as i64).max(1), method: Method::LeastDelay }
}
