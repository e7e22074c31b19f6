//! A line through the last samples, over as many of them as agree with one line.
//!
//! chronyd's `sourcestats`, as its documentation describes it: least squares over at most 64 samples; the residuals are
//! tested for runs of one sign, over twice as many samples, and the oldest are left out until there are as many runs as
//! chance would make.

/// Most samples in a line, and most that are kept.
const SAMPLES: usize = 64;
const KEPT: usize = 2 * SAMPLES;
/// Fewest that are tested for runs.
const LEAST: usize = 4;

/// Samples: when, and the difference then.
#[derive(Debug, Default)]
pub(super) struct History(Vec<(f64, f64)>);

/// A line through the newest samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// The newest sample's time, and the line there.
    pub(super) at: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
    /// Standard deviation of the slope.
    pub(super) slope_error: f64,
    /// Standard deviation of the samples around it.
    pub(super) deviation: f64,
    /// How many samples it is through.
    pub(super) samples: usize,
}

impl Line {
    pub(super) fn at(&self, when: f64) -> f64 {
        self.value + self.slope * (when - self.at)
    }
}

impl History {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Another sample; the line now. With one or two samples it has no slope.
    pub(super) fn add(&mut self, when: f64, difference: f64) -> Line {
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push((when, difference));
        let newest = self.0.len();
        let mut from = newest.saturating_sub(SAMPLES);
        loop {
            let samples = newest - from;
            let line = fit(&self.0[from..]);
            let tested = &self.0[from.saturating_sub(samples)..];
            if samples <= LEAST || runs(tested, &line) >= chance_runs(tested.len()) {
                // What was left out does not come back.
                self.0.drain(..from.saturating_sub(samples));
                return line;
            }
            from += 1;
        }
    }
}

fn fit(samples: &[(f64, f64)]) -> Line {
    let count = samples.len() as f64;
    let (at, last) = samples[samples.len() - 1];
    // Relative to the newest: differences are of 1e12, and their squares would lose what matters.
    let mean_x = samples.iter().map(|(x, _)| x - at).sum::<f64>() / count;
    let mean_y = samples.iter().map(|(_, y)| y - last).sum::<f64>() / count;
    let xx: f64 = samples.iter().map(|(x, _)| (x - at - mean_x).powi(2)).sum();
    let xy: f64 = samples.iter().map(|(x, y)| (x - at - mean_x) * (y - last - mean_y)).sum();
    let slope = if samples.len() < 3 { 0.0 } else { xy / xx };
    let mut line =
        Line { at, value: last, slope, slope_error: f64::INFINITY, deviation: 0.0, samples: samples.len() };
    if samples.len() >= 3 {
        line.value = last + mean_y - slope * mean_x;
        let squares: f64 = samples.iter().map(|(x, y)| (y - line.at(*x)).powi(2)).sum();
        line.deviation = (squares / (count - 2.0)).sqrt();
        line.slope_error = line.deviation / xx.sqrt();
    }
    line
}

fn runs(samples: &[(f64, f64)], line: &Line) -> usize {
    let signs: Vec<bool> = samples.iter().map(|(x, y)| *y > line.at(*x)).collect();
    1 + signs.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Fewer runs than this come about by chance in one of twenty cases (normal approximation).
fn chance_runs(samples: usize) -> usize {
    let changes = samples as f64 - 1.0;
    (1.0 + changes / 2.0 - 1.645 * (changes / 4.0).sqrt()).max(1.0) as usize
}
