//! Odd times, each with its verdict.

use super::*;
use proptest::prelude::*;

/// 2026-11-26 12:00:00.
const NOW: i64 = 1_795_694_400 * SECOND;
const LIMITS: Limits = Limits { floor: 1_795_651_200 * SECOND, max_step: 3650 * DAY * SECOND };

#[test]
fn odd_times_have_their_verdicts() {
    let year = 365 * DAY * SECOND;
    for (host, shown, expected) in [
        (NOW, NOW, Ok(())),
        (NOW + 9 * year, NOW, Ok(())),
        // Another century.
        (NOW + 11 * year, NOW, Err(Verdict::TooFar)),
        (NOW + 100 * year, NOW, Err(Verdict::TooFar)),
        // A guest that woke up in another century is not kept there: what follows the floor can always be true.
        (NOW, NOW + 73 * year, Ok(())),
        (NOW + 11 * year, NOW + 73 * year, Err(Verdict::TooFar)),
        // A guest whose clock was dead: it says nothing about how far is too far.
        (NOW, 0, Ok(())),
        (NOW, -year, Ok(())),
        (NOW + 11 * year, 0, Err(Verdict::TooFar)),
        // Past when this program was built, and before 1970.
        (LIMITS.floor - 1, NOW, Err(Verdict::BeforeFloor)),
        (0, NOW, Err(Verdict::BeforeFloor)),
        (-1, NOW, Err(Verdict::BeforeFloor)),
        (i64::MIN, NOW, Err(Verdict::BeforeFloor)),
        // The last that the kernel takes, and the first that it does not.
        (KERNEL_LIMIT_SECS * SECOND + SECOND - 1, KERNEL_LIMIT_SECS * SECOND, Ok(())),
        ((KERNEL_LIMIT_SECS + 1) * SECOND, KERNEL_LIMIT_SECS * SECOND, Err(Verdict::Impossible)),
        (i64::MAX, NOW, Err(Verdict::Impossible)),
    ] {
        assert_eq!(LIMITS.admit(host, shown), expected, "host {host}, guest {shown}");
    }
}

#[test]
fn without_a_floor_1970_is_one() {
    let limits = Limits { floor: i64::MIN, max_step: i64::MAX };
    assert_eq!(limits.admit(-1, NOW), Err(Verdict::BeforeFloor));
    assert_eq!(limits.admit(0, NOW), Ok(()));
}

#[test]
fn leap_seconds_are_believed_on_the_days_that_can_have_one() {
    let day = |days: i64| days * DAY * SECOND + SECOND;
    for (days, expected) in [
        // 2016-12-31, which had one; the days around it.
        (17_166, Leap::Insert),
        (17_165, Leap::None),
        (17_167, Leap::None),
        // 2015-06-30, likewise.
        (16_616, Leap::Insert),
        (16_615, Leap::None),
        // 1999-12-31, 2000-02-29, 2024-02-29, 2024-06-30, 2100-06-30.
        (10_956, Leap::Insert),
        (11_016, Leap::None),
        (19_782, Leap::None),
        (19_904, Leap::Insert),
        (47_662, Leap::Insert),
    ] {
        assert_eq!(leap_of(Leap::Insert, day(days)), expected, "day {days}");
        let delete = if expected == Leap::Insert { Leap::Delete } else { Leap::None };
        assert_eq!(leap_of(Leap::Delete, day(days)), delete, "day {days}");
    }
    assert_eq!(leap_of(Leap::Unsynchronised, day(1)), Leap::Unsynchronised);
    assert_eq!(leap_of(Leap::None, day(17_166)), Leap::None);
}

proptest! {
    #[test]
    fn no_time_is_too_odd(host: i64, shown: i64, floor: i64, max_step: i64) {
        let limits = Limits { floor, max_step };
        if limits.admit(host, shown).is_ok() {
            prop_assert!(host >= floor.max(0) && host / SECOND <= KERNEL_LIMIT_SECS);
        }
        let _ = leap_of(Leap::Insert, host);
    }
}
