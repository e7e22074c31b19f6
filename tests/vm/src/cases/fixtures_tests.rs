//! Which cases' exchanges may become fixtures.

use super::*;

fn played(machine: &Path) -> Vec<(String, Range<usize>)> {
    Played::read(machine).unwrap().cases
}

#[test]
fn nothing_is_taken_from_a_case_that_failed() {
    let directory = tempfile::tempdir().unwrap();
    let machine = directory.path();
    std::fs::write(machine.join("capture"), "").unwrap();
    // It never came to be noted.
    mark_failed(machine, "first");
    std::fs::write(machine.join(MARKS), "6.12 a kernel\n0 first\n10 second\n").unwrap();
    let first = ("first".to_owned(), 0..10);
    mark_failed(machine, "third");
    assert_eq!(played(machine), [first.clone(), ("second".to_owned(), 10..usize::MAX)]);
    mark_failed(machine, "second");
    // The one before it ends where it did.
    assert_eq!(played(machine), [first, ("second (failed)".to_owned(), 10..usize::MAX)]);
}
