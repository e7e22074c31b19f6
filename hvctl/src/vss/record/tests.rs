use super::span;

#[test]
fn a_span_is_in_the_unit_that_fits() {
    for (micros, text) in [
        (0, ""),
        (1, "1 µs"),
        (999, "999 µs"),
        (1_000, "1.0 ms"),
        (9_999, "9.9 ms"),
        (10_000, "10 ms"),
        (999_999, "999 ms"),
        (1_000_000, "1.0 s"),
        (1_290_000, "1.2 s"),
        (99_999_999, "99.9 s"),
        (100_000_000, "100 s"),
        (u64::MAX, "18446744073709 s"),
    ] {
        assert_eq!(span(micros), text);
    }
}
