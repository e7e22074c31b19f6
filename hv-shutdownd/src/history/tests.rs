//! What is remembered, in memory and over a restart.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

fn row(when: u64) -> Row {
    Row { when, action: "poweroff".to_owned(), text: "bye".to_owned(), ..Row::default() }
}

fn wait(history: &History) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let saved = async { tokio::time::timeout(Duration::from_secs(60), history.saved()).await };
    assert!(runtime.block_on(saved).is_ok(), "is never saved");
}

#[test]
fn the_last_32_are_remembered_oldest_first() {
    let directory = TempDir::new().unwrap();
    let history = History::open(&directory.path().join("history.json"));
    for when in 1..=40 {
        history.push(row(when));
    }
    let rows = history.rows();
    assert_eq!((rows.len(), rows[0].when, rows[31].when), (32, 9, 40));
}

#[test]
fn what_becomes_known_later_is_added_to_its_row_alone() {
    let directory = TempDir::new().unwrap();
    let history = History::open(&directory.path().join("history.json"));
    history.push(row(1));
    history.push(row(2));
    update(&history, &Row { outcome: "begun by logind".to_owned(), ..row(1) });
    update(&history, &Row { outcome: "never pushed".to_owned(), ..row(3) });
    let rows = history.rows();
    let outcomes: Vec<&str> = rows.iter().map(|row| row.outcome.as_str()).collect();
    assert_eq!(outcomes, ["begun by logind", ""]);
}

#[test]
fn a_host_that_is_refused_over_and_over_fills_one_row() {
    let directory = TempDir::new().unwrap();
    let history = History::open(&directory.path().join("history.json"));
    let refusal = |when, outcome: &str| Row { outcome: outcome.to_owned(), ..row(when) };
    for when in 1..=40 {
        refused(&history, refusal(when, "refused: a"));
    }
    refused(&history, Row { forced: true, ..refusal(41, "refused: a") });
    refused(&history, refusal(42, "refused: a"));
    refused(&history, refusal(43, "refused: b"));
    let whens: Vec<u64> = history.rows().iter().map(|row| row.when).collect();
    assert_eq!(whens, [40, 41, 42, 43]);
}

#[test]
fn refusals_do_not_push_out_what_was_accepted() {
    let directory = TempDir::new().unwrap();
    let history = History::open(&directory.path().join("history.json"));
    history.push(row(1));
    for when in 2..=100_u64 {
        refused(&history, Row { reason: when as u32, outcome: "refused: a".to_owned(), ..row(when) });
    }
    update(&history, &Row { outcome: "begun by logind".to_owned(), ..row(1) });
    let rows = history.rows();
    assert_eq!((rows.len(), rows[0].outcome.as_str()), (17, "begun by logind"));
    assert_eq!((rows[1].when, rows[16].when), (85, 100));
    for when in 101..=140 {
        history.push(row(when));
    }
    assert_eq!(history.rows().len(), 32);
}

#[test]
fn what_was_saved_is_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.json");
    let history = History::open(&path);
    history.push(row(1));
    history.save();
    history.push(Row { forced: true, reason: 0x8004_0002, timeout: 60, ..row(2) });
    history.save();
    wait(&history);
    assert_eq!(History::open(&path).rows(), history.rows());
}

#[test]
fn the_longest_texts_fit_into_the_file() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.json");
    let history = History::open(&path);
    for when in 0..32 {
        history.push(Row {
            text: "\u{7f}\u{20ac}".repeat(512),
            outcome: "\u{ffff}".repeat(1200),
            ..row(when)
        });
    }
    history.save();
    wait(&history);
    assert_eq!(History::open(&path).rows().len(), 32);
}

#[test]
fn a_file_that_cannot_be_used_is_set_aside() {
    for text in ["", "{}", "{\"version\": 2, \"requests\": []}", "{\"version\": 1, \"requests\": [1]}"] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("history.json");
        fs::write(&path, text).unwrap();
        assert_eq!(History::open(&path).rows().len(), 0);
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(directory.path().join("history.damaged")).unwrap(), text);
    }
}

#[test]
fn a_longer_history_of_another_time_is_cut() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.json");
    let rows: Vec<Row> = (0..50).map(row).collect();
    fs::write(&path, serde_json::json!({"version": 1, "requests": rows}).to_string()).unwrap();
    assert_eq!(History::open(&path).rows()[0].when, 18);
}
