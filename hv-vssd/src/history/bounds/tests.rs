//! Long reports: what is cut, what stays, and that it is never more than it may be.

use proptest::prelude::*;

use super::*;
use crate::history::tests::{any_report, report};
use crate::report::{OK, Phase};

fn hook(output: String) -> HookReport {
    HookReport { name: "a".to_owned(), phase: Phase::Thaw, took_us: 1, result: OK.to_owned(), output }
}

fn bounded(report: FreezeReport) -> FreezeReport {
    let mut records = all(vec![Arc::new(report)]);
    Arc::unwrap_or_clone(records.remove(0))
}

#[test]
fn short_report_stays_as_it_is() {
    assert_eq!(bounded(report(1)), report(1));
}

#[test]
fn long_output_is_cut_with_a_mark_and_a_short_one_beside_it_is_not() {
    let hooks = vec![hook("x".repeat(100_000)), hook("short".to_owned()), hook("é".repeat(50_000))];
    let hooks = bounded(FreezeReport { hooks, ..report(1) }).hooks;
    assert_eq!(hooks[1].output, "short");
    let share = (MOST_OUTPUT - "short".len()) / 2;
    assert_eq!(hooks[0].output, format!("{}…", "x".repeat(share - "…".len())));
    assert!(hooks[2].output.ends_with("é…") && hooks[2].output.len() <= share);
}

#[test]
fn output_counts_as_it_is_written_to_the_file() {
    let hooks = bounded(FreezeReport { hooks: vec![hook("\u{1}".repeat(8_000))], ..report(1) }).hooks;
    assert_eq!(hooks[0].output.chars().count(), (MOST_OUTPUT - 3) / 6 + 1);
}

#[test]
fn long_sentences_and_paths_are_cut() {
    let mut long = report(1);
    long.result = "r".repeat(5_000);
    long.filesystems[0].mount = format!("/{}", "m".repeat(10_000));
    long.hooks[0].name = "n".repeat(5_000);
    let cut = bounded(long);
    assert_eq!(cut.result.len(), MOST_TEXT);
    assert_eq!(cut.filesystems[0].mount.len(), MOST_PATH);
    assert_eq!(cut.hooks[0].name.len(), MOST_TEXT);
}

#[test]
fn report_of_ten_thousand_filesystems_keeps_the_first_and_leaves_room_for_others() {
    let mut long = report(1);
    long.filesystems = vec![long.filesystems[0].clone(); 10_000];
    long.hooks = vec![hook("out".to_owned()); 10_000];
    let records = all(vec![Arc::new(long.clone()), Arc::new(long.clone()), Arc::new(long)]);
    assert_eq!(records.len(), 3);
    assert!(records[2].filesystems.len() > 500 && records[2].filesystems.len() < 10_000);
    assert!(encoded(&*records[2]) < MOST_OF_ONE);
}

#[test]
fn outputs_of_the_oldest_go_before_any_report_does() {
    let mut long = report(1);
    long.filesystems = vec![long.filesystems[0].clone(); 100];
    long.hooks = vec![hook("x".repeat(MOST_OUTPUT))];
    let records = all((0..MOST_RECORDS).map(|_| Arc::new(long.clone())).collect());
    assert_eq!(records.len(), MOST_RECORDS);
    assert!(records[0].hooks[0].output.is_empty());
    assert_eq!(records[MOST_RECORDS - 1].hooks[0].output.len(), MOST_OUTPUT);
}

#[test]
fn oldest_reports_go_when_nothing_else_helps() {
    let mut long = report(1);
    long.filesystems = vec![long.filesystems[0].clone(); 500];
    let records: Vec<_> =
        (0..64).map(|number| Arc::new(FreezeReport { started_us: number, ..long.clone() })).collect();
    let kept = all(records);
    assert!(kept.len() > 8 && kept.len() < 64, "{}", kept.len());
    assert_eq!(kept.last().unwrap().started_us, 63);
}

#[test]
fn lengths_are_those_of_the_json() {
    let text = "a\"\\\n\r\t\u{8}\u{c}\0\u{1f}\u{7f}é…😀";
    assert_eq!(written(text) + 2, serde_json::to_string(text).unwrap().len());
    assert_eq!(encoded(&report(1)), serde_json::to_string(&report(1)).unwrap().len() + 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_was_bounded_once_stays_so(reports in prop::collection::vec(any_report(), 0..20)) {
        let once = all(reports.into_iter().map(Arc::new).collect());
        prop_assert!(once.iter().all(|record| is_bounded(record)));
        prop_assert_eq!(all(once.clone()), once);
    }

    #[test]
    fn texts_are_cut_to_their_bytes(text in "\\PC{0,80}|[\\x00-\\x20\"]{0,80}", most in 0..200_usize) {
        let mut shorter = text.clone();
        cut(&mut shorter, most);
        prop_assert!(written(&shorter) <= most);
        prop_assert!(shorter == text || text.starts_with(shorter.trim_end_matches('…')));
    }
}
