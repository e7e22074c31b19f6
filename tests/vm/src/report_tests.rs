use super::{Counts, Failure, tail};

fn failed(name: &'static str, passed_again: bool) -> Counts {
    let failure = Failure { name, why: "why".to_owned(), guest: String::new(), passed_again };
    Counts {
        passed: u32::from(passed_again),
        failed: u32::from(!passed_again),
        skipped: 0,
        failures: vec![failure],
    }
}

#[test]
fn end_of_a_text_is_shown_and_what_repeats_once() {
    let text = "a\nb\nb\nb\nc\n";
    assert_eq!(tail(text, 2), "      | b   (3 times)\n      | c\n");
    assert_eq!(tail(text, 9), "      | a\n      | b   (3 times)\n      | c\n");
    assert_eq!(tail("", 2), "");
}

#[test]
fn counts_of_stages_add_up_with_their_failures() {
    let sum: Counts = [failed("one", true), failed("two", false), Counts::default()].into_iter().sum();
    assert_eq!((sum.passed, sum.failed, sum.skipped), (1, 1, 0));
    let names: Vec<_> = sum.failures.iter().map(|failure| failure.name).collect();
    assert_eq!(names, ["one", "two"]);
}
