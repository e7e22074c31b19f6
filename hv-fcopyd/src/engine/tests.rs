//! Every request in every state: what is done, what the host is told, and what it is told afterwards.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { enabled: true, max_file: 1000 };

fn answer(status: Status) -> Decision {
    Next::Answer(status).into()
}

/// With a copy of `size` bytes under way, whose number is 1.
fn copying(size: u64) -> Engine {
    let mut engine = Engine::new(LIMITS);
    assert_eq!(engine.start(Ok(size)), Next::Begin(1).into());
    engine
}

/// What was ended, and the status of it.
fn ended(decision: &Decision) -> Option<(Id, u32)> {
    decision.ended.as_ref().map(|(id, failure)| (*id, failure.status.0))
}

/// Everything but START is answered so; of CANCEL only what comes after it is looked at.
#[track_caller]
fn sticks(engine: &mut Engine, status: u32) {
    for _ in 0..2 {
        assert_eq!(engine.write(0, 1), answer(Status(status)));
        assert_eq!(engine.complete(), answer(Status(status)));
        let failure = Failure::new(Status::INVALID_ARG, "unreadable");
        assert_eq!(engine.unreadable_write(&failure), answer(Status(status)));
    }
}

#[test]
fn copy_goes_from_start_to_complete_and_then_there_is_none() {
    let mut engine = copying(10);
    assert_eq!(engine.write(0, 6), Next::Take(1).into());
    assert_eq!(engine.write(6, 4), Next::Take(1).into());
    assert_eq!(engine.complete(), Next::Finish(1).into());
    engine.over(1, Ok(()));
    sticks(&mut engine, 0x8000_4005);
    assert_eq!(engine.start(Ok(0)), Next::Begin(2).into());
}

#[test]
fn without_a_start_there_is_nothing_to_write_or_complete_and_nothing_left_to_cancel() {
    let mut engine = Engine::new(LIMITS);
    sticks(&mut engine, 0x8000_4005);
    assert_eq!(engine.cancel(), answer(Status::OK));
    sticks(&mut engine, 0x8000_4005);
}

#[test]
fn any_offset_within_the_file_is_taken_and_none_beyond() {
    for (offset, bytes) in [(0, 0), (10, 0), (0, 10), (9, 1), (3, 4)] {
        assert_eq!(copying(10).write(offset, bytes), Next::Take(1).into(), "{offset} {bytes}");
    }
    for (offset, bytes) in [(0, 11), (10, 1), (11, 0), (u64::MAX, 0), (u64::MAX, 6144), (u64::MAX - 5, 6)] {
        let mut engine = copying(10);
        let decision = engine.write(offset, bytes);
        assert_eq!(ended(&decision), Some((1, 0x8007_0057)), "{offset} {bytes}");
        assert_eq!(decision.next, Next::Answer(Status::INVALID_ARG));
        sticks(&mut engine, 0x8007_0057);
    }
}

#[test]
fn first_failure_is_the_answer_until_the_next_start_or_cancel() {
    for begin_anew in [true, false] {
        let mut engine = copying(10);
        engine.over(1, Err(Status::DISK_FULL));
        sticks(&mut engine, 0x8007_0070);
        if begin_anew {
            assert_eq!(engine.start(Ok(10)), Next::Begin(2).into());
            assert_eq!(engine.write(0, 1), Next::Take(2).into());
        } else {
            assert_eq!(engine.cancel(), answer(Status::OK));
            sticks(&mut engine, 0x8000_4005);
        }
    }
}

#[test]
fn refused_start_sticks_too() {
    let mut engine = Engine::new(LIMITS);
    for (size, status) in [
        (Ok(1001), 0x8007_00df),
        (Ok(u64::MAX), 0x8007_00df),
        (Err(Failure::new(Status::INVALID_NAME, "no text")), 0x8007_007b),
    ] {
        let Next::Refuse(failure) = engine.start(size).next else { panic!("taken") };
        assert_eq!(failure.status.0, status);
        sticks(&mut engine, status);
    }
    assert_eq!(engine.start(Ok(1000)), Next::Begin(1).into());
}

