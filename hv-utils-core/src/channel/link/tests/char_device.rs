//! The kernel's char devices on a socket pair: registration, replies, and each way it can fail.

use super::{request, settle, until_open, until_state};
use crate::channel::link::resolve::SETTLED;
use crate::channel::link::{Framing, Link};
use crate::channel::{ChannelChoice, ChannelState, Transport};
use crate::testing::{Call, Driver, FakeBus, KernelEnd};
use crate::wire::kvp::chardev;
use crate::wire::{Ic, Status};
use rustix::io::Errno;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// The kernel's answer to a registration for KVP.
fn greeting() -> Vec<u8> {
    let mut message = vec![0; chardev::MESSAGE_BYTES];
    message[0] = 100;
    message[4..7].copy_from_slice(b"3.1");
    message
}

/// A request of the kernel's whose second word starts with `mark`.
fn kvp_request(mark: u8) -> Vec<u8> {
    let mut message = vec![0; chardev::MESSAGE_BYTES];
    (message[0], message[1], message[8]) = (3, 2, mark);
    message
}

struct Setup {
    _directory: TempDir,
    bus: FakeBus,
    link: Link,
}

fn setup(ic: Ic) -> Setup {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    bus.offer(ic).unwrap();
    let link = bus.link(ic, ChannelChoice::Auto).unwrap();
    Setup { _directory: directory, bus, link }
}

/// Opens the KVP device, and registers on it.
async fn register(bus: &mut FakeBus, link: &mut Link) -> KernelEnd {
    until_open(link, Transport::HvUtils).await;
    let kernel = bus.char_opened().await;
    let registration = kernel.recv().await.unwrap();
    assert_eq!((registration.len(), registration[0]), (7432, 100));
    kernel.send(&greeting()).unwrap();
    until_state(link, ChannelState::Ready).await;
    kernel
}

#[tokio::test]
async fn kvp_registers_and_answers_with_the_status_over_the_first_bytes() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    let kernel = register(&mut bus, &mut link).await;
    assert_eq!((link.status().framework, link.status().message), (None, None), "the kernel negotiates");
    kernel.send(&kvp_request(7)).unwrap();
    let request = request(&mut link).await;
    assert_eq!(request.framing, Framing::CharDevice);
    assert_eq!(link.body(&request), kvp_request(7));
    link.answer(&request, Status::NO_MORE_ITEMS, |message| message[8] = 70);
    let mut expected = kvp_request(70);
    expected[..4].copy_from_slice(&0x8007_0103_u32.to_ne_bytes());
    assert_eq!(kernel.recv().await.unwrap(), expected);
    assert_eq!(link.status().received, 1);
}

