use super::{Figures, Mark};

fn marks(errors: &[f64]) -> Vec<Mark> {
    let mut at = 0.0;
    let mark = |error: &f64| {
        at += 0.5;
        Mark { at, error: *error }
    };
    errors.iter().map(mark).collect()
}

#[test]
fn percentile_and_median_are_of_the_series() {
    let errors: Vec<f64> = (1..=200).map(f64::from).map(|error| -error).collect();
    let figures = Figures::of(&marks(&errors));
    assert_eq!((figures.count, figures.p99, figures.worst), (200, 198.0, 200.0));
    assert_eq!((figures.median, figures.size), (-100.0, 101.0));
}

#[test]
fn drift_is_what_the_error_grows_in_a_second() {
    // 3 µs each half second.
    let figures = Figures::of(&marks(&[10.0, 13.0, 16.0, 19.0, 22.0]));
    assert!((figures.drift - 6.0).abs() < 1e-9, "{figures}");
}

#[test]
fn series_of_nothing_has_no_figures() {
    assert!(Figures::of(&[]).p99.is_nan());
}
