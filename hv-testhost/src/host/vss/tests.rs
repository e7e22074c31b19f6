use std::time::Duration;

use hv_utils_core::wire;
use tokio::time::{Instant, timeout};

use super::*;
use crate::host::ic::IcOptions;
use crate::link::scripted::{Scripted, agree, is_negotiate, reply};
use crate::outcome::{Checkpoint, Step, Taken};

type Guest = Scripted<Box<dyn FnMut(&Packet) -> Vec<Packet> + Send>>;

/// A channel to a guest that agrees to `major`.0 and answers an operation as `answer` says: a status, or nothing.
async fn channel(major: u8, answer: fn(u8) -> Option<u32>) -> Ic<Guest> {
    let link: Guest = Scripted::new(Box::new(move |packet| {
        if is_negotiate(packet) {
            return vec![agree(packet, major)];
        }
        let operation = packet.payload[28];
        let answered = answer(operation).map(|status| {
            let mut answered = reply(packet, status);
            if operation == 2 {
                answered.payload[36] = 5;
            }
            answered
        });
        answered.into_iter().collect()
    }));
    let mut ic = Ic::new(link, wire::Ic::Vss, IcOptions::real_host(wire::Ic::Vss));
    ic.negotiate().await.unwrap();
    ic
}

fn agreeable(_: u8) -> Option<u32> {
    Some(0)
}

fn verb(line: &str) -> Verb {
    Verb::from_words(line.split(' ')).unwrap()
}

/// The operations that were sent.
fn operations(ic: &mut Ic<Guest>) -> Vec<u8> {
    ic.link().sent[1..].iter().map(|packet| packet.payload[28]).collect()
}

fn names(steps: &[Step]) -> Vec<(&'static str, Option<u32>)> {
    steps.iter().map(|step| (step.name, step.status().map(|status| status.0))).collect()
}

