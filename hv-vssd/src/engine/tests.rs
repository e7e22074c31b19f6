use super::*;
use proptest::prelude::*;

fn host_frozen() -> Engine {
    let mut engine = Engine::new(false);
    assert_eq!(engine.request(Operation::FREEZE), Action::Freeze);
    assert!(engine.frozen());
    engine
}

fn bus_frozen() -> Engine {
    let mut engine = Engine::new(false);
    assert_eq!(engine.bus_freezes(), Ok(()));
    assert!(engine.frozen());
    engine
}

#[test]
fn a_backup_is_check_freeze_thaw() {
    let mut engine = Engine::new(false);
    assert_eq!(engine.request(Operation::HOT_BACKUP), Action::Check);
    assert_eq!(engine.request(Operation::FREEZE), Action::Freeze);
    assert_eq!(engine.phase(), Phase::Freezing);
    assert!(engine.frozen());
    assert_eq!(engine.request(Operation::THAW), Action::Thaw);
    assert_eq!((engine.phase(), engine.cause()), (Phase::Thawing, Some(Cause::Host)));
    engine.over();
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true), "asked again");
    engine.settled();
    assert_eq!((engine.phase(), engine.is_owed()), (Phase::Thawed, false));
}

#[test]
fn what_needs_nothing_is_answered_at_any_time() {
    for mut engine in [Engine::new(false), host_frozen(), bus_frozen()] {
        let before = engine.clone();
        for operation in [0, 1, 3, 4, 7, 8] {
            assert_eq!(engine.request(Operation(operation)), Action::Answer(true), "{operation}");
        }
        assert_eq!(engine.request(Operation(99)), Action::Answer(false));
        assert_eq!(engine, before);
    }
}

#[test]
fn thaw_of_nothing_frozen_is_no_failure() {
    assert_eq!(Engine::new(false).request(Operation::THAW), Action::Answer(true));
}

#[test]
fn a_second_freeze_is_true_a_second_thaw_too() {
    let mut engine = host_frozen();
    assert_eq!(engine.request(Operation::FREEZE), Action::Answer(true));
    assert_eq!(engine.request(Operation::THAW), Action::Thaw);
    assert_eq!(engine.request(Operation::THAW), Action::Await);
    engine.over();
    engine.settled();
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true));
}

#[test]
fn the_thaw_of_a_freeze_that_we_ended_fails_once() {
    for cause in [Cause::Deadline, Cause::Guardian, Cause::Bus, Cause::Error] {
        let mut engine = host_frozen();
        engine.end(cause);
        assert_eq!(engine.request(Operation::THAW), Action::Await);
        engine.over();
        assert_eq!(engine.cause(), Some(cause));
        assert_eq!(engine.request(Operation::THAW), Action::Answer(false), "{cause}");
        assert_eq!(engine.request(Operation::THAW), Action::Answer(true), "{cause}");
    }
}

#[test]
fn the_debt_survives_a_restart_and_ends_with_the_next_freeze() {
    let mut engine = Engine::new(true);
    assert_eq!(engine.request(Operation::HOT_BACKUP), Action::Check);
    assert!(engine.is_owed());
    assert_eq!(engine.request(Operation::FREEZE), Action::Freeze);
    assert!(engine.frozen());
    assert!(!engine.is_owed());
}

#[test]
fn a_thaw_that_finds_somebody_else_has_thawed_fails_once() {
    let mut engine = host_frozen();
    assert_eq!(engine.request(Operation::HOT_BACKUP), Action::Answer(true));
    assert_eq!(engine.request(Operation::THAW), Action::Thaw);
    engine.spoiled();
    engine.over();
    assert_eq!(engine.request(Operation::THAW), Action::Answer(false));
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true));
    // A freeze that the host never heard of is no debt.
    let mut engine = Engine::new(false);
    assert_eq!(engine.request(Operation::FREEZE), Action::Freeze);
    assert_eq!(engine.request(Operation::THAW), Action::Thaw);
    engine.spoiled();
    engine.over();
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true));
}

#[test]
fn a_freeze_whose_answer_was_lost_ends_before_the_host_can_ask_anew_and_owes_nothing() {
    for next in [Operation::FREEZE, Operation::THAW] {
        let mut engine = host_frozen();
        engine.unheard();
        assert_eq!((engine.phase(), engine.cause()), (Phase::Thawing, Some(Cause::Error)));
        assert_eq!(engine.request(next), Action::Await, "not the OK of a freeze that stays");
        engine.over();
        assert!(!engine.is_owed());
    }
    // Ended by its deadline before anybody knew.
    let mut engine = host_frozen();
    engine.end(Cause::Deadline);
    engine.over();
    engine.unheard();
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true));
    // What is owed for a freeze that the host was told of stays owed.
    let mut engine = Engine::new(true);
    engine.unheard();
    assert_eq!(engine.request(Operation::THAW), Action::Answer(false));
}

#[test]
fn a_daemon_that_stops_begins_nothing_more() {
    let mut engine = host_frozen();
    engine.stop();
    assert_eq!(engine.request(Operation::FREEZE), Action::Answer(true), "still true");
    engine.end(Cause::Error);
    assert_eq!(engine.request(Operation::FREEZE), Action::Await);
    engine.over();
    assert_eq!(engine.request(Operation::FREEZE), Action::Answer(false), "asked again");
    assert_eq!(engine.request(Operation::THAW), Action::Answer(false));
    engine.settled();
    assert_eq!(engine.request(Operation::FREEZE), Action::Answer(false));
    assert_eq!(engine.bus_freezes(), Err(Refusal::Stopping));
}

