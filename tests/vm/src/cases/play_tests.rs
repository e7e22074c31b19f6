//! What a run's counts and its end say of cases that were played twice, and of a stage that was cut short.

use super::*;

fn failure() -> Failure {
    Failure { name: "a_case", why: "first".to_owned(), guest: String::new(), passed_again: false }
}

fn settled(again: Option<Attempt>) -> Counts {
    let mut counts = Counts::default();
    settle(&mut counts, failure(), again);
    counts
}

#[test]
fn case_that_passes_when_played_again_has_passed_and_its_failure_is_told() {
    let counts = settled(Some(Attempt::Ended { ending: Ending::Passed, took: Duration::ZERO }));
    assert_eq!((counts.passed, counts.failed, counts.skipped), (1, 0, 0));
    assert_eq!(counts.failures, [Failure { passed_again: true, ..failure() }]);
}

#[test]
fn case_that_does_not_pass_when_played_again_has_failed_and_both_reasons_are_told() {
    let skipped = Ending::Skipped("no disk".to_owned());
    for (again, why) in [
        (None, "first"),
        (
            Some(Attempt::Failed { why: "second".to_owned(), guest: String::new() }),
            "first\nwhen played again: second",
        ),
        (
            Some(Attempt::Ended { ending: skipped, took: Duration::ZERO }),
            "first\nwhen played again: it was skipped: no disk",
        ),
    ] {
        let counts = settled(again);
        assert_eq!((counts.passed, counts.failed, counts.skipped), (0, 1, 0), "{why}");
        assert_eq!(counts.failures, [Failure { why: why.to_owned(), ..failure() }]);
    }
}

#[test]
fn stage_that_ends_before_its_cases_is_a_failure_that_is_told() {
    let counts = cut_short(&"no more memory".to_owned());
    assert_eq!((counts.passed, counts.failed), (0, 1));
    assert_eq!(counts.failures.len(), 1, "without one nothing is kept of the run");
    assert!(counts.failures[0].why.ends_with("no more memory"), "{:?}", counts.failures);
}
