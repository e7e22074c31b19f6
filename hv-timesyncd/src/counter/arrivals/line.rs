//! The line below points that is nearest to them.

use super::DELAY;

/// The clocks do not drift apart faster: as a factor.
pub(super) const DRIFT: f64 = 200e-6;
/// The same where only the host's time is there: hosts slew theirs.
const DRIFT_HOST: f64 = 600e-6;
/// A drift of this much is as unlikely beforehand as a message that is [`DELAY`] late: what keeps three messages from telling
/// a drift.
const LIKELY_DRIFT: f64 = 20e-6;

/// A point beside the newest: `x` ns after it (so at most 0), and `y` ns longer on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beside {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A line below all points: what it is at the newest, and its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) at: f64,
    pub(super) slope: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slopes {
    /// Counter and clock are one.
    None,
    /// Two oscillators.
    Limited,
    /// And somebody steers one of the clocks.
    Steered,
}

impl Slopes {
    pub(super) const fn most(self) -> f64 {
        match self {
            Slopes::None => 0.0,
            Slopes::Limited => DRIFT,
            Slopes::Steered => DRIFT_HOST,
        }
    }
}

impl Line {
    /// How far a point is above it.
    pub(super) fn under(self, point: Beside) -> f64 {
        point.y - self.at - self.slope * point.x
    }
}

/// The line below all points that is nearest to them, where a slope counts as distance, too: the likeliest one, if delays
/// are distributed exponentially. The sum of distances is convex in the slope and has its corners at the slopes of the
/// lower hull, so one of those is best, or none, or a limit.
pub(super) fn lowest(points: &[Beside], slopes: Slopes) -> Line {
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
        let line = with(slope.clamp(-slopes.most(), slopes.most()));
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
