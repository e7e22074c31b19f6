//! The rules, without anybody to ask.

use hv_utils_core::wire::heartbeat::ApplicationState::{Critical, Healthy, Stopped, Unknown};
use proptest::prelude::*;

use super::*;
use crate::systemd::UnitSeen;

fn source(name: &str, state: ApplicationState) -> Source {
    Source { name: name.to_owned(), state, why: "because".to_owned() }
}

#[test]
fn without_anybody_to_say_one_the_word_stays_as_it_came() {
    let mut engine = Engine::default();
    let mut body = [0xee; 16];
    engine.answer(&mut body);
    assert_eq!(body[..8], [0xef, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee]);
    assert_eq!(body[8..], [0xee; 8]);
    assert_eq!(engine.sequence(), 0xeeee_eeee_eeee_eeef);
    assert_eq!((engine.word(), engine.worst()), (None, None));
}

#[test]
fn the_worst_of_all_is_said_wherever_it_comes_from() {
    let mut engine = Engine::default();
    engine.set_systemd(vec![source("system", Healthy), source("a.service", Stopped)]);
    engine.set_applications(vec![source("application :1.5", Unknown)]);
    assert_eq!(engine.word(), Some(Stopped));
    assert_eq!(engine.worst().unwrap().name, "a.service");
    engine.set_applications(vec![source("application :1.5", Healthy), source("application :1.6", Critical)]);
    assert_eq!(engine.worst().unwrap().name, "application :1.6");
    engine.set_applications(Vec::new());
    engine.set_systemd(vec![source("system", Healthy)]);
    let mut body = [0; 16];
    engine.answer(&mut body);
    assert_eq!(body, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn somebody_who_does_not_know_has_that_said() {
    let mut engine = Engine::default();
    engine.set_systemd(vec![source("system", Unknown)]);
    let mut body = [0xff; 12];
    engine.answer(&mut body);
    assert_eq!(body, [0; 12]);
}

#[test]
fn number_alone_and_less_than_a_number() {
    let mut engine = Engine::default();
    engine.set_systemd(vec![source("system", Critical)]);
    let mut body = 41_u64.to_le_bytes();
    engine.answer(&mut body);
    assert_eq!((body, engine.sequence()), (42_u64.to_le_bytes(), 42));
    let mut body = [7; 7];
    engine.answer(&mut body);
    assert_eq!((body, engine.sequence()), ([7; 7], 42));
}

#[test]
fn systems_words_and_what_they_mean() {
    for (word, state) in [
        ("initializing", Unknown),
        ("starting", Unknown),
        ("running", Healthy),
        ("degraded", Critical),
        ("maintenance", Critical),
        ("stopping", Stopped),
        ("", Unknown),
        ("a word of a later version", Unknown),
    ] {
        assert_eq!(system(word), state, "{word}");
    }
}

#[test]
fn what_a_unit_is_and_what_is_said_of_it() {
    for (load, active, sub, job, state, why) in [
        ("loaded", "active", "running", "", Healthy, "active (running)"),
        ("loaded", "active", "active", "", Healthy, "active"),
        ("loaded", "active", "running", "stop", Healthy, "active (running)"),
        ("loaded", "activating", "auto-restart", "", Healthy, "activating (auto-restart)"),
        ("loaded", "reloading", "reload", "reload", Healthy, "reloading (reload)"),
        ("loaded", "refreshing", "", "", Healthy, "refreshing"),
        ("loaded", "failed", "failed", "", Critical, "failed"),
        ("loaded", "failed", "failed", "start", Critical, "failed"),
        ("loaded", "inactive", "dead", "", Stopped, "inactive (dead)"),
        ("loaded", "inactive", "dead", "start", Unknown, "inactive (dead), about to start"),
        ("loaded", "inactive", "dead", "verify-active", Stopped, "inactive (dead)"),
        ("loaded", "deactivating", "stop", "stop", Stopped, "deactivating (stop)"),
        ("loaded", "deactivating", "stop", "restart", Unknown, "deactivating (stop), about to start"),
        ("loaded", "maintenance", "", "", Unknown, "maintenance"),
        ("not-found", "inactive", "dead", "", Critical, "there is no such unit"),
        ("not-found", "active", "running", "", Healthy, "active (running)"),
        ("not-found", "failed", "failed", "", Critical, "failed"),
        ("masked", "inactive", "dead", "", Stopped, "masked"),
        ("masked", "active", "running", "", Healthy, "active (running)"),
        ("bad-setting", "inactive", "dead", "", Critical, "cannot be loaded (bad-setting)"),
        ("error", "inactive", "", "", Critical, "cannot be loaded (error)"),
    ] {
        let [load, active, sub, job] = [load, active, sub, job].map(str::to_owned);
        let seen = UnitSeen { load, active, sub, job };
        assert_eq!(unit(&seen), (state, why.to_owned()), "{seen:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered_in_their_own_length_and_only_number_and_word_differ(
        before in prop::collection::vec(any::<u8>(), 0..64),
        word in 0_usize..5,
    ) {
        let mut engine = Engine::default();
        if let Some(state) = ApplicationState::ALL.get(word) {
            engine.set_systemd(vec![source("system", *state)]);
        }
        let mut body = before.clone();
        engine.answer(&mut body);
        prop_assert_eq!(body.len(), before.len());
        let untouched = if body.len() < 8 { 0 } else if word < 4 && body.len() >= 12 { 12 } else { 8 };
        prop_assert_eq!(&body[untouched..], &before[untouched..]);
    }
}