#[test]
fn write_that_cannot_be_read_ends_the_copy() {
    let mut engine = copying(10);
    let decision = engine.unreadable_write(&Failure::new(Status::INVALID_ARG, "too much"));
    assert_eq!(ended(&decision), Some((1, 0x8007_0057)));
    sticks(&mut engine, 0x8007_0057);
}

#[test]
fn start_while_a_copy_is_under_way_ends_that_one_and_begins_its_own() {
    let mut engine = copying(10);
    let decision = engine.start(Ok(20));
    assert_eq!((ended(&decision), decision.next), (Some((1, 0x8007_03e3)), Next::Begin(2)));
    // Also one that is refused: the host is no longer at the first.
    let decision = engine.start(Ok(1001));
    assert_eq!(ended(&decision), Some((2, 0x8007_03e3)));
    sticks(&mut engine, 0x8007_00df);
}

#[test]
fn what_becomes_of_an_older_copy_says_nothing_about_the_newer() {
    let mut engine = copying(10);
    engine.start(Ok(20));
    engine.over(1, Err(Status::DISK_FULL));
    assert_eq!(engine.write(19, 1), Next::Take(2).into());
}

#[test]
fn cancel_is_answered_when_nothing_is_left() {
    let mut engine = copying(10);
    let decision = engine.cancel();
    assert_eq!((ended(&decision), decision.next), (Some((1, 0x8007_03e3)), Next::Remove(1)));
    engine.over(1, Err(Status::ABORTED));
    assert_eq!(engine.cancel(), answer(Status::OK));
    sticks(&mut engine, 0x8000_4005);
}

#[test]
fn cancel_of_a_file_that_is_there_and_taken_for_failed_is_refused_once() {
    let mut engine = copying(10);
    engine.complete();
    engine.over(1, Ok(()));
    assert!(engine.untold(1));
    assert_eq!(engine.cancel(), answer(Status::FAIL));
    assert_eq!(engine.cancel(), answer(Status::OK));
    // Nobody asks for it any more once another copy begins.
    engine.untold(1);
    assert_eq!(engine.start(Ok(10)), Next::Begin(2).into());
    assert!(!engine.untold(1));
    engine.over(2, Err(Status::DISK_FULL));
    assert_eq!(engine.cancel(), answer(Status::OK));
}

#[test]
fn cancel_of_a_copy_that_was_given_up_is_answered_when_nothing_is_left() {
    let late = Failure::new(Status::NOT_READY, "late");
    let give_up = |engine: &mut Engine| engine.give_up(&late).is_some();
    let gone = |engine: &mut Engine| engine.host_gone("gone").is_some();
    let off = |engine: &mut Engine| engine.set_limits(Limits { enabled: false, ..LIMITS }).is_some();
    let again = |engine: &mut Engine| engine.cancel().ended.is_some();
    let ends: [&dyn Fn(&mut Engine) -> bool; 4] = [&give_up, &gone, &off, &again];
    for end in ends {
        let mut engine = copying(10);
        engine.complete();
        assert!(end(&mut engine));
        assert_eq!(engine.cancel(), Next::Remove(1).into());
        engine.over(1, Err(Status::ABORTED));
        assert_eq!(engine.cancel(), answer(Status::OK));
    }
    // A refused START is what is cancelled from then on.
    let mut engine = copying(10);
    give_up(&mut engine);
    engine.start(Ok(1001));
    assert!(!engine.untold(1));
    assert_eq!(engine.cancel(), answer(Status::OK));
}

#[test]
fn nothing_is_added_to_a_copy_that_is_being_completed() {
    let mut engine = copying(10);
    engine.complete();
    sticks(&mut engine, 0x8000_4005);
    // It is another matter to take it back.
    assert_eq!(engine.cancel().next, Next::Remove(1));
}

#[test]
fn host_that_is_another_has_no_copy() {
    let mut engine = copying(10);
    let (id, failure) = engine.host_gone("restored").unwrap();
    assert_eq!((id, failure.status.0, &*failure.why), (1, 0x8007_03e3, "restored"));
    sticks(&mut engine, 0x8000_4005);
    assert_eq!(engine.host_gone("again"), None);
    // A failure is forgotten as well.
    engine.start(Ok(1001));
    engine.host_gone("again");
    sticks(&mut engine, 0x8000_4005);
}

