use super::*;
use std::cell::RefCell;

/// Answers from lists, each time once.
struct Script {
    raw: RefCell<Vec<i64>>,
    real: RefCell<Vec<i64>>,
}

impl Script {
    fn new(raw: &[i64], real: &[i64]) -> Self {
        let reversed = |list: &[i64]| RefCell::new(list.iter().rev().copied().collect());
        Self { raw: reversed(raw), real: reversed(real) }
    }
}

impl Clocks for Script {
    fn raw(&self) -> i64 {
        self.raw.borrow_mut().pop().unwrap()
    }

    fn real(&self) -> i64 {
        self.real.borrow_mut().pop().unwrap()
    }
}

#[test]
fn of_five_looks_the_narrowest_counts_and_its_time_belongs_to_its_middle() {
    let clocks = Script::new(&[0, 90, 100, 150, 200, 231, 300, 330, 400, 440], &[10, 20, 30, 40, 50]);
    assert_eq!(narrowest(&clocks), Reading { raw: 315, real: 40, width: 30 });
    assert!(clocks.raw.borrow().is_empty() && clocks.real.borrow().is_empty(), "there were five looks");
}

#[test]
fn of_looks_that_are_equally_narrow_the_first_counts() {
    let clocks = Script::new(&[0, 7, 100, 107, 200, 207, 300, 307, 400, 407], &[1, 2, 3, 4, 5]);
    assert_eq!(narrowest(&clocks), Reading { raw: 3, real: 1, width: 7 });
}

#[test]
fn the_machines_raw_clock_does_not_go_back_between_looks() {
    let (one, other) = (narrowest(&Machine), narrowest(&Machine));
    assert!(one.width >= 0 && other.width >= 0);
    assert!(other.raw - other.width / 2 >= one.raw + one.width / 2, "{one:?} {other:?}");
}

#[test]
fn a_time_that_does_not_fit_is_the_last_that_does() {
    assert_eq!(nanoseconds(Timespec { tv_sec: i64::MAX, tv_nsec: 5 }), i64::MAX);
    assert_eq!(nanoseconds(Timespec { tv_sec: -2, tv_nsec: 500_000_000 }), -1_500_000_000);
}
