//! How late a message is beside others, where the reference counter cannot be read: the fastest of a window had the least
//! delay, and the rest is measured against it.
//!
//! When a message was sent is known on the host's clock (the counter, or, before version 4.0, its time of day), when it
//! arrived on the guest's. The difference is a constant, the two clocks' drift, and the delay. The line below all points
//! that is nearest to them is taken for the constant and the drift; what a point is above it is its delay. A delay that
//! all have in common is not seen.

use std::collections::VecDeque;

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
/// The clocks do not drift apart faster: as a factor.
const DRIFT: f64 = 200e-6;
/// A drift of this much is as unlikely beforehand as a message that is [`DELAY`] late: what keeps three messages from telling
/// a drift.
const LIKELY_DRIFT: f64 = 20e-6;
/// How late messages are, before anything is known; ns.
const DELAY: f64 = 1e6;
/// A message that is so much too early, in ns, is on another time. If it is not, and all before it were that late, little
/// is lost by forgetting them.
const JUMP: f64 = 50e6;
/// So many messages that are all late by more than [`SHIFT`] ns, and by the same, are on another time as well.
const AGREEING: usize = 4;
/// See [`AGREEING`].
const SHIFT: f64 = 50e6;
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
    by_counter: bool,
}

/// A message: when it was sent on the host's clock, when it arrived on CLOCK_MONOTONIC_RAW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    sent: i128,
    raw: i64,
}

/// A point beside the newest: `x` ns after it (so at most 0), and `y` ns longer on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Beside {
    x: f64,
    y: f64,
}

/// A line below all points: what it is at the newest, and its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    at: f64,
    slope: f64,
}

impl Arrivals {
    /// Forgets all messages: they were on another time, or may have been.
    pub fn reset(&mut self) {
        self.points.clear();
    }

    /// How old a message is that was sent at `reference`, or without it at the host's time `host`, and arrived at `raw`.
    /// `steady`: counter and clock do not drift. The message is one of the window from then on.
    ///
    /// The age is an answer also where it is too much to be used; an [`Method::Arrival`] is compared with nothing, but
    /// says by `ns` of the second of two how much later than the first it is.
    pub fn age(&mut self, reference: Option<u64>, host: i64, raw: i64, steady: bool) -> Age {
        let sent = reference.map_or(i128::from(host), |reference| i128::from(reference) * i128::from(TICK));
        self.take(Point { sent, raw }, reference.is_some());
        let slopes = if steady && self.by_counter { Slopes::None } else { Slopes::Limited };
        let mut seen = self.beside();
        let mut line = lowest(&seen, slopes);
        if is_jump(&seen) {
            self.points.drain(..self.points.len() - 1);
        } else if is_shift(&seen, line) {
            self.points.drain(..self.points.len() - AGREEING);
        } else {
            return answer(&seen, line, slopes);
        }
        seen = self.beside();
        line = lowest(&seen, slopes);
        answer(&seen, line, slopes)
    }

    fn take(&mut self, point: Point, by_counter: bool) {
        if self.by_counter != by_counter || self.points.back().is_some_and(|last| point.raw < last.raw) {
            self.points.clear();
        }
        self.by_counter = by_counter;
        let most = if by_counter { WINDOW } else { WINDOW_HOST };
        while self.points.len() >= most {
            self.points.pop_front();
        }
        self.points.push_back(point);
        while self.beside().first().is_some_and(|first| first.x < -OLDEST) {
            self.points.pop_front();
        }
    }

    fn beside(&self) -> Vec<Beside> {
        let Some(newest) = self.points.back() else { return Vec::new() };
        let way = |point: &Point| i128::from(point.raw) - point.sent;
        let base = way(newest);
        let beside = |point: &Point| Beside {
            x: (i128::from(point.raw) - i128::from(newest.raw)) as f64,
            y: (way(point) - base) as f64,
        };
        self.points.iter().map(beside).collect()
    }
}

/// Whether the newest is so far below the others that it cannot have been sent on the same time.
fn is_jump(seen: &[Beside]) -> bool {
    let others = seen.iter().rev().skip(1);
    others.map(|point| point.y + DRIFT * point.x).reduce(f64::min).is_some_and(|least| least > JUMP)
}

/// Whether the newest messages are all late by the same: then it is not them who are late.
fn is_shift(seen: &[Beside], line: Line) -> bool {
    if seen.len() <= AGREEING {
        return false;
    }
    let late = || seen.iter().rev().take(AGREEING).map(|point| line.under(*point));
    let least = late().fold(f64::INFINITY, f64::min);
    let most = late().fold(0.0, f64::max);
    least > SHIFT && most - least < least / 8.0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slopes {
    None,
    Limited,
}

impl Line {
    /// How far a point is above it.
    fn under(self, point: Beside) -> f64 {
        point.y - self.at - self.slope * point.x
    }
}

/// The line below all points that is nearest to them, where a slope counts as distance, too: the likeliest one, if delays
/// are distributed exponentially. The sum of distances is convex in the slope and has its corners at the slopes of the
/// lower hull, so one of those is best, or none, or a limit.
fn lowest(points: &[Beside], slopes: Slopes) -> Line {
    let with = |slope: f64| {
        let at = points.iter().map(|point| point.y - slope * point.x).fold(f64::INFINITY, f64::min);
        Line { at: if at.is_finite() { at } else { 0.0 }, slope }
    };
    let cost = |line: Line| {
        let distance: f64 = points.iter().map(|point| line.under(*point)).sum();
        distance + DELAY * line.slope.abs() / LIKELY_DRIFT
    };
    let mut best = with(0.0);
    if slopes == Slopes::None {
        return best;
    }
    let hull = hull(points);
    let edges = hull.windows(2).map(|edge| (edge[1].y - edge[0].y) / (edge[1].x - edge[0].x));
    for slope in edges {
        let line = with(slope.clamp(-DRIFT, DRIFT));
        if cost(line) < cost(best) {
            best = line;
        }
    }
    best
}

/// The lower hull, from left to right, of points that come in that order; of those with the same `x` the lowest.
fn hull(points: &[Beside]) -> Vec<Beside> {
    let mut hull: Vec<Beside> = Vec::with_capacity(points.len());
    for point in points {
        if hull.last().is_some_and(|last| last.x >= point.x && last.y <= point.y) {
            continue;
        }
        while let Some(last) = hull.last() {
            let above = hull.len() > 1 && {
                let before = hull[hull.len() - 2];
                (last.y - before.y) * (point.x - before.x) >= (point.y - before.y) * (last.x - before.x)
            };
            if last.x < point.x && !above {
                break;
            }
            hull.pop();
        }
        hull.push(*point);
    }
    hull
}

fn answer(seen: &[Beside], line: Line, slopes: Slopes) -> Age {
    let late = seen.last().map_or(0.0, |newest| line.under(*newest)).max(0.0);
    let count = seen.len() as f64;
    if seen.len() < 3 {
        return Age { ns: late as i64, error: UNKNOWN, method: Method::Arrival };
    }
    // What was seen, and two messages more of the delay that was expected: few tell little. Two points are on the line
    // whatever their delay is.
    let total: f64 = seen.iter().map(|point| line.under(*point)).sum();
    let mean = (total + 2.0 * DELAY) / (count - 1.0);
    let breadth = if slopes == Slopes::None { BREADTH } else { BREADTH_DRIFT };
    let error = (breadth * mean / count).max(LEAST_ERROR);
    Age { ns: late as i64, error: (error as i64).max(1), method: Method::LeastDelay }
}