#[test]
fn switched_off_nothing_is_taken_and_what_was_is_ended() {
    let mut engine = Engine::new(Limits { enabled: false, ..LIMITS });
    let Next::Refuse(failure) = engine.start(Ok(1)).next else { panic!("taken") };
    assert_eq!(failure.status.0, 0x8007_0032);
    sticks(&mut engine, 0x8007_0032);

    let mut engine = copying(10);
    assert_eq!(engine.set_limits(Limits { enabled: true, max_file: 5 }), None, "from the next START on");
    assert_eq!(engine.write(0, 10), Next::Take(1).into());
    let ended = engine.set_limits(Limits { enabled: false, ..LIMITS });
    assert_eq!(ended.map(|(id, failure)| (id, failure.status.0)), Some((1, 0x8007_0032)));
    sticks(&mut engine, 0x8007_0032);
}

#[test]
fn host_cannot_pile_up_copies_before_a_disk_that_hangs() {
    let mut engine = Engine::new(LIMITS);
    for id in 1..=u64::from(MOST_OPEN) {
        assert_eq!(engine.start(Ok(1)).next, Next::Begin(id));
        engine.host_gone("restored");
    }
    let Next::Refuse(failure) = engine.start(Ok(1)).next else { panic!("taken") };
    assert_eq!(failure.status.0, 0x8007_00aa);
    engine.over(1, Err(Status::ABORTED));
    assert_eq!(engine.start(Ok(1)).next, Next::Begin(u64::from(MOST_OPEN) + 1));
}

/// What a host, the disk and the machine may do.
#[derive(Debug, Clone)]
enum Deed {
    Start(u64),
    Write(u64, usize),
    Complete,
    Cancel,
    Gone,
    Over(bool),
    Enable(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0_u64..1200).prop_map(Deed::Start),
        (any::<u64>(), 0_usize..6145).prop_map(|(offset, bytes)| Deed::Write(offset % 1300, bytes % 300)),
        Just(Deed::Complete),
        Just(Deed::Cancel),
        Just(Deed::Gone),
        any::<bool>().prop_map(Deed::Over),
        prop::bool::weighted(0.9).prop_map(Deed::Enable),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_each_copy_ends_and_takes_only_what_is_its_own(deeds in prop::collection::vec(deed(), 0..200)) {
        let mut engine = Engine::new(LIMITS);
        // Copies that the disk has not ended, with their size, and whether they are wanted.
        let mut open: Vec<(Id, u64, bool)> = Vec::new();
        for deed in deeds {
            let size = if let Deed::Start(size) = deed { size } else { 0 };
            let write = if let Deed::Write(offset, bytes) = deed { offset + bytes as u64 } else { 0 };
            let decision = match deed {
                Deed::Start(size) => engine.start(Ok(size)),
                Deed::Write(offset, bytes) => engine.write(offset, bytes),
                Deed::Complete => engine.complete(),
                Deed::Cancel => engine.cancel(),
                Deed::Gone => Decision { ended: engine.host_gone("gone"), next: Next::Answer(Status::OK) },
                Deed::Enable(enabled) => {
                    let ended = engine.set_limits(Limits { enabled, ..LIMITS });
                    Decision { ended, next: Next::Answer(Status::OK) }
                }
                Deed::Over(well) => {
                    if !open.is_empty() {
                        let (id, ..) = open.remove(0);
                        engine.over(id, if well { Ok(()) } else { Err(Status::IO_DEVICE) });
                    }
                    continue;
                }
            };
            if let Some((id, _)) = decision.ended {
                let copy = open.iter_mut().find(|copy| copy.0 == id).expect("it is open");
                prop_assert!(std::mem::replace(&mut copy.2, false), "it was ended twice");
            }
            let wanted: Vec<_> = open.iter().filter(|copy| copy.2).copied().collect();
            prop_assert!(wanted.len() <= 1 && open.len() <= MOST_OPEN as usize);
            match decision.next {
                Next::Begin(id) => open.push((id, size, true)),
                Next::Take(id) => prop_assert!(wanted[0].0 == id && write <= wanted[0].1),
                Next::Finish(id) => prop_assert_eq!(wanted[0].0, id),
                Next::Remove(id) => prop_assert!(open.iter().any(|copy| copy.0 == id && !copy.2)),
                Next::Answer(_) | Next::Refuse(_) => {}
            }
        }
    }
}
