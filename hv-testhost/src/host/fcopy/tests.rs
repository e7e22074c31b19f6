use std::path::{Path, PathBuf};

use hv_utils_core::wire::{self, Status};

use super::*;
use crate::host::ic::{IcError, IcOptions};
use crate::link::scripted::{Scripted, agree, is_negotiate, reply};

type Guest = Scripted<Box<dyn FnMut(&Packet) -> Vec<Packet> + Send>>;

/// A channel to a guest that agrees to 1.1 and answers each operation with what `status` says; `None`: not at all.
async fn channel(mut status: impl FnMut(u32, u64) -> Option<u32> + Send + 'static) -> Ic<Guest> {
    let link: Guest = Scripted::new(Box::new(move |packet| {
        if is_negotiate(packet) {
            let mut agreed = agree(packet, 1);
            agreed.payload[42] = 1;
            return vec![agreed];
        }
        let body = &packet.payload[HEADERS..];
        let offset = u64::from(u32_at(body, 40));
        status(u32_at(body, 0), offset).map(|status| reply(packet, status)).into_iter().collect()
    }));
    let mut options = IcOptions::real_host(wire::Ic::FileCopy);
    options.timeout = std::time::Duration::from_secs(1);
    let mut ic = Ic::new(link, wire::Ic::FileCopy, options);
    ic.negotiate().await.unwrap();
    ic
}

fn file(dir: &Path, bytes: usize) -> PathBuf {
    let path = dir.join("source.bin");
    let contents: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
    std::fs::write(&path, contents).unwrap();
    path
}

fn ask(source: &Path, words: &str) -> Verb {
    let words = format!("copy-vmfile {} {words}", source.display());
    Verb::from_words(words.split_whitespace()).unwrap()
}

/// The bodies of what was sent after NEGOTIATE.
fn bodies(ic: &mut Ic<Guest>) -> Vec<Vec<u8>> {
    ic.link().sent[1..].iter().map(|packet| packet.payload[HEADERS..].to_vec()).collect()
}

/// Operation and length of each body.
fn shapes(ic: &mut Ic<Guest>) -> Vec<(u32, usize)> {
    bodies(ic).iter().map(|body| (u32_at(body, 0), body.len())).collect()
}

#[tokio::test]
async fn a_copy_is_start_pieces_and_complete_in_the_bytes_of_the_description() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = channel(|_, _| Some(0)).await;
    let source = file(dir.path(), 10_000);
    let verb = ask(&source, "/srv/in/n\u{e9}.bin --force --create-full-path");
    let Ok(Outcome::FileCopied(copied)) = FileCopy::default().verb(&mut ic, &verb).await else { panic!() };
    assert_eq!((copied.target.as_str(), copied.bytes, copied.sent), ("/srv/in/né.bin", 10_000, 10_000));
    assert_eq!(copied.end, CopyEnd::Complete);
    assert_eq!(shapes(&mut ic), [(0, 1088), (1, 6196), (1, 6196), (2, 36)]);
    let bodies = bodies(&mut ic);
    let mut start = vec![0; 1088];
    start[36..48].copy_from_slice(&[b'n', 0, 0xe9, 0, b'.', 0, b'b', 0, b'i', 0, b'n', 0]);
    for (at, byte) in b"/srv/in".iter().enumerate() {
        start[556 + 2 * at] = *byte;
    }
    start[1076] = 3;
    start[1080..1082].copy_from_slice(&[0x10, 0x27]);
    assert_eq!(bodies[0], start);
    assert_eq!(bodies[1][36..56], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 0, 0, 0, 1, 2, 3]);
    assert_eq!(bodies[2][36..52], [0, 0, 0, 0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0x10, 0x0f, 0, 0]);
    assert_eq!(bodies[2][52], u8::try_from(6144 % 251).unwrap());
    assert!(bodies[2][52 + 3856..].iter().all(|byte| *byte == 0));
    assert_eq!(bodies[3], [2u8].into_iter().chain([0; 35]).collect::<Vec<u8>>());
    assert_eq!(ic.take_violations(), []);
}

