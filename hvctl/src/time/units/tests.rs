use super::*;

#[test]
fn a_time_is_told_in_the_unit_that_fits() {
    for (ns, text) in [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.0 µs"),
        (12_349, "12.3 µs"),
        (12_350, "12.4 µs"),
        (999_949, "999.9 µs"),
        (999_950, "1.0 ms"),
        (999_949_999, "999.9 ms"),
        (999_950_000, "1.000 s"),
        (3_600_000_500_000, "3600.001 s"),
        (i64::MAX.unsigned_abs() - 1, "9223372036.855 s"),
        (i64::MAX.unsigned_abs(), "more than 292 years"),
        (u64::MAX, "more than 292 years"),
    ] {
        assert_eq!(span(ns), text, "{ns}");
    }
}

#[test]
fn a_difference_has_a_sign() {
    for (ns, text) in [
        (0, "0 ns"),
        (12_300, "+12.3 µs"),
        (-12_300, "−12.3 µs"),
        (-3_600_001_000_000, "−3600.001 s"),
        (i64::MIN, "beyond −292 years"),
        (-i64::MAX, "beyond −292 years"),
        (i64::MAX, "beyond +292 years"),
    ] {
        assert_eq!(signed(ns), text, "{ns}");
    }
}

#[test]
fn a_frequency_has_a_sign_unless_it_is_none() {
    for (value, text) in [
        (0.0, "0.000 ppm"),
        (-0.000_4, "0.000 ppm"),
        (11.5, "+11.500 ppm"),
        (-499.999_9, "−500.000 ppm"),
        (f64::NAN, "unknown"),
        (f64::INFINITY, "unknown"),
    ] {
        assert_eq!(ppm(value), text);
    }
}

#[test]
fn a_time_of_day_is_utc() {
    for (micros, text) in [
        (0, "00:00:00Z"),
        (1_795_651_199_999_999, "23:59:59Z"),
        (1_795_691_105_000_000, "11:05:05Z"),
        (u64::MAX, "08:01:49Z"),
    ] {
        assert_eq!(time_of_day(micros), text, "{micros}");
    }
}
