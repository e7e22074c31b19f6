//! On directories that are not frozen: FITHAW says EINVAL (as root) or EPERM, and what counts is who claims what.

use super::*;
use crate::plan::{Device, Entry, Verdict};
use crate::report::Origin;
use std::path::PathBuf;

fn entry(level: u16) -> Entry {
    Entry {
        mount: PathBuf::from("/proc"),
        also: Vec::new(),
        kind: "none".to_owned(),
        source: String::new(),
        device: Device { major: 0, minor: 1 },
        mount_id: 1,
        level,
        order: String::new(),
        verdict: Verdict::Freeze,
        at_risk: false,
    }
}

/// A record of filesystems at these levels and steps, over descriptors of something that cannot be frozen.
fn record(steps: &[(u16, Step)]) -> (Record, Vec<OwnedFd>) {
    let directory = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = steps.iter().map(|(level, _)| entry(*level)).collect();
    let record = Record::create(&directory.path().join("r"), &entries, Origin::Host, 0, "boot").unwrap();
    for (index, (_, step)) in steps.iter().enumerate() {
        assert!(record.advance(index, Step::Idle, *step) || *step == Step::Idle);
    }
    let targets = steps.iter().map(|_| OwnedFd::from(std::fs::File::open("/proc").unwrap())).collect();
    (record, targets)
}

fn steps(record: &Record) -> Vec<Step> {
    (0..record.len()).map(|index| record.step(index)).collect()
}

/// What thawing leaves here: root is told that nothing is frozen, others are told nothing.
fn done() -> Step {
    if rustix::process::geteuid().is_root() { Step::Thawed } else { Step::Stuck }
}

#[test]
fn only_what_is_ours_is_thawed() {
    let all = [
        (0, Step::Idle),
        (0, Step::Attempting),
        (0, Step::Frozen),
        (0, Step::Thawing),
        (0, Step::Abandoned),
        (0, Step::Thawed),
        (0, Step::Refused),
        (0, Step::Stuck),
        (0, Step::Guarded),
    ];
    let (record, targets) = record(&all);
    pass(&record, &targets, By::Daemon, monotonic());
    let expected = [
        Step::Idle,
        Step::Abandoned,
        done(),
        Step::Thawing,
        Step::Abandoned,
        Step::Thawed,
        Step::Refused,
        done(),
        Step::Guarded,
    ];
    assert_eq!(steps(&record), expected);
    assert!(!is_over(&record), "some are still with others");
}

#[test]
fn who_survives_takes_over_what_the_other_was_at() {
    let all = [
        (0, Step::Idle),
        (0, Step::Attempting),
        (0, Step::Thawing),
        (0, Step::Abandoned),
        (0, Step::Refused),
    ];
    let (record, targets) = record(&all);
    inherit_from_daemon(&record);
    pass(&record, &targets, By::Guardian, monotonic());
    assert_eq!(steps(&record), [Step::Idle, done(), done(), done(), Step::Refused]);
}

#[test]
fn several_threads_thaw_everything_once() {
    let many: Vec<(u16, Step)> = (0..200).map(|index| (3 - index / 50, Step::Frozen)).collect();
    let (record, targets) = record(&many);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| pass(&record, &targets, By::Daemon, monotonic()));
        }
    });
    assert!(steps(&record).iter().all(|step| *step == done()));
}

#[test]
fn what_lies_above_one_that_is_being_frozen_waits_for_another_pass() {
    let (record, targets) = record(&[(1, Step::Frozen), (0, Step::Abandoned), (0, Step::Frozen)]);
    pass(&record, &targets, By::Guardian, monotonic());
    assert_eq!(steps(&record), [Step::Frozen, Step::Abandoned, done()]);
    // But not without end.
    pass(&record, &targets, By::Guardian, Duration::ZERO);
    assert_eq!(steps(&record), [done(), Step::Abandoned, done()]);
}