#[tokio::test]
async fn pieces_may_be_smaller_and_the_last_message_shorter() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = channel(|_, _| Some(0)).await;
    let source = file(dir.path(), 2500);
    let verb = ask(&source, "/srv/ --chunk 1000 --short-last");
    let Ok(Outcome::FileCopied(copied)) = FileCopy::default().verb(&mut ic, &verb).await else { panic!() };
    assert_eq!(copied.target, "/srv/source.bin");
    assert_eq!(shapes(&mut ic), [(0, 1088), (1, 6196), (1, 6196), (1, 552), (2, 36)]);
    let wholes: Vec<u8> =
        bodies(&mut ic)[1..4].iter().flat_map(|body| body[52..].iter().take(1000).copied()).collect();
    assert_eq!(wholes, std::fs::read(source).unwrap());
}

#[tokio::test]
async fn a_file_larger_than_what_is_read_at_once_arrives_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = channel(|_, _| Some(0)).await;
    let source = file(dir.path(), (2 << 20) + 4321);
    FileCopy::default().verb(&mut ic, &ask(&source, "/a")).await.unwrap();
    let mut arrived = Vec::new();
    for body in bodies(&mut ic).iter().filter(|body| body[0] == 1) {
        assert_eq!(u64::from(u32_at(body, 40)), arrived.len() as u64);
        arrived.extend_from_slice(&body[52..52 + usize::try_from(u32_at(body, 48)).unwrap()]);
    }
    assert!(arrived == std::fs::read(source).unwrap());
}

#[tokio::test]
async fn an_empty_file_has_no_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = channel(|_, _| Some(0)).await;
    FileCopy::default().verb(&mut ic, &ask(&file(dir.path(), 0), "name")).await.unwrap();
    assert_eq!(shapes(&mut ic), [(0, 1088), (2, 36)]);
    assert_eq!(bodies(&mut ic)[0][556..560], [0; 4], "no path");
}

#[tokio::test]
async fn a_start_that_is_refused_ends_the_copy_without_a_cancel() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = channel(|_, _| Some(0x8007_0050)).await;
    let refused = FileCopy::default().verb(&mut ic, &ask(&file(dir.path(), 5), "/a/b")).await.unwrap_err();
    assert_eq!(refused.to_string(), "the guest refused to begin a copy to /a/b: 0x80070050 (already exists)");
    assert_eq!(shapes(&mut ic), [(0, 1088)]);
}

#[tokio::test]
async fn a_refusal_after_the_start_is_followed_by_a_cancel() {
    let dir = tempfile::tempdir().unwrap();
    let full = |operation, offset| Some(if operation == 1 && offset == 6144 { 0x8007_0070 } else { 0 });
    let mut ic = channel(full).await;
    let refused = FileCopy::default().verb(&mut ic, &ask(&file(dir.path(), 7000), "/a/b")).await.unwrap_err();
    assert_eq!(
        refused,
        Failure::Refused {
            what: "take the bytes 6144 to 6999 of /a/b".to_owned(),
            status: Status::DISK_FULL,
            asked: Asked::Copy,
        }
    );
    assert_eq!(shapes(&mut ic), [(0, 1088), (1, 6196), (1, 6196), (3, 36)]);
    let mut ic = channel(|operation, _| Some(if operation >= 2 { 0x8007_0026 } else { 0 })).await;
    let mut service = FileCopy::default();
    let refused = service.verb(&mut ic, &ask(&file(dir.path(), 5), "/a/b")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the guest refused to complete the copy to /a/b: 0x80070026 (incomplete)"
    );
    assert_eq!(shapes(&mut ic).last(), Some(&(3, 36)));
    assert_eq!(
        service.take_notes(),
        ["the copy could not be cancelled: the guest refused to cancel the copy: 0x80070026 (incomplete)"]
    );
}

