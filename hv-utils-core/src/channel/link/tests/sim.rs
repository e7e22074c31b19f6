//! Coming to a test host and back to it, on paused time: every delay below is exact.

use super::host::Host;
use super::{until, until_state};
use crate::channel::link::{Link, LinkOptions};
use crate::channel::sim::{Hello, Listener, Rings, send_hello};
use crate::channel::{ChannelChoice, ChannelState};
use crate::wire::Ic;
use crate::wire::ring::RingMemory;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

const RING_BYTES: u32 = 0x4000;

struct Setup {
    _directory: TempDir,
    path: PathBuf,
    link: Link,
}

fn setup() -> Setup {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kvp.sock");
    let choice = ChannelChoice::Sim(path.clone());
    let (sysfs_root, dev_root) = ("/nonexistent".into(), "/nonexistent".into());
    let options = LinkOptions { ic: Ic::Kvp, choice, max_version: None, sysfs_root, dev_root };
    Setup { _directory: directory, path, link: Link::new(options).unwrap() }
}

/// The next guest of a listener, with a channel.
async fn accept(listener: &Listener) -> Host {
    Host::new(listener.accept(Ic::Kvp.class(), RING_BYTES).await.unwrap())
}

/// Lets the link work until `other` is done.
async fn beside<T>(link: &mut Link, other: impl Future<Output = T>) -> T {
    let mut other = std::pin::pin!(other);
    loop {
        tokio::select! {
            output = &mut other => return output,
            _ = link.next() => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_comes_late_is_found_within_two_seconds() {
    let Setup { path, mut link, _directory } = setup();
    beside(&mut link, tokio::time::sleep(Duration::from_secs(60))).await;
    assert_eq!(link.status().state, ChannelState::Closed);
    let listener = Listener::bind(&path).unwrap();
    let bound = Instant::now();
    beside(&mut link, accept(&listener)).await;
    assert!(bound.elapsed() <= Duration::from_secs(2), "{:?}", bound.elapsed());
}

#[tokio::test(start_paused = true)]
async fn each_disconnect_is_followed_by_an_attempt_within_50_ms() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    for _ in 0..5 {
        let mut host = beside(&mut link, accept(&listener)).await;
        beside(&mut link, host.negotiate()).await;
        until_state(&mut link, ChannelState::Ready).await;
        drop(host);
        let gone = Instant::now();
        beside(&mut link, listener.accept_stream()).await.unwrap();
        assert!(gone.elapsed() < Duration::from_millis(50), "{:?}", gone.elapsed());
        until_state(&mut link, ChannelState::Closed).await; // that connection ended without a hello
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_only_connects_and_closes_is_tried_ever_less_often() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    let mut gaps = Vec::new();
    let mut last = Instant::now();
    for _ in 0..9 {
        let host = beside(&mut link, accept(&listener)).await;
        gaps.push(last.elapsed().as_millis());
        until_state(&mut link, ChannelState::Negotiating).await;
        drop(host);
        until_state(&mut link, ChannelState::Closed).await;
        last = Instant::now();
    }
    assert_eq!(gaps, [0, 20, 40, 80, 160, 320, 640, 1280, 2000]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_lasted_is_tried_again_at_once_even_if_the_host_never_negotiated() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    for _ in 0..6 {
        drop(beside(&mut link, accept(&listener)).await);
        until_state(&mut link, ChannelState::Negotiating).await;
        until_state(&mut link, ChannelState::Closed).await;
    }
    let host = beside(&mut link, accept(&listener)).await;
    beside(&mut link, tokio::time::sleep(Duration::from_secs(60))).await;
    drop(host);
    let gone = Instant::now();
    beside(&mut link, accept(&listener)).await;
    assert!(gone.elapsed() < Duration::from_millis(50), "{:?}", gone.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_service_goes_on_after_a_reconnect() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    for _ in 0..3 {
        let mut host = beside(&mut link, accept(&listener)).await;
        beside(&mut link, host.negotiate()).await;
        until_state(&mut link, ChannelState::Ready).await;
        host.ask(5, 0);
        let request = super::request(&mut link).await;
        link.answer(&request, crate::wire::Status::OK, |_| {});
        assert_eq!(host.answer().await.id, 5);
        drop(host);
        until_state(&mut link, ChannelState::Closed).await;
        assert_eq!((link.status().framework, link.status().message), (None, None));
    }
    assert_eq!(link.status().received, 6, "counted over all channels");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_hello_fails_and_is_tried_again_ever_less_often() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    let mut gaps = Vec::new();
    let mut last = Instant::now();
    for _ in 0..9 {
        let stream = beside(&mut link, listener.accept_stream()).await.unwrap();
        gaps.push(last.elapsed().as_millis());
        last = Instant::now();
        let rings = Rings::create(RING_BYTES).unwrap();
        let wrong = Hello { link_version: 2, ..Hello::new(Ic::Kvp.class(), RING_BYTES) };
        send_hello(&stream, &wrong.encode(), &rings.descriptors()).unwrap();
        until_state(&mut link, ChannelState::Failed).await;
        assert_eq!(link.status().transport, None);
    }
    assert_eq!(gaps, [0, 50, 100, 200, 400, 800, 1600, 2000, 2000]);
    // And the right one is taken.
    let mut host = beside(&mut link, accept(&listener)).await;
    beside(&mut link, host.negotiate()).await;
    until_state(&mut link, ChannelState::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_ring_is_closed_and_opened_anew_ever_less_often() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    let mut gaps = Vec::new();
    let mut last = Instant::now();
    for _ in 0..8 {
        let mut host = beside(&mut link, accept(&listener)).await;
        gaps.push(last.elapsed().as_millis());
        beside(&mut link, host.negotiate()).await;
        until_state(&mut link, ChannelState::Ready).await;
        host.channel.memory().store(RING_BYTES as usize, 0x3001);
        host.channel.signal().unwrap();
        until_state(&mut link, ChannelState::Failed).await;
        last = Instant::now();
        assert!(host.channel.recv(&mut Vec::new()).await.is_err(), "the guest has closed it");
    }
    assert_eq!(gaps, [0, 50, 100, 200, 400, 800, 1600, 2000]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_was_good_for_a_while_begins_a_new_row_of_delays() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    for _ in 0..3 {
        let mut host = beside(&mut link, accept(&listener)).await;
        beside(&mut link, host.negotiate()).await;
        beside(&mut link, tokio::time::sleep(Duration::from_secs(3))).await;
        host.channel.memory().store(RING_BYTES as usize, 4);
        host.channel.signal().unwrap();
        until_state(&mut link, ChannelState::Failed).await;
        let corrupt = Instant::now();
        let stream = beside(&mut link, listener.accept_stream()).await.unwrap();
        assert_eq!(corrupt.elapsed(), Duration::from_millis(50));
        drop(stream);
    }
}

#[tokio::test(start_paused = true)]
async fn corruption_found_while_answering_is_corruption_too() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    let mut host = beside(&mut link, accept(&listener)).await;
    beside(&mut link, host.negotiate()).await;
    host.ask(1, 0);
    let request = super::request(&mut link).await;
    host.channel.memory().store(4, 0xffff_fff8); // the host's read index of the guest's ring
    link.answer(&request, crate::wire::Status::OK, |_| {});
    until_state(&mut link, ChannelState::Failed).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_accepts_and_says_nothing_is_waited_for_without_an_attempt() {
    let Setup { path, mut link, _directory } = setup();
    let listener = Listener::bind(&path).unwrap();
    let stream = beside(&mut link, listener.accept_stream()).await.unwrap();
    let hour = tokio::time::sleep(Duration::from_secs(3600));
    tokio::select! {
        _ = link.next() => panic!("there is nothing to tell"),
        _ = listener.accept_stream() => panic!("it must not connect again"),
        () = hour => {}
    }
    let rings = Rings::create(RING_BYTES).unwrap();
    let mut host = Host::new(rings.host_end(stream).unwrap());
    let hello = Hello::new(Ic::Kvp.class(), RING_BYTES).encode();
    send_hello(host.channel.socket().unwrap(), &hello, &rings.descriptors()).unwrap();
    beside(&mut link, host.negotiate()).await;
    until(&mut link, |status| status.state == ChannelState::Ready).await;
}
