//! What of two states is news.

use super::*;
use crate::bus::tests::{everything, row};

#[test]
fn what_differs_with_every_sample_is_not_told() {
    let before = everything();
    assert!(changed(&before, &before).is_empty());
    let (offset, jitter, error) = (before.offset + 1, before.jitter + 1, before.error + 1);
    let last_sample = Some(row(before.last_sample.unwrap().when + 1));
    // While the clock is followed each sample is an action.
    let last_action = None;
    let now = Shown { offset, jitter, error, frequency: 1.0, last_sample, last_action, ..before.clone() };
    assert!(changed(&before, &now).is_empty());
}

#[test]
fn what_differs_otherwise_is_told_and_nothing_else() {
    let (before, after) = (Shown::default(), everything());
    for (name, now) in [
        ("Mode", Shown { mode: after.mode, ..before.clone() }),
        ("Ruler", Shown { ruler: after.ruler, ..before.clone() }),
        ("Clients", Shown { clients: after.clients, ..before.clone() }),
        ("Fed", Shown { fed: after.fed.clone(), ..before.clone() }),
        ("Source", Shown { method: after.method, ..before.clone() }),
    ] {
        assert_eq!(changed(&before, &now).into_keys().collect::<Vec<_>>(), [name]);
    }
    assert_eq!(changed(&before, &after).len(), 5);
}
