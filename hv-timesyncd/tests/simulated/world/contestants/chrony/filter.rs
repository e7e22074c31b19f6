//! What becomes of the readings of one poll: chrony.conf(5), `filter`: about 40 % of them are dropped, those furthest from
//! the median, and the rest is averaged into one sample. Fewer than four readings make none.

/// Fewest readings of which a sample is made.
const LEAST: usize = 4;
/// How many stay.
const STAY: f64 = 0.6;

/// One sample from readings (when, difference); they are compared along a line of this slope.
pub(super) fn filter(readings: &mut Vec<(f64, f64)>, slope: f64) -> Option<(f64, f64)> {
    let mut all = std::mem::take(readings);
    if all.len() < LEAST {
        return None;
    }
    let from = all[0].0;
    let level = |(when, difference): &(f64, f64)| difference - slope * (when - from);
    all.sort_by(|a, b| level(a).total_cmp(&level(b)));
    let stay = ((all.len() as f64 * STAY).round() as usize).max(1);
    let middle = &all[(all.len() - stay) / 2..][..stay];
    let mean = |value: &dyn Fn(&(f64, f64)) -> f64| middle.iter().map(value).sum::<f64>() / stay as f64;
    let when = from + mean(&|reading| reading.0 - from);
    Some((when, mean(&level) + slope * (when - from)))
}
