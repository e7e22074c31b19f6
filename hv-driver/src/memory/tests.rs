//! What is remembered comes back as it was, and not into another boot.

use super::*;

fn boot(root: &Path, id: &str) {
    let path = root.join("sys/kernel/random");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("boot_id"), format!("{id}\n")).unwrap();
}

#[test]
fn everything_comes_back_within_the_boot_and_nothing_after() {
    let directory = tempfile::tempdir().unwrap();
    let (run, proc) = (directory.path(), directory.path().join("proc"));
    boot(&proc, "one");
    let mut memory = Memory::load(run, &proc);
    memory.cost = Some(47 << 20);
    memory.attempt(Ic::Kvp);
    memory.attempt(Ic::Kvp);
    memory.released.insert(Ic::Shutdown);
    memory.never_ready.insert(Ic::Vss);
    memory.choices.insert(Ic::FileCopy, Choice::Uio);
    memory.save().unwrap();
    assert_eq!(Memory::load(run, &proc), memory);
    assert_eq!(memory.attempts(Ic::Kvp), 2);
    boot(&proc, "two");
    let next = Memory::load(run, &proc);
    assert_eq!((next.cost, next.choices.len(), next.attempts.len()), (None, 0, 0));
}

#[test]
fn lines_that_make_no_sense_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    boot(directory.path(), "one");
    let text =
        "boot one\nattempt kvp once\nattempt floppy 3\nchoice vss raw\ncost\n\nattempt vss 2\nreleased\n";
    fs::write(directory.path().join("hv-driver.state"), text).unwrap();
    let memory = Memory::load(directory.path(), directory.path());
    assert_eq!(memory.attempts, BTreeMap::from([(Ic::Vss, vec![2])]));
    assert!(memory.choices.is_empty() && memory.released.is_empty() && memory.cost.is_none());
}

#[test]
fn new_choice_forgets_failures_and_not_the_machine() {
    let mut memory = Memory { cost: Some(1), ..Memory::default() };
    memory.attempt(Ic::Kvp);
    memory.released.insert(Ic::Kvp);
    memory.never_ready.extend([Ic::Kvp, Ic::Vss]);
    memory.forget(Ic::Kvp);
    assert!(memory.attempts.is_empty() && memory.released.is_empty());
    assert_eq!((memory.never_ready, memory.cost), (BTreeSet::from([Ic::Vss]), Some(1)));
}

#[test]
fn attempts_count_for_an_hour() {
    let directory = tempfile::tempdir().unwrap();
    boot(directory.path(), "one");
    let at = |seconds: u64| {
        fs::write(directory.path().join("uptime"), format!("{seconds}.25 99.00\n")).unwrap();
        Memory::load(directory.path(), directory.path())
    };
    for (seconds, counted) in [(10, 1), (20, 2), (3000, 3), (3615, 3), (9000, 1)] {
        let mut memory = at(seconds);
        memory.attempt(Ic::Kvp);
        memory.save().unwrap();
        assert_eq!(memory.attempts(Ic::Kvp), counted, "{seconds}");
    }
    assert_eq!(at(20_000).attempts(Ic::Kvp), 0);
}
