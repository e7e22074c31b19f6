//! Requests, replies and negotiations over an open ring channel.

use super::host::{Answer, BODY_BYTES, Host, message};
use super::{poll, poll_next, request, settle, until_state};
use crate::channel::link::{Event, Framing, Link, LinkOptions};
use crate::channel::sim::Listener;
use crate::channel::{ChannelChoice, ChannelState, Transport};
use crate::testing::Logged;
use crate::wire::ring::RingMemory;
use crate::wire::{Ic, PacketHeader, Status, Version};
use tempfile::TempDir;

struct Setup {
    _directory: TempDir,
    link: Link,
    host: Host,
}

/// A link and its host, connected; nothing was said yet.
async fn connected(ring_bytes: u32, max_version: Option<Version>) -> Setup {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kvp.sock");
    let listener = Listener::bind(&path).unwrap();
    let choice = ChannelChoice::Sim(path);
    let (sysfs_root, dev_root) = ("/nonexistent".into(), "/nonexistent".into());
    let options = LinkOptions { ic: Ic::Kvp, choice, max_version, sysfs_root, dev_root };
    let mut link = Link::new(options).unwrap();
    let accept = listener.accept(Ic::Kvp.class(), ring_bytes);
    let (host, ()) = tokio::join!(accept, until_state(&mut link, ChannelState::Negotiating));
    Setup { _directory: directory, link, host: Host::new(host.unwrap()) }
}

/// The same with KVP 4.0 agreed on.
async fn ready(ring_bytes: u32) -> Setup {
    let mut setup = connected(ring_bytes, None).await;
    tokio::join!(setup.host.negotiate(), until_state(&mut setup.link, ChannelState::Ready));
    setup
}

fn answered(id: u64, first: u8) -> Answer {
    Answer { id, status: Status::OK, first, bytes: BODY_BYTES }
}

#[tokio::test]
async fn a_request_is_answered_in_its_own_bytes() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    host.ask(77, 3);
    let request = request(&mut link).await;
    assert_eq!(request.framing, Framing::Raw { version: Version::new(4, 0) });
    assert_eq!(link.body(&request).len(), BODY_BYTES);
    assert_eq!(link.body(&request)[0], 3);
    link.answer(&request, Status::NO_MORE_ITEMS, |body| body[0] = 9);
    let expected = Answer { id: 77, status: Status::NO_MORE_ITEMS, first: 9, bytes: BODY_BYTES };
    assert_eq!(host.answer_now(), Some(expected));
    assert!(link.body(&request).is_empty());
}

#[tokio::test]
async fn the_answer_may_find_out_its_status_while_it_is_written() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    host.ask(1, 3);
    let request = request(&mut link).await;
    link.answer_with(&request, |body| {
        body[0] = 7;
        Status::INVALID_ARG
    });
    assert_eq!(host.answer_now().map(|a| (a.status, a.first)), Some((Status::INVALID_ARG, 7)));
}

#[tokio::test]
async fn the_status_tells_versions_and_counts() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    host.put(5, &[0; 8]); // no message at all: dropped
    host.ask(6, 0);
    request(&mut link).await;
    let status = *link.status();
    assert_eq!(status.transport, Some(Transport::Sim));
    assert_eq!((status.framework, status.message), (Some(Version::new(3, 0)), Some(Version::new(4, 0))));
    assert_eq!((status.received, status.rejected, status.stale), (3, 1, 0));
    assert!(status.last_message > 1_600_000_000_000_000, "µs since 1970");
}

#[tokio::test]
async fn a_request_that_the_service_cannot_read_counts_as_rejected() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    host.ask(1, 99);
    let request = request(&mut link).await;
    link.reject(&request, Status::FAIL);
    assert_eq!(host.answer_now().map(|a| (a.status, a.first)), Some((Status::FAIL, 99)));
    assert_eq!((link.status().rejected, link.status().stale), (1, 0));
}

#[tokio::test]
async fn each_reason_to_drop_a_packet_is_logged_once_and_none_hides_another() {
    let logged = Logged::of("hv_utils_core");
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    let _ = logged.take();
    for _ in 0..3 {
        host.put(5, &[0; 8]);
        host.put(6, &[0; 40]);
        host.channel.try_send(PacketHeader { kind: 7, flags: 0, transaction_id: 8 }, &[0; 8]).unwrap();
    }
    settle(&mut link).await;
    assert_eq!(link.status().rejected, 9);
    let logged = logged.take();
    assert_eq!(logged.len(), 3, "{logged:?}");
    assert!(logged.iter().all(|text| text.starts_with("packet dropped: ")), "{logged:?}");
}

