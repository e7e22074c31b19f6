//! What the log has of states that change as they like.

use hv_utils_core::wire::heartbeat::ApplicationState::{Critical, Healthy, Stopped, Unknown};
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_state_is_told_at_once_and_the_same_again_after_a_minute() {
    let begin = Instant::now();
    let mut telling = Telling::default();
    let cases = [
        // Nobody says anything, which is so before anybody does.
        (0, Unknown, false),
        (0, Critical, true),
        (1, Critical, false),
        (1, Healthy, true),
        (2, Critical, false),
        (3, Stopped, true),
        (4, Critical, false),
        (59, Healthy, false),
        (60, Critical, true),
        (60, Unknown, true),
        (61, Healthy, true),
    ];
    for (seconds, state, told) in cases {
        assert_eq!(telling.admit(state, begin + seconds * SECOND), told, "{state} at {seconds} s");
    }
}

#[test]
fn only_what_was_held_back_and_lasts_is_due() {
    let begin = Instant::now();
    let mut telling = Telling::default();
    assert_eq!(telling.due(Unknown), None);
    for (seconds, state) in [(0, Critical), (1, Healthy), (2, Critical)] {
        telling.admit(state, begin + seconds * SECOND);
    }
    assert_eq!(telling.due(Critical), Some(begin + 60 * SECOND));
    // It is as the log has it again.
    assert_eq!(telling.due(Healthy), None);
    assert!(telling.admit(Critical, begin + 60 * SECOND));
    assert_eq!(telling.due(Critical), None);
}

proptest! {
    #[test]
    fn last_line_is_true_when_nothing_is_due_and_none_comes_twice_in_a_minute(
        changes in prop::collection::vec((0_usize..4, 0_u64..70), 0..200)
    ) {
        let mut now = Instant::now();
        let mut telling = Telling::default();
        let (mut state, mut lines) = (Unknown, vec![(now, Unknown)]);
        let mut look = |state, now| {
            if telling.admit(state, now) {
                lines.push((now, state));
            }
            telling.due(state)
        };
        let mut due = None;
        for (number, pause) in changes {
            let next = now + Duration::from_secs(pause);
            // As the service has it: it looks at each change, and when something is due.
            if let Some(at) = due.filter(|at| *at <= next) {
                prop_assert_eq!(look(state, at), None);
            }
            (state, now) = (ApplicationState::ALL[number], next);
            due = look(state, now);
        }
        if let Some(at) = due {
            prop_assert_eq!(look(state, at), None);
        }
        prop_assert_eq!(lines.last().unwrap().1, state);
        for (index, (at, state)) in lines.iter().enumerate().skip(1) {
            prop_assert_ne!(lines[index - 1].1, *state);
            let before = lines[1..index].iter().rfind(|(_, before)| before == state);
            prop_assert!(before.is_none_or(|(before, _)| *at - *before >= INTERVAL));
        }
    }
}
