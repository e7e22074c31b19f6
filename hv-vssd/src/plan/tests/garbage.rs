//! Whatever the files hold: no panic, no endless way, and the same plan in whatever order it comes.

use super::super::{Plan, PlanError, Roots, make};
use super::{Machine, all, examples};
use proptest::prelude::*;
use std::fs;
use std::sync::atomic::Ordering;

fn plan_of(bytes: &[u8]) -> Result<Plan, PlanError> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("self")).unwrap();
    fs::write(directory.path().join("self/mountinfo"), bytes).unwrap();
    make(&Roots { proc: directory.path().to_owned(), sys: directory.path().join("sys") }, &all())
}

/// Lines that are nearly right, over few numbers and names, so that they meet.
fn nearly() -> impl Strategy<Value = String> {
    let path = "(/[ab]){0,3}|/";
    let kind = "ext4|btrfs|overlay|tmpfs|vfat|nfs4|fuse.x|rootfs|autofs";
    let options = "rw|ro|rw,upperdir=(/[ab]){1,2}|rw,logdev=/dev/loop[0-2]";
    let line = ("[0-9]", "[0-9]", "[078]:[0-2]", path, path, kind, options);
    let lines = line.prop_map(|(id, parent, device, root, point, kind, options)| {
        format!("{id} {parent} {device} {root} {point} rw - {kind} /dev/loop0 {options}\n")
    });
    prop::collection::vec(lines, 0..12).prop_map(|lines| lines.concat())
}

/// Loop devices with files that the lines of [`nearly`] have names for.
fn loops() -> Machine {
    let machine = Machine::new("").loop_device("7:0", "loop0", "/a/b").loop_device("7:1", "loop1", "/b");
    machine.loop_device("7:2", "loop2", "/dev/loop0")
}

#[test]
fn any_bytes_are_survived() {
    let machine = loops();
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..400))| {
        machine.plan_of(&bytes, &all());
    });
}

#[test]
fn any_lines_are_survived_and_each_superblock_comes_once() {
    let machine = loops();
    proptest!(|(text in nearly())| {
        let plan = machine.plan_of(text.as_bytes(), &all());
        let mut devices: Vec<_> = plan.entries.iter().map(|entry| entry.device).collect();
        let before = devices.len();
        devices.sort();
        devices.dedup();
        prop_assert_eq!(devices.len(), before);
        prop_assert!(plan.targets().map(|entry| entry.level).is_sorted_by(|above, below| above >= below));
        prop_assert!(plan.targets().all(|entry| (entry.level == 0) == entry.order.is_empty()));
    });
}

#[test]
fn the_order_of_lines_does_not_matter() {
    let machine = loops();
    let shuffled = || {
        (0..examples::ALL.len()).prop_flat_map(|index| {
            let lines: Vec<&str> = examples::ALL[index].lines().collect();
            (Just(index), Just(lines).prop_shuffle())
        })
    };
    proptest!(|((index, lines) in shuffled())| {
        let other = machine.plan_of(lines.join("\n").as_bytes(), &all());
        prop_assert_eq!(other, machine.plan_of(examples::ALL[index].as_bytes(), &all()));
    });
    let garbage = nearly().prop_flat_map(|text| {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (Just(text), Just(lines).prop_shuffle())
    });
    proptest!(|((text, lines) in garbage)| {
        let other = machine.plan_of(lines.join("\n").as_bytes(), &all());
        prop_assert_eq!(other, machine.plan_of(text.as_bytes(), &all()));
    });
}

#[test]
fn without_a_list_of_mounts_there_is_no_plan() {
    let nowhere = Roots { proc: "/nonexistent/proc".into(), sys: "/nonexistent/sys".into() };
    let error = make(&nowhere, &all()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /nonexistent/proc/self/mountinfo: "), "{error}");
    assert!(matches!(plan_of(b""), Err(PlanError::Empty { .. })));
    assert!(matches!(plan_of(b"nothing\nof use\n"), Err(PlanError::Empty { .. })));
}

#[test]
fn two_thousand_mounts_are_looked_up_nowhere_but_in_the_list() {
    use std::fmt::Write as _;
    let mut text = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n".to_owned();
    for n in 0..1000 {
        let layers = "lowerdir=/v/l/a:/v/l/b,upperdir=/v/u,workdir=/v/w";
        writeln!(text, "{} 20 0:{} / /v/{n}/merged rw - overlay overlay rw,{layers}", 1000 + n, 1000 + n)
            .unwrap();
        writeln!(
            text,
            "{} {} 8:1 /v/{n}/hosts /v/{n}/merged/etc/hosts rw - ext4 /dev/sda1 rw",
            3000 + n,
            1000 + n
        )
        .unwrap();
    }
    let machine = Machine::new(&text).disk("8:1", "sda1");
    let plan = machine.plan(&all());
    assert_eq!(plan.entries.len(), 1001);
    assert_eq!(plan.entries[0].also.len(), 1000);
    assert_eq!(machine.paths.looks.load(Ordering::Relaxed), 0);
}

#[test]
fn a_list_that_is_too_long_is_refused() {
    let text = vec![b'\n'; (64 << 20) + 1];
    assert!(matches!(plan_of(&text), Err(PlanError::TooLong { .. })));
    assert!(matches!(plan_of(&text[1..]), Err(PlanError::Empty { .. })));
}

/// Each in the one before. What took the square of that, or worse, does not end here
/// while anybody waits.
#[test]
fn mounts_in_each_other_are_gone_along_once() {
    use std::fmt::Write as _;
    const MANY: usize = 2000;
    let mut text = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n".to_owned();
    let mut point = String::new();
    for n in 0..MANY {
        point.push_str("/m");
        writeln!(text, "{} {} 253:{n} / {point} rw - ext4 /dev/x rw", 21 + n, 20 + n).unwrap();
    }
    let machine = Machine::new("");
    let plan = machine.plan_of(text.as_bytes(), &all());
    assert_eq!(plan.targets().count(), MANY + 1);
    assert_eq!(plan.entries[0].mount_id, 20 + MANY as u64);
}

#[test]
fn mounts_upon_each_other_are_climbed_once() {
    use std::fmt::Write as _;
    let mut text = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n".to_owned();
    for n in 0..50_000 {
        writeln!(text, "{} {} 253:{n} / /m rw - ext4 /dev/x rw", 21 + n, 20 + n).unwrap();
    }
    let plan = Machine::new("").plan_of(text.as_bytes(), &all());
    assert_eq!(plan.targets().map(|entry| entry.mount_id).collect::<Vec<_>>(), [50_020, 20]);
}

#[test]
fn this_machines_own_mounts_make_a_plan() {
    let plan = make(&Roots { proc: "/proc".into(), sys: "/sys".into() }, &all()).unwrap();
    assert!(!plan.entries.is_empty());
}