#[tokio::test]
async fn a_second_answer_to_the_same_request_is_not_sent() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    host.ask(1, 0);
    let request = request(&mut link).await;
    link.answer(&request, Status::OK, |_| {});
    link.answer(&request, Status::OK, |_| panic!("there is nothing to fill"));
    assert_eq!(host.answer_now(), Some(answered(1, 0)));
    assert_eq!(host.answer_now(), None);
    assert_eq!(link.status().stale, 1);
}

#[tokio::test]
async fn a_withheld_version_is_not_agreed_on() {
    let Setup { mut link, mut host, _directory } = connected(0x4000, Some(Version::new(3, 0))).await;
    host.offer(1, &[(3, 0), (4, 0), (5, 0)]);
    let (agreed, ()) = tokio::join!(host.agreed(1), until_state(&mut link, ChannelState::Ready));
    assert_eq!(agreed.unwrap().message, Version::new(3, 0));
}

#[tokio::test]
async fn without_a_common_version_the_link_has_failed_until_the_host_offers_another() {
    let Setup { mut link, mut host, _directory } = connected(0x4000, None).await;
    host.offer(1, &[(9, 0)]);
    let (agreed, ()) = tokio::join!(host.agreed(1), until_state(&mut link, ChannelState::Failed));
    assert_eq!(agreed, None);
    assert_eq!(link.status().transport, Some(Transport::Sim));
    tokio::join!(host.negotiate(), until_state(&mut link, ChannelState::Ready));
}

#[tokio::test]
async fn a_request_before_any_negotiation_is_refused() {
    let Setup { mut link, mut host, _directory } = connected(0x4000, None).await;
    host.ask(4, 0);
    settle(&mut link).await;
    assert_eq!(host.answer_now().map(|a| (a.id, a.status)), Some((4, Status::FAIL)));
    assert_eq!((link.status().received, link.status().rejected), (1, 1));
}

#[tokio::test]
async fn a_renegotiation_is_answered_at_once_and_ends_the_request_before_it() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    host.ask(1, 0);
    let old = request(&mut link).await;
    host.offer(2, &[(3, 0)]);
    assert_eq!(link.next().await, Event::Changed);
    assert_eq!(host.agreed(2).await.unwrap().message, Version::new(3, 0));
    assert!(link.body(&old).is_empty());
    let mut receipt = link.answer_noted(&old, Status::OK, |_| {});
    assert_eq!(host.answer_now(), None);
    assert_eq!(link.status().stale, 1);
    assert!(!receipt.delivered().await);

    host.ask(3, 8);
    let new = request(&mut link).await;
    assert_eq!(new.framing, Framing::Raw { version: Version::new(3, 0) });
    link.answer(&old, Status::FAIL, |_| {});
    link.answer(&new, Status::OK, |_| {});
    assert_eq!(host.answer_now(), Some(answered(3, 8)));
}

#[tokio::test]
async fn a_renegotiation_that_cannot_be_read_undoes_the_one_before() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    let mut malformed = message(0);
    malformed[12..14].fill(0); // type negotiate, with zero versions in its lists
    host.put(2, &malformed);
    until_state(&mut link, ChannelState::Negotiating).await;
    assert_eq!(link.status().message, None);
    assert_eq!(host.answer().await.status, Status::FAIL);
}

#[tokio::test]
async fn a_further_request_waits_for_the_answer_to_the_first() {
    let Setup { mut link, mut host, _directory } = ready(0x8000).await;
    for id in 1..=3 {
        host.ask(id, id as u8);
    }
    let first = request(&mut link).await;
    settle(&mut link).await;
    assert_eq!(link.status().received, 4, "the negotiation and three requests");
    link.answer(&first, Status::OK, |_| {});
    let second = request(&mut link).await;
    assert_eq!(link.body(&second)[0], 2);
    link.answer(&second, Status::OK, |_| {});
    let third = request(&mut link).await;
    link.answer(&third, Status::OK, |_| {});
    for id in 1..=3 {
        assert_eq!(host.answer_now(), Some(answered(id, id as u8)));
    }
}

#[tokio::test]
async fn a_renegotiation_is_answered_at_once_while_requests_wait_and_ends_them_all() {
    let Setup { mut link, mut host, _directory } = ready(0x8000).await;
    host.ask(1, 1);
    let first = request(&mut link).await;
    host.ask(2, 2);
    host.offer(3, &[(4, 0)]);
    assert_eq!(link.next().await, Event::Changed, "told, although what is agreed on is the same");
    settle(&mut link).await;
    assert!(host.agreed(3).await.is_some());
    assert!(link.body(&first).is_empty());
    link.answer(&first, Status::OK, |_| {});
    assert_eq!((host.answer_now(), link.status().stale), (None, 1));
    host.ask(4, 4);
    let next = request(&mut link).await;
    assert_eq!(link.body(&next)[0], 4, "what waited came before the negotiation");
    link.answer(&next, Status::OK, |_| {});
    assert_eq!(host.answer_now(), Some(answered(4, 4)));
}

