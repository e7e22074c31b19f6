//! The set against a plain list of records, with other programs writing in between.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const POOL: Pool = Pool::Guest;

#[derive(Debug, Clone, Copy)]
enum Step {
    Set(u8, u8),
    Delete(u8),
    Clear,
    ForeignAppend(u8, u8),
    ForeignEdit(u8, u8),
    ForeignTruncate(u8),
    ForeignTornTail(u16),
    Refresh,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..6, any::<u8>()).prop_map(|(key, value)| Step::Set(key, value)),
        4 => (0u8..6).prop_map(Step::Delete),
        1 => Just(Step::Clear),
        4 => (0u8..6, any::<u8>()).prop_map(|(key, value)| Step::ForeignAppend(key, value)),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(record, value)| Step::ForeignEdit(record, value)),
        1 => any::<u8>().prop_map(Step::ForeignTruncate),
        1 => (1u16..2560).prop_map(Step::ForeignTornTail),
        1 => Just(Step::Refresh),
        1 => Just(Step::Reopen),
    ]
}

/// The file as it should be.
#[derive(Debug, Default)]
struct Model {
    records: Items,
    torn: usize,
}

impl Model {
    fn bytes(&self) -> Vec<u8> {
        [file(&self.records), vec![b't'; self.torn]].concat()
    }

    fn items(&self) -> Items {
        let last = |at: usize| self.records[at + 1..].iter().all(|later| later.0 != self.records[at].0);
        (0..self.records.len()).filter(|&at| last(at)).map(|at| self.records[at].clone()).collect()
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Set { key, value, .. } => match self.records.iter_mut().rfind(|item| item.0 == *key) {
                Some(item) => item.1.clone_from(value),
                None => {
                    self.records.push((key.clone(), value.clone()));
                    self.torn = 0;
                }
            },
            Change::Delete { key, .. } => {
                let before = self.records.len();
                self.records.retain(|item| item.0 != *key);
                self.torn = if self.records.len() < before { 0 } else { self.torn };
            }
            Change::Clear { .. } => *self = Model::default(),
        }
    }
}

struct World {
    place: Place,
    set: Option<PoolSet>,
    model: Model,
    /// What somebody knows who has only listened to the notices.
    heard: HashMap<String, String>,
}

impl World {
    fn new() -> World {
        let place = Place::new();
        let set = Some(place.open().0);
        World { place, set, model: Model::default(), heard: HashMap::new() }
    }

    fn hear(&mut self, outcome: Outcome) -> Result<(), PoolError> {
        let (own, result) = match outcome.result {
            Ok(own) => (own, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        for notice in outcome.foreign.into_iter().chain(own) {
            match notice {
                Notice::Changed { key, value, .. } => {
                    assert_ne!(self.heard.get(&key), Some(&value), "a notice without news");
                    self.heard.insert(key, value);
                }
                Notice::Removed { key, .. } => {
                    assert!(self.heard.remove(&key).is_some(), "nothing to remove");
                }
            }
        }
        result
    }

    fn change(&mut self, change: &Change) {
        let outcome = submit(self.set.as_ref().unwrap(), change.clone());
        let known = self
            .model
            .records
            .iter()
            .any(|item| matches!(change, Change::Delete { key, .. } if *key == item.0));
        let result = self.hear(outcome);
        match (change, known) {
            (Change::Delete { .. }, false) => assert!(matches!(result, Err(PoolError::NoSuchKey { .. }))),
            _ => result.unwrap(),
        }
        self.model.apply(change);
    }

    /// Another program writes; as they all do, to record boundaries only.
    fn foreign(&mut self, write: impl FnOnce(&mut Items)) {
        write(&mut self.model.records);
        let bytes = self.model.bytes();
        // Through the same inode, as a truncation and an append would.
        std::fs::write(self.place.path(POOL), bytes).unwrap();
    }

    fn step(&mut self, step: Step) {
        let key = |key: u8| format!("key-{key}");
        let value = |value: u8| "v".repeat(usize::from(value) * 4);
        match step {
            Step::Set(k, v) => self.change(&set(POOL, &key(k), &value(v))),
            Step::Delete(k) => self.change(&delete(POOL, &key(k))),
            Step::Clear => self.change(&Change::Clear { pool: POOL }),
            Step::ForeignAppend(k, v) => {
                self.model.torn = 0;
                self.foreign(|records| records.push((key(k), value(v))));
            }
            Step::ForeignEdit(record, v) => self.foreign(|records| {
                let count = records.len().max(1);
                if let Some(item) = records.get_mut(usize::from(record) % count) {
                    item.1 = value(v);
                }
            }),
            Step::ForeignTruncate(len) => {
                self.model.torn = 0;
                self.foreign(|records| records.truncate(usize::from(len) % 8));
            }
            Step::ForeignTornTail(len) => {
                self.model.torn = usize::from(len);
                self.foreign(|_| ());
            }
            Step::Refresh => {}
            Step::Reopen => {
                self.catch_up();
                self.set = None;
                self.set = Some(self.place.open().0);
            }
        }
    }

    fn catch_up(&mut self) {
        let outcome = refresh(self.set.as_ref().unwrap(), POOL);
        self.hear(outcome).unwrap();
    }

    fn check(&mut self) {
        assert_eq!(self.place.bytes(POOL), self.model.bytes());
        self.catch_up();
        let set = self.set.as_ref().unwrap();
        assert!(!set.stale(POOL));
        let items = self.model.items();
        assert_eq!(list(set, POOL), items);
        assert_eq!(self.heard, items.iter().cloned().collect::<HashMap<_, _>>());
        for (position, item) in items.iter().enumerate() {
            assert_eq!(set.get(POOL, &item.0).as_ref(), Some(&item.1));
            assert_eq!(set.item(POOL, position as u32).as_ref(), Some(item));
        }
        assert_eq!(set.item(POOL, set.len(POOL)), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn behaves_as_a_list_of_records(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.check();
        }
    }
}