#[test]
fn a_freeze_that_failed_owes_nothing() {
    let mut engine = Engine::new(false);
    assert_eq!(engine.request(Operation::FREEZE), Action::Freeze);
    engine.end(Cause::Error);
    assert!(!engine.frozen(), "too late");
    engine.over();
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true));
}

#[test]
fn a_freeze_on_the_bus_is_not_the_hosts() {
    let mut engine = bus_frozen();
    assert_eq!(engine.request(Operation::HOT_BACKUP), Action::Answer(false));
    assert_eq!(engine.request(Operation::FREEZE), Action::Answer(false));
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true), "nothing of the host's is frozen");
    assert_eq!(engine.phase(), Phase::Frozen);
    assert_eq!(engine.bus_freezes(), Err(Refusal::Busy(Origin::Bus)));
    assert_eq!(engine.bus_thaws(), Ok(()));
    engine.over();
    assert_eq!(engine.bus_thaws(), Err(Refusal::NotFrozen));
    assert!(!engine.is_owed());
}

#[test]
fn a_debt_is_paid_while_somebody_in_the_guest_has_frozen() {
    let mut engine = Engine::new(true);
    assert_eq!(engine.bus_freezes(), Ok(()));
    assert!(engine.frozen());
    assert_eq!(engine.request(Operation::THAW), Action::Answer(false));
    assert_eq!(engine.request(Operation::THAW), Action::Answer(true));
    assert_eq!(engine.phase(), Phase::Frozen);
}

#[test]
fn a_request_of_a_host_that_gave_up_its_freeze_ends_it_first() {
    for operation in [Operation::FREEZE, Operation::THAW] {
        let mut engine = Engine::new(false);
        assert_eq!(engine.request(Operation::FREEZE), Action::Freeze);
        assert_eq!(engine.request(operation), Action::Thaw);
        assert!(!engine.frozen());
        assert_eq!(engine.request(operation), Action::Await);
        engine.over();
        let then = if operation == Operation::FREEZE { Action::Await } else { Action::Answer(true) };
        assert_eq!(engine.request(operation), then);
        engine.settled();
        let then = if operation == Operation::FREEZE { Action::Freeze } else { Action::Answer(true) };
        assert_eq!(engine.request(operation), then);
    }
}

#[test]
fn hooks_of_a_freeze_before_our_time_hold_up_the_next_freeze_only() {
    let mut engine = Engine::new(true);
    engine.recovered(Origin::Host);
    assert_eq!(engine.request(Operation::HOT_BACKUP), Action::Check);
    assert_eq!(engine.request(Operation::FREEZE), Action::Await);
    assert_eq!(engine.bus_freezes(), Err(Refusal::Busy(Origin::Host)));
    assert_eq!(engine.request(Operation::THAW), Action::Answer(false));
    engine.settled();
    assert_eq!(engine.request(Operation::FREEZE), Action::Freeze);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Host(u8),
    BusFreezes,
    BusThaws,
    Frozen,
    End(Cause),
    Over,
    Settled,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let cause = prop_oneof![Just(Cause::Deadline), Just(Cause::Guardian), Just(Cause::Error)];
    let step = prop_oneof![
        (0_u8..10).prop_map(Step::Host),
        Just(Step::BusFreezes),
        Just(Step::BusThaws),
        Just(Step::Frozen),
        cause.prop_map(Step::End),
        Just(Step::Over),
        Just(Step::Settled),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    /// Against a plain account of what is frozen for whom: a host that was told "frozen" is told OK at its THAW exactly if
    /// it was that THAW which ended the freeze.
    #[test]
    fn the_host_is_told_ok_only_for_what_lasted(steps in steps()) {
        let mut engine = Engine::new(false);
        // What the host believes, and whether that is still true.
        let (mut believes, mut lasted) = (false, false);
        for step in steps {
            match step {
                Step::Host(operation) => {
                    let action = engine.request(Operation(operation));
                    match (Operation(operation), action) {
                        (Operation::THAW, Action::Answer(ok)) => {
                            prop_assert_eq!(ok, !believes || lasted);
                            believes = false;
                        }
                        (Operation::THAW, Action::Thaw) => prop_assert!(engine.phase() == Phase::Thawing),
                        _ => {}
                    }
                }
                Step::BusFreezes => { let _ = engine.bus_freezes(); }
                Step::BusThaws => {
                    let host = engine.phase() == Phase::Frozen && engine.origin == Origin::Host;
                    if engine.bus_thaws().is_ok() && host {
                        lasted = false;
                    }
                }
                Step::Frozen => {
                    let was = engine.phase();
                    if engine.frozen() {
                        prop_assert_eq!(was, Phase::Freezing);
                        if engine.origin == Origin::Host {
                            (believes, lasted) = (true, true);
                        }
                    }
                }
                Step::End(cause) => {
                    if engine.phase() == Phase::Frozen && engine.origin == Origin::Host {
                        lasted = false;
                    }
                    engine.end(cause);
                }
                Step::Over => {
                    if engine.phase() == Phase::Frozen && engine.origin == Origin::Host {
                        lasted = false;
                    }
                    engine.over();
                }
                Step::Settled => engine.settled(),
            }
        }
    }
}