#[tokio::test]
async fn requests_beyond_those_that_may_wait_are_refused_at_once() {
    let Setup { mut link, mut host, _directory } = ready(0x8000).await;
    host.ask(0, 0);
    let first = request(&mut link).await;
    for id in 1..=6 {
        host.ask(id, id as u8);
    }
    settle(&mut link).await;
    for id in [5, 6] {
        assert_eq!(host.answer_now().map(|answer| (answer.id, answer.status)), Some((id, Status::FAIL)));
    }
    assert_eq!(host.answer_now(), None);
    link.answer(&first, Status::OK, |_| {});
    assert_eq!(host.answer_now(), Some(answered(0, 0)));
    for id in 1..=4 {
        let next = request(&mut link).await;
        link.answer(&next, Status::OK, |_| {});
        assert_eq!(host.answer_now(), Some(answered(id, id as u8)));
    }
    assert_eq!(link.status().rejected, 2);
}

#[tokio::test]
async fn packets_that_are_no_requests_do_not_take_the_waiting_ones_place() {
    let Setup { mut link, mut host, _directory } = ready(0x8000).await;
    host.ask(1, 1);
    let first = request(&mut link).await;
    host.put(2, &[0xff; 64]);
    let mut reply = message(0);
    reply[25] = 5;
    host.put(3, &reply);
    let stray = PacketHeader { kind: 7, flags: 0, transaction_id: 4 };
    assert!(host.channel.try_send(stray, &message(0)).unwrap());
    host.offer(5, &[(4, 0)]);
    assert_eq!(link.next().await, Event::Changed);
    settle(&mut link).await;
    assert!(host.agreed(5).await.is_some());
    assert!(link.body(&first).is_empty());
    assert_eq!(link.status().rejected, 3);
}

#[tokio::test]
async fn a_reply_that_finds_the_ring_full_is_kept_and_sent_when_there_is_room() {
    let Setup { mut link, mut host, _directory } = ready(0x2000).await;
    host.ask(1, 1);
    let first = request(&mut link).await;
    link.answer(&first, Status::OK, |_| {});
    host.ask(2, 2);
    let second = request(&mut link).await;
    link.answer(&second, Status::OK, |body| body[0] = 22); // one reply of this size fits, not two
    settle(&mut link).await;
    assert_eq!(host.answer_now(), Some(answered(1, 1)));
    assert_eq!(host.answer_now(), None);
    let (kept, ()) = tokio::join!(host.answer(), settle(&mut link));
    assert_eq!(kept, answered(2, 22));
}

#[tokio::test]
async fn an_answer_is_delivered_when_it_is_in_the_ring_and_never_if_the_channel_is_lost_before() {
    let Setup { mut link, mut host, _directory } = ready(0x2000).await;
    host.ask(1, 0);
    let first = request(&mut link).await;
    assert!(link.answer_noted(&first, Status::OK, |_| {}).delivered().await);
    host.ask(2, 0);
    let second = request(&mut link).await;
    let mut receipt = link.answer_noted(&second, Status::OK, |_| {});
    assert_eq!(poll(std::pin::pin!(receipt.delivered())), None, "there is no room");
    host.answer().await;
    settle(&mut link).await;
    // Later answers do not hide it.
    host.answer().await;
    host.ask(3, 0);
    let third = request(&mut link).await;
    link.answer(&third, Status::OK, |_| {});
    assert!(receipt.delivered().await);
    host.ask(4, 0);
    let fourth = request(&mut link).await;
    let mut receipt = link.answer_noted(&fourth, Status::OK, |_| {});
    drop(host);
    until_state(&mut link, ChannelState::Closed).await;
    assert!(!receipt.delivered().await);
}

#[tokio::test]
async fn an_answer_that_waits_for_room_can_be_taken_back() {
    let Setup { mut link, mut host, _directory } = ready(0x2000).await;
    host.ask(1, 1);
    let first = request(&mut link).await;
    link.answer(&first, Status::OK, |_| {});
    assert!(!link.withdraw(&first, Status::FAIL), "it was given");
    host.ask(2, 2);
    let second = request(&mut link).await;
    let mut receipt = link.answer_noted(&second, Status::OK, |_| {});
    assert!(link.withdraw(&second, Status::FAIL));
    assert!(!receipt.delivered().await);
    assert_eq!(host.answer_now(), Some(answered(1, 1)));
    let (kept, ()) = tokio::join!(host.answer(), settle(&mut link));
    assert_eq!(kept, Answer { status: Status::FAIL, ..answered(2, 2) });
}

