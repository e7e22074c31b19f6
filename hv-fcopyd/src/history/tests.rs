//! How much is remembered, and in which order.

use super::*;

#[test]
fn oldest_goes_when_there_are_too_many() {
    let mut history = History::default();
    let row = |when| Row { when, target: format!("/t/{when}"), size: when, result: "ok".to_owned() };
    for when in 0..100 {
        history.push(row(when));
    }
    assert_eq!(history.rows(), (36..100).map(row).collect::<Vec<_>>());
}
