//! What a series of errors comes to.

use std::fmt;

/// The error of the guest's clock at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Seconds of the host since the first look.
    pub at: f64,
    /// Guest minus host, µs: positive, the guest is ahead.
    pub error: f64,
}

/// A series in numbers, µs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// How many.
    pub count: usize,
    /// The middle one, with its sign.
    pub median: f64,
    /// The middle of the absolute values.
    pub size: f64,
    /// The 99th percentile of the absolute values.
    pub p99: f64,
    /// The largest absolute value.
    pub worst: f64,
    /// How the error grows, ppm: a line through all of them.
    pub drift: f64,
}

impl Figures {
    /// Of a series.
    #[must_use]
    pub fn of(marks: &[Mark]) -> Figures {
        let mut errors: Vec<f64> = marks.iter().map(|mark| mark.error).collect();
        let mut sizes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
        errors.sort_by(f64::total_cmp);
        sizes.sort_by(f64::total_cmp);
        let at = |values: &[f64], place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let last = sizes.len().saturating_sub(1);
        Figures {
            count: marks.len(),
            median: at(&errors, errors.len() / 2),
            size: at(&sizes, sizes.len() / 2),
            // The smallest value that 99 of 100 do not exceed.
            p99: at(&sizes, (sizes.len() * 99).div_ceil(100).saturating_sub(1)),
            worst: at(&sizes, last),
            drift: slope(marks),
        }
    }
}

/// Of the line with the least squares: µs in a second, which is ppm.
fn slope(marks: &[Mark]) -> f64 {
    let mean = |value: fn(&Mark) -> f64| {
        let sum: f64 = marks.iter().map(value).sum();
        marks.iter().fold(0.0, |count: f64, _| count + 1.0).recip() * sum
    };
    let (at, error) = (mean(|mark| mark.at), mean(|mark| mark.error));
    let products: f64 = marks.iter().map(|mark| (mark.at - at) * (mark.error - error)).sum();
    let squares: f64 = marks.iter().map(|mark| (mark.at - at).powi(2)).sum();
    products / squares
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { count, median, size, p99, worst, drift } = self;
        write!(
            f,
            "median {median:.1} µs, of sizes {size:.1}, p99 {p99:.1}, worst {worst:.1}, drift {drift:.3} ppm, {count} looks"
        )
    }
}

#[cfg(test)]
mod tests;