#[tokio::test]
async fn nothing_is_read_while_a_reply_waits_for_room() {
    let Setup { mut link, mut host, _directory } = ready(0x2000).await;
    for id in 1..=2 {
        host.ask(id, 0);
        let request = request(&mut link).await;
        link.answer(&request, Status::OK, |_| {});
    }
    host.ask(3, 3);
    settle(&mut link).await;
    assert_eq!(link.status().received, 3, "the negotiation and two requests");
    host.answer().await;
    let third = request(&mut link).await;
    assert_eq!(link.body(&third)[0], 3);
}

#[tokio::test]
async fn flush_ends_when_the_last_reply_is_in_the_ring() {
    let Setup { mut link, mut host, _directory } = ready(0x2000).await;
    for id in 1..=2 {
        host.ask(id, 0);
        let request = request(&mut link).await;
        link.answer(&request, Status::OK, |_| {});
    }
    let ((), first) = tokio::join!(link.flush(), host.answer());
    assert_eq!(first.id, 1);
    assert_eq!(host.answer_now().map(|a| a.id), Some(2));
}

#[tokio::test]
async fn flush_ends_when_the_host_is_gone() {
    let Setup { mut link, mut host, _directory } = ready(0x2000).await;
    for id in 1..=2 {
        host.ask(id, 0);
        let request = request(&mut link).await;
        link.answer(&request, Status::OK, |_| {});
    }
    drop(host);
    link.flush().await;
    until_state(&mut link, ChannelState::Closed).await;
}

#[tokio::test]
async fn the_end_of_the_channel_is_seen_while_a_request_is_unanswered() {
    let Setup { mut link, mut host, _directory } = ready(0x8000).await;
    host.ask(1, 0);
    let unanswered = request(&mut link).await;
    host.ask(2, 0); // put aside
    settle(&mut link).await;
    drop(host);
    until_state(&mut link, ChannelState::Closed).await;
    assert_eq!(link.status().transport, None);
    link.answer(&unanswered, Status::OK, |_| {});
    assert_eq!(link.status().stale, 1);
}

#[tokio::test]
async fn an_oversized_packet_is_skipped_and_counted() {
    let Setup { mut link, mut host, _directory } = ready(0x1_0000).await;
    host.put(1, &[0; 20_000]);
    host.ask(2, 5);
    let request = request(&mut link).await;
    assert_eq!(link.body(&request)[0], 5);
    assert_eq!((link.status().received, link.status().rejected), (3, 1));
}

#[tokio::test]
async fn a_host_that_never_stops_sending_does_not_hold_up_the_daemon() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    for id in 0..100 {
        host.put(id, &[0; 16]);
    }
    // One poll of `next` leaves packets in the ring, so other branches of the daemon's loop get their turn.
    assert_eq!(poll_next(&mut link), None);
    let read_index = host.channel.memory().load(0x4000 + 4);
    let write_index = host.channel.memory().load(0x4000);
    assert_ne!(read_index, write_index);
    settle(&mut link).await;
    assert_eq!(link.status().rejected, 100);
}

#[tokio::test]
async fn abandoned_waits_lose_nothing() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    for id in 0..50 {
        assert_eq!(poll_next(&mut link), None);
        host.ask(id, id as u8);
        let request = loop {
            match poll_next(&mut link) {
                Some(Event::Request(request)) => break request,
                Some(Event::Changed) => panic!("nothing changed"),
                None => tokio::task::yield_now().await,
            }
        };
        link.answer(&request, Status::OK, |_| {});
        assert_eq!(host.answer_now(), Some(answered(id, id as u8)));
    }
}

#[tokio::test]
async fn buffers_go_round_and_are_not_made_anew() {
    let Setup { mut link, mut host, _directory } = ready(0x2000).await;
    let mut addresses = std::collections::HashSet::new();
    for id in 0..40 {
        host.ask(id, 0);
        let request = request(&mut link).await;
        addresses.insert(link.body(&request).as_ptr());
        link.answer(&request, Status::OK, |_| {});
        // Every second reply finds the ring full and waits in the outbox.
        if id % 2 == 1 {
            tokio::join!(settle(&mut link), async {
                host.answer().await;
                host.answer().await;
            });
        }
    }
    assert!(addresses.len() <= 4, "{} buffers", addresses.len());
}

#[tokio::test]
async fn a_closed_link_has_nothing_more_to_tell() {
    let Setup { mut link, mut host, _directory } = ready(0x4000).await;
    link.close().await;
    assert_eq!(link.status().state, ChannelState::Closed);
    assert_eq!(link.next().await, Event::Changed);
    settle(&mut link).await;
    assert!(host.channel.recv(&mut Vec::new()).await.is_err());
}