#[tokio::test]
async fn a_copy_may_stop_without_a_word_or_with_a_cancel() {
    let dir = tempfile::tempdir().unwrap();
    let source = file(dir.path(), 20_000);
    type Shape = (u32, usize);
    let cases: [(&str, CopyEnd, u64, &[Shape]); 4] = [
        ("--cut-after 7000", CopyEnd::Cut, 7000, &[(0, 1088), (1, 6196), (1, 6196)]),
        ("--cut-after 0", CopyEnd::Cut, 0, &[(0, 1088)]),
        ("--cancel-after 1", CopyEnd::Cancelled, 1, &[(0, 1088), (1, 6196), (3, 36)]),
        ("--cancel-after 0", CopyEnd::Cancelled, 0, &[(0, 1088), (3, 36)]),
    ];
    for (words, end, sent, shape) in cases {
        let mut ic = channel(|_, _| Some(0)).await;
        let mut service = FileCopy::default();
        let verb = ask(&source, &format!("/x {words}"));
        let Ok(Outcome::FileCopied(copied)) = service.verb(&mut ic, &verb).await else { panic!("{words}") };
        assert_eq!((copied.end, copied.sent, copied.bytes), (end, sent, 20_000), "{words}");
        assert_eq!(shapes(&mut ic), shape, "{words}");
        assert_eq!(service.leave(&mut ic).await, None, "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_stops_answering_is_told_that_nothing_more_comes() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = channel(|operation, _| (operation != 1).then_some(0)).await;
    let mut service = FileCopy::default();
    let failure = service.verb(&mut ic, &ask(&file(dir.path(), 5), "/a")).await.unwrap_err();
    assert_eq!(failure, IcError::NoAnswer(std::time::Duration::from_secs(1)).into());
    assert_eq!(shapes(&mut ic), [(0, 1088), (1, 6196), (3, 36)]);
    assert_eq!(service.take_notes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_ends_meanwhile_cancels() {
    let dir = tempfile::tempdir().unwrap();
    let verb = ask(&file(dir.path(), 5), "/a");
    let mut ic = channel(|operation, _| (operation != 1).then_some(0)).await;
    let mut service = FileCopy::default();
    {
        let copying = service.verb(&mut ic, &verb);
        let limit = std::time::Duration::from_millis(500);
        assert!(tokio::time::timeout(limit, copying).await.is_err());
    }
    let said = service.leave(&mut ic).await;
    assert_eq!(said.as_deref(), Some("a copy was cut short, the guest was told so"));
    assert_eq!(shapes(&mut ic).last(), Some(&(3, 36)));
    assert_eq!(service.leave(&mut ic).await, None);
}

#[tokio::test]
async fn what_cannot_be_read_is_never_begun() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = channel(|_, _| Some(0)).await;
    for path in [dir.path().to_owned(), dir.path().join("absent"), PathBuf::from("/dev/zero")] {
        let failure = FileCopy::default().verb(&mut ic, &ask(&path, "/a")).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Host(why) if why.message.starts_with("cannot read ")),
            "{failure}"
        );
    }
    let long = "n".repeat(260);
    let failure = FileCopy::default().verb(&mut ic, &ask(&file(dir.path(), 1), &long)).await.unwrap_err();
    assert!(matches!(failure, Failure::Usage(_)), "{failure}");
    assert_eq!(shapes(&mut ic), []);
}

#[tokio::test]
async fn a_file_that_becomes_shorter_meanwhile_is_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let source = file(dir.path(), (1 << 20) + 5000);
    let shortened = source.clone();
    let mut ic = channel(move |operation, offset| {
        if operation == 1 && offset == 0 {
            std::fs::File::options().write(true).open(&shortened).unwrap().set_len(10).unwrap();
        }
        Some(0)
    })
    .await;
    let failure = FileCopy::default().verb(&mut ic, &ask(&source, "/a")).await.unwrap_err();
    assert!(failure.to_string().ends_with("it became shorter meanwhile"), "{failure}");
    assert_eq!(shapes(&mut ic).last(), Some(&(3, 36)));
}

#[tokio::test]
async fn an_answer_to_another_operation_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let link: Guest = Scripted::new(Box::new(|packet| {
        let mut answer = if is_negotiate(packet) { agree(packet, 1) } else { reply(packet, 0) };
        if !is_negotiate(packet) {
            answer.payload[HEADERS] ^= 1;
        }
        vec![answer]
    }));
    let mut ic = Ic::new(link, wire::Ic::FileCopy, IcOptions::real_host(wire::Ic::FileCopy));
    ic.negotiate().await.unwrap();
    FileCopy::default().verb(&mut ic, &ask(&file(dir.path(), 0), "/a")).await.unwrap();
    let found: Vec<String> = ic.take_violations().iter().map(|found| found.problem.to_string()).collect();
    assert!(found.contains(&"not echoed as it was sent: the operation".to_owned()), "{found:?}");
}