#[tokio::test]
async fn requests_are_those_of_the_description() {
    let mut ic = channel(5, agreeable).await;
    assert_eq!(Vss::default().verb(&mut ic, &verb("vss-check")).await, Ok(Outcome::VssCheck(5)));
    assert!(Vss::default().verb(&mut ic, &verb("vss-freeze")).await.is_ok());
    assert!(Vss::default().verb(&mut ic, &verb("vss-thaw")).await.is_ok());
    let short = |operation| {
        [
            0x01, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x05, 0x00, 0x05,
            0x00, //
            0x00, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, operation, 0x00, 0x00,
            0x00, //
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ]
    };
    let mut freeze = short(5).to_vec();
    freeze[4..6].copy_from_slice(&[0x88, 0x18]); // 20 + 6260
    freeze[18..20].copy_from_slice(&[0x74, 0x18]); // 6260
    freeze.resize(28 + 6260, 0);
    let sent: Vec<&[u8]> = ic.link().sent[1..].iter().map(|packet| packet.payload.as_slice()).collect();
    assert_eq!(sent, [&short(2)[..], &freeze, &short(6)]);
    assert_eq!(ic.take_violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_checks_freezes_waits_and_thaws() {
    let mut ic = channel(7, agreeable).await;
    let begun = Instant::now();
    let outcome = Vss::default().verb(&mut ic, &verb("checkpoint-vm --hold 2.5")).await;
    let Ok(Outcome::Checkpoint(Checkpoint { steps, frozen })) = outcome else { panic!("{outcome:?}") };
    assert_eq!(names(&steps), [("check", Some(0)), ("freeze", Some(0)), ("thaw", Some(0))]);
    assert_eq!(begun.elapsed().as_secs(), 2);
    // Nobody takes time here but the hold.
    let frozen = frozen.unwrap();
    assert_eq!((frozen.sure.as_millis(), frozen.longest.as_millis()), (2500, 2500));
    assert_eq!(operations(&mut ic), [2, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_is_cut_short_after_its_freeze_is_thawed_on_leaving() {
    // With and without an answer to the freeze, and after a check alone.
    let no_freeze = channel(5, |operation| (operation != 5).then_some(0)).await;
    let no_check = channel(5, |operation| (operation != 2).then_some(0)).await;
    let cases =
        [(channel(5, agreeable).await, vec![2, 5, 6]), (no_freeze, vec![2, 5, 6]), (no_check, vec![2])];
    for (mut ic, expected) in cases {
        let mut vss = Vss::default();
        let cut = Duration::from_secs(5);
        assert!(timeout(cut, vss.verb(&mut ic, &verb("checkpoint-vm --hold 3600"))).await.is_err());
        let said = vss.leave(&mut ic).await;
        assert_eq!(operations(&mut ic), expected);
        let thawed = "a checkpoint was cut short, the guest is thawed".to_owned();
        assert_eq!(said, expected.contains(&6).then_some(thawed));
        assert_eq!(vss.leave(&mut ic).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_does_not_freeze_is_thawed_at_once_all_the_same() {
    let mut ic = channel(5, |operation| Some(if operation == 5 { 0x8000_4005 } else { 0 })).await;
    let failure = Vss::default().verb(&mut ic, &verb("checkpoint-vm --hold 3600")).await.unwrap_err();
    let Failure::Checkpoint(Checkpoint { steps, frozen: None }) = &failure else { panic!("{failure:?}") };
    assert_eq!(names(steps), [("check", Some(0)), ("freeze", Some(0x8000_4005)), ("thaw", Some(0))]);
    assert_eq!(operations(&mut ic), [2, 5, 6]);
    assert_eq!(failure.exit_code(), 1);
    assert_eq!(failure.to_string(), "no checkpoint: the guest refused to freeze: 0x80004005 (failure)");
}

#[tokio::test(start_paused = true)]
async fn a_freeze_without_an_answer_is_followed_by_a_thaw_whose_answer_is_found() {
    let mut ic = channel(5, |operation| (operation != 5).then_some(0)).await;
    let failure = Vss::default().verb(&mut ic, &verb("checkpoint-vm")).await.unwrap_err();
    let Failure::Checkpoint(Checkpoint { steps, frozen: None }) = &failure else { panic!("{failure:?}") };
    assert_eq!(names(steps), [("check", Some(0)), ("freeze", None), ("thaw", Some(0))]);
    assert_eq!(failure.exit_code(), 3);
    // Nothing is owed any more.
    assert_eq!(Vss::default().check(&mut ic).await, Ok(5));
}

#[tokio::test(start_paused = true)]
async fn the_late_answer_to_a_freeze_is_not_taken_for_that_of_the_thaw() {
    let mut ic = channel(5, |operation| (operation < 5).then_some(0)).await;
    assert!(matches!(Vss::default().freeze(&mut ic).await, Err(Failure::NoAnswer(_))));
    let late = reply(&ic.link().sent[1].clone(), 0);
    ic.link().waiting.push_back(Ok(late));
    assert!(
        matches!(Vss::default().thaw(&mut ic).await, Err(Failure::NoAnswer(_))),
        "that was not its answer"
    );
}

/// A reply that ends with the IC header, whose size field says so.
fn header_only(packet: &Packet) -> Packet {
    let mut short = reply(packet, 0);
    short.payload.truncate(32);
    short.payload[4..8].copy_from_slice(&[20, 0, 0, 0]);
    short.payload[18..20].copy_from_slice(&[0, 0]);
    short
}

#[tokio::test(start_paused = true)]
async fn header_only_replies_to_freeze_and_thaw_are_answers() {
    let link: Guest = Scripted::new(Box::new(|packet| {
        vec![if is_negotiate(packet) { agree(packet, 5) } else { header_only(packet) }]
    }));
    let mut ic = Ic::new(link, wire::Ic::Vss, IcOptions::real_host(wire::Ic::Vss));
    ic.negotiate().await.unwrap();
    assert_eq!(Vss::default().freeze(&mut ic).await, Ok(()));
    assert_eq!(Vss::default().thaw(&mut ic).await, Ok(()));
    // A packet that nobody asked for is none of them.
    let stray = header_only(&ic.link().sent[1].clone());
    ic.link().waiting.push_back(Ok(stray));
    assert_eq!(Vss::default().thaw(&mut ic).await, Ok(()));
    assert!(ic.take_violations().iter().any(|violation| violation.problem == Problem::Unasked));
}

#[tokio::test(start_paused = true)]
async fn a_header_only_thaw_is_told_from_the_late_answer_to_a_freeze_by_their_order() {
    let link: Guest = Scripted::new(Box::new(|packet| match packet.payload.get(28) {
        _ if is_negotiate(packet) => vec![agree(packet, 5)],
        Some(5) => Vec::new(),
        _ => vec![header_only(packet), header_only(packet)],
    }));
    let mut ic = Ic::new(link, wire::Ic::Vss, IcOptions::real_host(wire::Ic::Vss));
    ic.negotiate().await.unwrap();
    assert!(matches!(Vss::default().freeze(&mut ic).await, Err(Failure::NoAnswer(_))));
    assert_eq!(Vss::default().thaw(&mut ic).await, Ok(()));
}

#[tokio::test]
async fn a_guest_that_cannot_be_backed_up_is_neither_frozen_nor_thawed() {
    let mut ic = channel(5, |_| Some(0x8000_4005)).await;
    assert!(matches!(Vss::default().verb(&mut ic, &verb("vss-check")).await, Err(Failure::Refused { .. })));
    let Err(Failure::Checkpoint(done)) = Vss::default().verb(&mut ic, &verb("checkpoint-vm")).await else {
        panic!()
    };
    assert_eq!(names(&done.steps), [("check", Some(0x8000_4005))]);
    assert_eq!(operations(&mut ic), [2, 2]);
}

#[tokio::test]
async fn messages_before_5_0_have_no_freeze() {
    let mut ic = channel(4, agreeable).await;
    for line in ["vss-freeze", "vss-thaw", "checkpoint-vm"] {
        assert!(matches!(Vss::default().verb(&mut ic, &verb(line)).await, Err(Failure::Rule(_))), "{line}");
    }
    assert!(operations(&mut ic).is_empty());
}

#[tokio::test(start_paused = true)]
async fn disks_are_copied_between_freeze_and_thaw() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("disk"), vec![1; 100_000]).unwrap();
    let mut ic = channel(7, agreeable).await;
    let line = format!("checkpoint-vm --snapshot {0}={0}.1 --snapshot {0}={0}.2 --hold 1", path("disk"));
    let outcome = Vss::default().verb(&mut ic, &verb(&line)).await;
    let Ok(Outcome::Checkpoint(done)) = outcome else { panic!("{outcome:?}") };
    let expected =
        [("check", Some(0)), ("freeze", Some(0)), ("snapshot", None), ("snapshot", None), ("thaw", Some(0))];
    assert_eq!(names(&done.steps), expected);
    assert!(
        matches!(&done.steps[3].result, Ok(Taken::Copied(copied)) if copied.copy.ends_with("disk.2") && copied.bytes == 100_000)
    );
    assert_eq!(std::fs::read(path("disk.1")).unwrap(), vec![1; 100_000]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_ends_the_copies_and_the_guest_is_thawed_at_once() {
    let mut ic = channel(7, agreeable).await;
    let line =
        "checkpoint-vm --snapshot /nonexistent/a=/nonexistent/b --snapshot /nonexistent/c=/nonexistent/d";
    let failure = Vss::default().verb(&mut ic, &verb(line)).await.unwrap_err();
    let Failure::Checkpoint(done) = &failure else { panic!("{failure:?}") };
    let expected = [("check", Some(0)), ("freeze", Some(0)), ("snapshot", None), ("thaw", Some(0))];
    assert_eq!(names(&done.steps), expected);
    assert!(done.frozen.is_some());
    assert_eq!(operations(&mut ic), [2, 5, 6]);
    assert_eq!(
        failure.to_string(),
        "no checkpoint: cannot copy /nonexistent/a to /nonexistent/b: No such file or directory (os error 2)"
    );
}

#[tokio::test]
async fn a_guest_that_is_not_frozen_has_no_disk_copied() {
    let mut ic = channel(5, |operation| Some(if operation == 5 { 0x8000_4005 } else { 0 })).await;
    let line = "checkpoint-vm --snapshot /nonexistent/a=/nonexistent/b";
    let failure = Vss::default().verb(&mut ic, &verb(line)).await.unwrap_err();
    let Failure::Checkpoint(done) = &failure else { panic!("{failure:?}") };
    assert_eq!(names(&done.steps), [("check", Some(0)), ("freeze", Some(0x8000_4005)), ("thaw", Some(0))]);
}

#[tokio::test]
async fn every_operation_has_its_size_and_what_its_answer_says_is_shown() {
    let mut ic = channel(6, agreeable).await;
    let sizes = [28, 24, 12, 12, 12, 6260, 12, 12500, 7312, 12];
    for (number, size) in (0..).zip(sizes) {
        let outcome = Vss::default().verb(&mut ic, &verb(&format!("vss-operation {number}"))).await;
        let Ok(Outcome::VssAnswer(answer)) = outcome else { panic!("{number}: {outcome:?}") };
        let flags = match number {
            2 => Some(5),
            3 => Some(0),
            _ => None,
        };
        assert_eq!((answer.flags, answer.cluster_size), (flags, (number == 8).then_some(0)), "{number}");
        let sent = &ic.link().sent.last().unwrap().payload;
        assert_eq!((sent[28], sent.len() - 28), (number, size));
        // A snapshot set has an id; nothing else is more than zeros.
        let named = if number < 2 { 36..52 } else { 36..36 };
        assert!(sent[named.clone()].iter().all(|byte| *byte != 0), "{number}");
        assert!(sent[29..named.start].iter().chain(&sent[named.end..]).all(|byte| *byte == 0), "{number}");
    }
    assert_eq!(ic.take_violations(), []);
}

#[tokio::test]
async fn an_operation_that_the_agreed_version_does_not_have_is_not_sent() {
    for (version, operation, named) in [
        (5, "query-cluster", "QUERY_GUEST_CLUSTER_INFORMATION needs vss messages 6.0"),
        (4, "thaw", "THAW needs"),
    ] {
        let mut ic = channel(version, agreeable).await;
        let failure = Vss::default().verb(&mut ic, &verb(&format!("vss-operation {operation}"))).await;
        let failure = failure.unwrap_err();
        assert!(failure.to_string().starts_with(named), "{failure}");
        assert!(operations(&mut ic).is_empty());
    }
}

#[tokio::test]
async fn an_operation_that_is_refused_is_named() {
    let mut ic = channel(6, |_| Some(0x8000_4005)).await;
    let failure = Vss::default().verb(&mut ic, &verb("vss-operation auto-recover")).await.unwrap_err();
    assert_eq!(failure.to_string(), "the guest refused to do AUTO_RECOVER: 0x80004005 (failure)");
}
