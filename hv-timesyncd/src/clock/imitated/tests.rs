use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

const START: i64 = 1_767_225_600_250_000_000;
const SECOND: i64 = 1_000_000_000;

/// A clock, and the raw time that it runs on.
fn clock() -> (Imitated, Arc<AtomicI64>) {
    let raw = Arc::new(AtomicI64::new(1000));
    let source = Arc::clone(&raw);
    (Imitated::new(move || source.load(SeqCst), START), raw)
}

#[test]
fn it_starts_with_the_time_it_is_given_and_is_not_synchronised() {
    let (clock, raw) = clock();
    assert_eq!(clock.read().unwrap(), Reading { raw: 1000, real: START, width: 0 });
    assert_eq!(
        clock.state().unwrap(),
        ClockState { frequency: 0.0, synchronised: false, max_error: 16_000_000 }
    );
    raw.fetch_add(7 * SECOND, SeqCst);
    assert_eq!((clock.raw(), clock.real()), (1000 + 7 * SECOND, START + 7 * SECOND));
}

#[test]
fn it_remembers_what_was_done_to_it() {
    let (clock, _) = clock();
    assert_eq!((clock.steps(), clock.steered(), clock.steering()), (vec![], 0, None));
    clock.step(5).unwrap();
    clock.step(-SECOND).unwrap();
    let steering = Steering { frequency: 2.0, synchronised: true, ..Steering::default() };
    clock.steer(Steering::default()).unwrap();
    clock.steer(steering).unwrap();
    assert_eq!((clock.steps(), clock.steered(), clock.steering()), (vec![5, -SECOND], 2, Some(steering)));
    assert_eq!(clock.real(), START + 5 - SECOND);
    assert_eq!(clock.state().unwrap(), ClockState { frequency: 2.0, synchronised: true, max_error: 0 });
}

#[test]
fn a_step_that_is_refused_has_not_been_made() {
    let (clock, _) = clock();
    assert_eq!(clock.step(i64::MIN).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!((clock.steps(), clock.real()), (vec![], START));
}

#[test]
fn a_step_leaves_it_unsynchronised_until_it_is_steered_again() {
    let (clock, _) = clock();
    let steering = Steering { synchronised: true, phase: 1_000_000, ..Steering::default() };
    clock.steer(steering).unwrap();
    clock.step(1).unwrap();
    assert!(!clock.state().unwrap().synchronised);
    assert_eq!(clock.timex().offset, 0);
    clock.steer(steering).unwrap();
    assert!(clock.state().unwrap().synchronised);
    assert_eq!(clock.timex().offset, 1_000_000);
}

#[test]
fn raw_time_that_goes_back_stands_still() {
    let (clock, raw) = clock();
    raw.store(5000, SeqCst);
    let before = clock.read().unwrap();
    raw.store(2000, SeqCst);
    assert_eq!(clock.read().unwrap(), before);
}

#[test]
fn a_clock_beside_the_machines_is_ahead_by_what_was_asked_for() {
    let clock = Imitated::of_this_machine(3600 * SECOND, 0.0);
    let (before, now, after) = (look::narrowest(&Machine), clock.read().unwrap(), look::narrowest(&Machine));
    assert!(
        (before.raw - before.width..=after.raw + after.width).contains(&now.raw),
        "{before:?} {now:?} {after:?}"
    );
    // Both are related to raw time; the machine's clock may be steered meanwhile, but not by a second.
    let ahead = (now.real - now.raw) - (before.real - before.raw);
    assert!((ahead - 3600 * SECOND).abs() < SECOND, "{ahead}");
}

#[test]
fn the_crystal_of_a_clock_beside_the_machines_runs_as_fast_as_asked_for() {
    let clock = Imitated::of_this_machine(0, 1_000_000.0);
    let look = || (Machine.raw(), clock.raw(), Machine.raw());
    let first = look();
    while Machine.raw() - first.2 < 5_000_000 {
        std::hint::spin_loop();
    }
    let second = look();
    // Twice what passed for the machine, wherever within its look each of ours was taken.
    let (least, most) = (2 * (second.0 - first.2), 2 * (second.2 - first.0));
    assert!((least - 2..=most + 2).contains(&(second.1 - first.1)), "{first:?} {second:?}");
}
