//! Whose freeze it is: while it is asked for, while it lasts, when it is over, and when the next one is somebody else's.

use super::*;
use crate::bus::ShownState;

fn freezer(user: u32, name: &str, line: Line) -> Freezer {
    Freezer { user, name: OwnedUniqueName::try_from(name.to_owned()).unwrap(), line }
}

fn shown(state: ShownState, frozen_since: u64) -> Shown {
    Shown { state, frozen_since, ..Shown::default() }
}

fn has(freezers: &Freezers, shown: &Shown, line: Line, name: &str) -> bool {
    freezers.has_name(shown, line, &UniqueName::try_from(name).unwrap())
}

#[test]
fn who_asks_may_thaw_from_the_question_to_the_end() {
    let freezers = Arc::new(Freezers::default());
    let line = freezers.line();
    assert!(freezers.users(&Shown::default()).is_empty());
    let asking = Freezers::ask(&freezers, freezer(7, ":1.5", line));
    assert_eq!(freezers.users(&shown(ShownState::Freezing, 0)), [7]);
    let frozen = shown(ShownState::Frozen, 1000);
    assert!(has(&freezers, &frozen, line, ":1.5"));
    asking.frozen(&frozen);
    for shown in [frozen, shown(ShownState::Thawing, 1000), shown(ShownState::Failed, 1000)] {
        assert!(has(&freezers, &shown, line, ":1.5"), "{shown:?}");
        assert_eq!(freezers.users(&shown), [7], "{shown:?}");
    }
    // It is over: what comes next, and is not shown yet, is not theirs.
    for shown in [shown(ShownState::Thawing, 0), shown(ShownState::Thawed, 0), shown(ShownState::Failed, 0)] {
        assert!(!has(&freezers, &shown, line, ":1.5"), "{shown:?}");
        assert!(freezers.users(&shown).is_empty(), "{shown:?}");
    }
    assert!(freezers.was_of(7) && !freezers.was_of(8));
}

#[test]
fn who_waits_to_be_told_that_the_host_was_first_may_not_thaw_its_freeze() {
    let freezers = Arc::new(Freezers::default());
    let line = freezers.line();
    let _asking = Freezers::ask(&freezers, freezer(7, ":1.5", line));
    for (state, since) in [(ShownState::Freezing, 0), (ShownState::Frozen, 1000)] {
        let host = Shown { origin: Some(Origin::Host), ..shown(state, since) };
        assert!(!has(&freezers, &host, line, ":1.5"), "{host:?}");
        assert!(freezers.users(&host).is_empty(), "{host:?}");
        let bus = Shown { origin: Some(Origin::Bus), ..shown(state, since) };
        assert_eq!(freezers.users(&bus), [7], "{bus:?}");
    }
}

#[test]
fn freeze_that_came_to_nothing_gives_no_right() {
    let freezers = Arc::new(Freezers::default());
    let line = freezers.line();
    drop(Freezers::ask(&freezers, freezer(7, ":1.5", line)));
    for shown in [shown(ShownState::Thawed, 0), shown(ShownState::Frozen, 5), shown(ShownState::Freezing, 0)]
    {
        assert!(freezers.users(&shown).is_empty(), "{shown:?}");
    }
}

#[test]
fn the_next_freeze_is_not_theirs() {
    let freezers = Arc::new(Freezers::default());
    let line = freezers.line();
    Freezers::ask(&freezers, freezer(7, ":1.5", line)).frozen(&shown(ShownState::Frozen, 1000));
    for host in
        [shown(ShownState::Freezing, 0), shown(ShownState::Freezing, 2000), shown(ShownState::Frozen, 2000)]
    {
        assert!(!has(&freezers, &host, line, ":1.5"), "{host:?}");
        assert!(freezers.users(&host).is_empty(), "{host:?}");
    }
    Freezers::ask(&freezers, freezer(8, ":1.6", line)).frozen(&shown(ShownState::Frozen, 3000));
    assert_eq!(freezers.users(&shown(ShownState::Frozen, 3000)), [8]);
}

#[test]
fn freeze_that_was_over_before_it_was_seen_gives_no_right_to_another() {
    let freezers = Arc::new(Freezers::default());
    let line = freezers.line();
    Freezers::ask(&freezers, freezer(7, ":1.5", line)).frozen(&shown(ShownState::Thawed, 0));
    assert!(freezers.users(&shown(ShownState::Frozen, 2000)).is_empty());
    assert!(freezers.users(&shown(ShownState::Freezing, 0)).is_empty());
}

#[test]
fn second_caller_who_is_told_to_wait_leaves_the_first_ones_right() {
    let freezers = Arc::new(Freezers::default());
    let line = freezers.line();
    let frozen = shown(ShownState::Frozen, 1000);
    Freezers::ask(&freezers, freezer(7, ":1.5", line)).frozen(&frozen);
    drop(Freezers::ask(&freezers, freezer(8, ":1.6", line)));
    assert_eq!(freezers.users(&frozen), [7]);
}

#[test]
fn same_name_on_another_bus_is_somebody_else() {
    let freezers = Arc::new(Freezers::default());
    let (before, after) = (freezers.line(), freezers.line());
    let frozen = shown(ShownState::Frozen, 1000);
    Freezers::ask(&freezers, freezer(7, ":1.5", before)).frozen(&frozen);
    assert!(has(&freezers, &frozen, before, ":1.5"));
    assert!(!has(&freezers, &frozen, after, ":1.5"));
    // The user is the same on every bus of this machine.
    assert_eq!(freezers.users(&frozen), [7]);
}
