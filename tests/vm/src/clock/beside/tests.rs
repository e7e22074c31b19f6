use super::{Asked, Beside, EPOCH, Look, Told};

/// The guest's time stamp counter is this far behind ours, of two ticks in a nanosecond.
const SHIFT: i64 = -5_000_000_000;
/// Ten minutes after the guest's boot, and some time in 2026.
const RAW: i64 = 600_000_000_000;
const REAL: i64 = 1_790_000_000_000_000_000;

fn beside() -> Beside {
    let first = Look { ticks: 1_000_000_000, real: 0, raw: RAW, width: 100 };
    Beside { first, shift: (SHIFT - 1000, SHIFT + 1000), counter: (f64::MIN, f64::MAX) }
}

/// Our look so many ns after the guest's first.
fn ours(after: i64) -> Look {
    let ticks = 1_000_000_000 - SHIFT + 2 * after;
    Look { ticks: ticks.cast_unsigned(), real: REAL + after, raw: 0, width: 100 }
}

/// The guest's look then; its clock is `ahead` of ours.
fn guests(after: i64, ahead: i64) -> Look {
    let ticks = 1_000_000_000 + 2 * after;
    Look { ticks: ticks.cast_unsigned(), real: REAL + after + ahead, raw: RAW + after, width: 100 }
}

#[test]
fn error_is_seen_between_two_looks_of_ours() {
    let second = 1_000_000_000;
    // Not in the middle: the answer took longer than the question.
    let (before, after) = (ours(second), ours(second + 2_000_000));
    let asked = Asked { before, guest: guests(second + 300_000, -7_000), after };
    let mark = beside().mark(asked);
    assert!((mark.error + 7.0).abs() < 0.01, "{mark:?}");
    assert!((mark.at - 1.0003).abs() < 1e-6, "{mark:?}");
}

#[test]
fn host_that_slews_its_own_clock_meanwhile_is_followed() {
    let mut after = ours(2_000_000);
    after.real += 400;
    let asked = Asked { before: ours(0), guest: guests(1_000_000, 0), after };
    let mark = beside().mark(asked);
    assert!((mark.error + 0.2).abs() < 0.01, "{mark:?}");
}

#[test]
fn readings_of_the_counter_are_intersected() {
    let mut beside = beside();
    // The raw clock is 3,000 ns ahead of the counter.
    for line in ["1000000 9975 1000900", "1000950 9980 1001020"] {
        beside.narrow_counter(line);
    }
    assert_eq!(beside.counter, (2850.0, 3020.0));
    assert!((beside.counter_error() - 0.085).abs() < 1e-9);
}

#[test]
fn message_has_the_counter_of_its_moment() {
    let mut beside = beside();
    beside.counter = (2900.0, 3100.0);
    let told = beside.told(guests(10_000_000, 0), ours(10_500_000));
    let raw = RAW + 10_500_000;
    assert_eq!(told, Told { parent: (REAL + 10_500_000) / 100 + EPOCH, reference: (raw - 3000) / 100 });
}
