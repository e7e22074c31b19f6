//! The row of delays.

use super::{Backoff, FIRST, HOST_LIMIT};

#[test]
fn delays_double_from_50_ms_to_the_limit_and_stay_there() {
    let mut backoff = Backoff::new(FIRST, HOST_LIMIT);
    let row: Vec<_> = (0..8).map(|_| backoff.delay().as_millis()).collect();
    assert_eq!(row, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
}

#[test]
fn a_reset_starts_the_row_again() {
    let mut backoff = Backoff::new(FIRST, HOST_LIMIT);
    backoff.delay();
    backoff.delay();
    backoff.reset();
    assert_eq!(backoff.delay().as_millis(), 50);
}
