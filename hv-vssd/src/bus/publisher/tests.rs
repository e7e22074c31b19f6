//! What of two states is news, and how long a publisher holds its connection.

use super::*;
use crate::history::tests::report;
use crate::report::Origin;

fn shown(state: ShownState, frozen_since: u64, last: Option<FreezeReport>) -> Shown {
    Shown { state, frozen_since, last: last.map(Arc::new), ..Shown::default() }
}

fn mounts() -> Arc<[String]> {
    Arc::new(["/srv".to_owned()])
}

#[test]
fn what_differs_is_told_and_nothing_else() {
    let thawed = Shown::default();
    assert!(changed(&thawed, &thawed).is_empty());
    let frozen = Shown {
        state: ShownState::Frozen,
        origin: Some(Origin::Host),
        frozen_mounts: mounts(),
        frozen_since: 5,
        deadline: 9,
        last: None,
    };
    let mut names: Vec<_> = changed(&thawed, &frozen).into_keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["Deadline", "FrozenMounts", "FrozenSince", "Origin", "State"]);
    let over = Shown { last: Some(Arc::new(report(1))), ..frozen.clone() };
    assert_eq!(changed(&frozen, &over).into_keys().collect::<Vec<_>>(), ["LastFreeze"]);
}

#[test]
fn freeze_that_froze_something_is_said_to_be_over_once() {
    let before = shown(ShownState::Thawed, 0, Some(report(1)));
    let after = shown(ShownState::Thawed, 0, Some(report(2)));
    assert_eq!(thawed(&before, &after).map(|report| report.started_us), Some(2));
    assert!(thawed(&after, &after).is_none());
    let more = FreezeReport { hooks: Vec::new(), ..report(2) };
    assert!(thawed(&after, &shown(ShownState::Thawed, 0, Some(more))).is_none(), "the same freeze");
    assert!(thawed(&after, &shown(ShownState::Thawed, 0, None)).is_none());
    let nothing = FreezeReport { frozen_us: 0, ..report(3) };
    assert!(
        thawed(&after, &shown(ShownState::Failed, 0, Some(nothing.clone()))).is_none(),
        "nothing was frozen"
    );
    let instant = Shown { frozen_mounts: mounts(), ..shown(ShownState::Frozen, 5, None) };
    let over = shown(ShownState::Thawed, 0, Some(nothing));
    assert_eq!(thawed(&instant, &over).map(|report| report.started_us), Some(3), "less than a microsecond");
}

#[test]
fn each_freeze_is_said_to_have_come_about_once() {
    let of_nothing = shown(ShownState::Frozen, 5, None);
    assert!(!is_newly_frozen(&Shown::default(), &of_nothing), "thawed, it would not be told either");
    let frozen = Shown { frozen_mounts: mounts(), ..of_nothing };
    assert!(is_newly_frozen(&Shown::default(), &frozen));
    assert!(!is_newly_frozen(&frozen, &frozen));
    assert!(!is_newly_frozen(&frozen, &Shown::default()));
    let next = Shown { frozen_since: 6, ..frozen.clone() };
    assert!(is_newly_frozen(&frozen, &next), "what was between was not seen");
}

#[tokio::test]
async fn a_publisher_lets_go_of_its_connection_when_the_next_takes_its_place() {
    let connection = Arc::new(());
    let start = || {
        let held = Arc::clone(&connection);
        Publisher::of(async move {
            let _held = held;
            std::future::pending::<()>().await;
        })
    };
    let mut publisher = Some(start());
    for _ in 0..5 {
        tokio::task::yield_now().await;
        publisher = Some(start());
    }
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&connection), 2, "the test's own and one publisher's");
    drop(publisher);
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&connection), 1);
}
