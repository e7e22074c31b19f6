//! Any bytes at any version, any events in any order: no panic, and what must hold always holds.

use proptest::prelude::*;

use super::*;

/// What can happen to an engine.
#[derive(Debug, Clone)]
enum Happens {
    Bytes(Vec<u8>, u16),
    Asked(u32),
    Seen(u32, Seen),
    Told(bool),
    Prepared,
    Hurry,
    Acted(bool),
    Over,
    Stop,
}

fn seen() -> impl Strategy<Value = Seen> {
    let objections = proptest::collection::vec("[a-z]{1,4}", 0..3);
    let busy = proptest::option::of("[a-z]{1,4}");
    (objections, any::<bool>(), busy).prop_map(|(objections, can, busy)| Seen {
        objections,
        hibernation: if can { Ok(()) } else { Err("cannot".to_owned()) },
        busy,
    })
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (proptest::collection::vec(any::<u8>(), 0..64), 0..6_u16).prop_map(|(b, v)| Happens::Bytes(b, v)),
        (0..8_u32).prop_map(Happens::Asked),
        (0..6_u32, seen()).prop_map(|(flags, seen)| Happens::Seen(flags, seen)),
        any::<bool>().prop_map(Happens::Told),
        Just(Happens::Prepared),
        Just(Happens::Hurry),
        any::<bool>().prop_map(Happens::Acted),
        Just(Happens::Over),
        Just(Happens::Stop),
    ]
}

/// Statuses that a host knows.
const STATUSES: [u32; 6] = [0x8000_4005, 0x8007_0032, 0x8007_045b, 0x8007_04f7, 0x8007_00aa, 0x8007_0015];

/// One step, and what must hold about it.
fn check(before: Option<Request>, step: &Step, asked: Option<&Request>, engine: &Engine) {
    match step {
        Step::Refuse(refusal) => {
            assert!(STATUSES.contains(&refusal.status().0));
            assert!(!refusal.to_string().is_empty());
            assert_eq!(engine.running().map(|(request, _)| request.clone()), before);
        }
        Step::Look(look) => {
            let asked = asked.expect("read before it is looked at");
            assert!(before.is_none() && engine.running().is_none());
            assert!(!(asked.force && look.inhibitors));
            assert_eq!(look.hibernation, asked.action == Action::Hibernate);
        }
        Step::Begin => {
            assert!(before.is_none(), "begun twice");
            assert_eq!(engine.running(), asked.map(|asked| (asked, Phase::Telling)));
        }
        Step::Again | Step::Upgrade => {
            let before = before.expect("something runs");
            let asked = asked.expect("read before it is compared");
            assert_eq!(before.action, asked.action);
            assert_eq!(*step == Step::Upgrade, !before.force && engine.running().unwrap().0.force);
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_happens_begins_anything_twice(
        events in proptest::collection::vec(happens(), 0..40),
        respect_inhibitors: bool,
        hibernate: bool,
    ) {
        let rules = Rules { respect_inhibitors, hibernate, ..Rules::default() };
        let mut engine = Engine::new(rules);
        for event in events {
            let before = engine.running().map(|(request, _)| request.clone());
            match event {
                Happens::Bytes(bytes, minor) => {
                    let (step, asked) = engine.receive(&bytes, Version::new(3, minor));
                    check(before, &step, asked.as_ref(), &engine);
                }
                Happens::Asked(flags) => {
                    let (step, asked) = engine.receive(&body(flags), V3_2);
                    check(before, &step, asked.as_ref(), &engine);
                }
                Happens::Seen(flags, seen) => {
                    let asked = hv_utils_core::wire::shutdown::parse(&body(flags), V3_2).unwrap();
                    let inhibited = !seen.objections.is_empty() && respect_inhibitors && !asked.force;
                    let step = engine.seen(&asked, seen);
                    prop_assert!(!(inhibited && step == Step::Begin));
                    if !matches!(step, Step::Look(_)) {
                        check(before, &step, Some(&asked), &engine);
                    }
                }
                Happens::Told(left) => prop_assert!(!engine.told(left) || left),
                Happens::Prepared => engine.prepared(),
                Happens::Hurry => {
                    prop_assert!(engine.hurry() == Hurry::Wait || engine.running().unwrap().1 == Phase::Acting);
                }
                Happens::Acted(good) => {
                    let failed = engine.acted(good) == After::Failed;
                    prop_assert_eq!(failed, engine.running().is_none());
                }
                Happens::Over => engine.over(),
                Happens::Stop => drop(engine.stop()),
            }
        }
    }
}