#[tokio::test]
async fn vss_speaks_in_messages_of_12_bytes() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Vss);
    until_open(&mut link, Transport::HvUtils).await;
    assert_eq!(link.status().state, ChannelState::Negotiating);
    let kernel = bus.char_opened().await;
    assert_eq!(kernel.recv().await.unwrap(), [129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    kernel.send(&129_u32.to_ne_bytes()).unwrap();
    until_state(&mut link, ChannelState::Ready).await;
    let freeze = [5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    kernel.send(&freeze).unwrap();
    let request = request(&mut link).await;
    assert_eq!(link.body(&request), freeze);
    link.answer(&request, Status::OK, |_| {});
    assert_eq!(kernel.recv().await.unwrap(), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
}

/// Linux 6.12.95 spun for ever in `hvutil_transport_send` when the registration came before its driver had finished.
#[tokio::test(start_paused = true)]
async fn a_device_that_the_driver_has_just_made_is_not_opened_at_once() {
    for ic in [Ic::Kvp, Ic::Vss] {
        let Setup { mut bus, mut link, _directory } = setup(ic);
        bus.set_node_age(SETTLED - Duration::from_millis(1));
        let begin = Instant::now();
        until_open(&mut link, Transport::HvUtils).await;
        assert_eq!(begin.elapsed(), SETTLED);
        bus.char_opened().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_back_while_the_first_is_waited_for_is_waited_for_anew() {
    let Setup { bus, mut link, _directory } = setup(Ic::Kvp);
    bus.set_node_age(Duration::ZERO);
    settle(&mut link).await;
    let half = SETTLED / 2;
    tokio::time::sleep(half).await;
    bus.rescind(Ic::Kvp).unwrap();
    bus.offer(Ic::Kvp).unwrap();
    settle(&mut link).await;
    let begin = Instant::now();
    until_open(&mut link, Transport::HvUtils).await;
    assert!(begin.elapsed() > half, "{:?}", begin.elapsed());
}

/// Before Linux 6.13 a registration before the channel is open ends the kernel.
#[tokio::test(start_paused = true)]
async fn a_device_whose_channel_the_driver_is_still_opening_is_left_alone() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    // Not yet, and about to be.
    for state in [2, 1] {
        bus.set_channel_state(Ic::Kvp, state).unwrap();
        let opens = tokio::time::timeout(10 * SETTLED, until_open(&mut link, Transport::HvUtils)).await;
        assert!(opens.is_err(), "it was opened in state {state}");
    }
    bus.set_channel_state(Ic::Kvp, 3).unwrap();
    register(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_another_daemon_has_is_tried_until_it_is_free() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    let other = bus.nodes().open_char(&bus.dev_root().join("vmbus/hv_kvp")).unwrap();
    drop(bus.char_opened().await);
    until_state(&mut link, ChannelState::Failed).await;
    settle(&mut link).await;
    let begin = Instant::now();
    drop(other);
    register(&mut bus, &mut link).await;
    assert_eq!(begin.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_opens_and_registers_again() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    let kernel = register(&mut bus, &mut link).await;
    kernel.send(&kvp_request(1)).unwrap();
    let request = request(&mut link).await;
    bus.inject(Call::Write, Errno::INVAL);
    let mut receipt = link.answer_noted(&request, Status::OK, |_| {});
    assert_eq!(link.status().stale, 1);
    assert!(!receipt.delivered().await);
    until_state(&mut link, ChannelState::Closed).await;
    assert!(kernel.recv().await.unwrap().is_empty(), "the device was closed");
    register(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_registration_is_tried_again() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    bus.inject(Call::Write, Errno::INVAL);
    until_state(&mut link, ChannelState::Failed).await;
    drop(bus.char_opened().await);
    register(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn another_answer_to_the_registration_is_not_taken_for_one() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    until_open(&mut link, Transport::HvUtils).await;
    let kernel = bus.char_opened().await;
    kernel.send(&kvp_request(1)).unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    drop(kernel);
    register(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_goes_away_finds_the_device_closed_at_once() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    let kernel = register(&mut bus, &mut link).await;
    kernel.send(&kvp_request(1)).unwrap();
    let unanswered = request(&mut link).await;
    bus.rescind(Ic::Kvp).unwrap();
    until_state(&mut link, ChannelState::Closed).await;
    // The descriptor is closed before anything else is done: the kernel waits for that.
    assert!(kernel.send(&kvp_request(2)).is_err());
    link.answer(&unanswered, Status::OK, |_| {});
    assert_eq!(link.status().stale, 1);
    settle(&mut link).await;
    bus.offer(Ic::Kvp).unwrap();
    register(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn a_read_that_says_ebadf_closes_the_device() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    let kernel = register(&mut bus, &mut link).await;
    bus.inject(Call::Read, Errno::BADF);
    kernel.send(&kvp_request(1)).unwrap();
    until_state(&mut link, ChannelState::Closed).await;
    assert!(kernel.send(&kvp_request(2)).is_err());
    register(&mut bus, &mut link).await;
}

#[tokio::test]
async fn a_read_that_finds_nothing_after_all_waits_again() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    let kernel = register(&mut bus, &mut link).await;
    settle(&mut link).await; // what made the device readable before is over
    bus.inject(Call::Read, Errno::AGAIN);
    bus.inject(Call::Read, Errno::INTR);
    kernel.send(&kvp_request(1)).unwrap();
    settle(&mut link).await;
    kernel.send(&kvp_request(2)).unwrap();
    let request = request(&mut link).await;
    assert_eq!(link.body(&request)[8], 1);
}

#[tokio::test]
async fn a_request_that_the_kernel_gave_up_is_overtaken_by_the_next() {
    let Setup { mut bus, mut link, _directory } = setup(Ic::Kvp);
    let kernel = register(&mut bus, &mut link).await;
    kernel.send(&kvp_request(1)).unwrap();
    let old = request(&mut link).await;
    kernel.send(&kvp_request(2)).unwrap();
    let new = request(&mut link).await;
    let mut receipt = link.answer_noted(&old, Status::OK, |_| panic!("it must not be answered"));
    assert!(!receipt.delivered().await);
    assert!(link.answer_noted(&new, Status::OK, |_| {}).delivered().await);
    assert_eq!(kernel.recv().await.unwrap()[8], 2);
    assert_eq!(link.status().stale, 1);
}

/// A request of the kernel's, told apart by a number.
type Asked = fn(u8) -> Vec<u8>;

/// What the kernel says to a registration, and how it asks.
fn spoken(ic: Ic) -> (Vec<u8>, Asked) {
    match ic {
        Ic::Kvp => (greeting(), kvp_request),
        Ic::Vss => (129_u32.to_ne_bytes().to_vec(), |mark| vec![mark, 0, 0, 0, 0, 0, 0, 0, mark, 0, 0, 0]),
        _ => (1_u32.to_ne_bytes().to_vec(), |mark| vec![mark; 36]),
    }
}

/// The status is all that every device's answer has in its first four bytes.
fn status(answer: &[u8]) -> u32 {
    u32::from_ne_bytes(*answer.first_chunk().expect("four bytes"))
}

#[tokio::test]
async fn an_answer_is_not_given_to_the_next_request_that_nobody_has_read_yet() {
    for ic in [Ic::Kvp, Ic::Vss, Ic::FileCopy] {
        let Setup { mut bus, mut link, _directory } = setup(ic);
        if ic == Ic::FileCopy {
            bus.bind(ic, Driver::HvUtils).unwrap();
        }
        until_open(&mut link, Transport::HvUtils).await;
        let kernel = bus.char_opened().await;
        kernel.recv().await.unwrap();
        let (greeting, asked) = spoken(ic);
        kernel.send(&greeting).unwrap();
        until_state(&mut link, ChannelState::Ready).await;
        kernel.send(&asked(5)).unwrap();
        let old = request(&mut link).await;
        // The kernel has told the host that it failed, and has the host's next request already.
        kernel.send(&asked(6)).unwrap();
        let mut receipt = link.answer_noted(&old, Status::FAIL, |_| {});
        assert_eq!(receipt.known(), Some(false), "{ic}");
        assert!(link.body(&old).is_empty(), "{ic}: it is over");
        let new = request(&mut link).await;
        assert_eq!(link.body(&new), asked(6), "{ic}: it is served in its turn");
        let mut receipt = link.answer_noted(&new, Status::OK, |_| {});
        assert_eq!(receipt.known(), Some(true), "{ic}");
        assert_eq!(status(&kernel.recv().await.unwrap()), Status::OK.0, "{ic}: the first that was answered");
        assert_eq!((link.status().stale, link.status().received), (1, 2), "{ic}");
        assert_eq!(link.status().state, ChannelState::Ready, "{ic}: nothing was opened anew");
    }
}

#[tokio::test(start_paused = true)]
async fn an_explicit_hv_utils_waits_while_the_device_is_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let mut bus = FakeBus::new(directory.path()).unwrap();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::HvUtils).unwrap();
    settle(&mut link).await;
    bus.replace(Ic::Kvp).unwrap(); // the new device goes to hv_utils
    register(&mut bus, &mut link).await;
}
