//! Idle means idle: a link that waits has no timer, and is not woken.

use super::host::Host;
use super::{until_open, until_state};
use crate::channel::link::Link;
use crate::channel::{ChannelChoice, ChannelState, Transport};
use crate::testing::FakeBus;
use crate::wire::Ic;
use std::cell::Cell;
use std::future::poll_fn;
use std::time::Duration;

/// How often a year of waiting (on paused time) polls the link. The timer of the year itself is one wake-up, and the
/// beginning another.
async fn polls_in_a_year(link: &mut Link) -> u32 {
    let polls = Cell::new(0);
    let mut next = Box::pin(link.next());
    let counted = poll_fn(|context| {
        polls.set(polls.get() + 1);
        next.as_mut().poll(context)
    });
    let year = Duration::from_secs(365 * 24 * 3600);
    assert!(tokio::time::timeout(year, counted).await.is_err(), "there was nothing to tell");
    polls.get()
}

#[tokio::test(start_paused = true)]
async fn a_ready_channel_is_idle() {
    let directory = tempfile::tempdir().unwrap();
    let mut bus = FakeBus::new(directory.path()).unwrap();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    until_open(&mut link, Transport::Uio).await;
    let mut host = Host::new(bus.channel_opened().await);
    tokio::join!(host.negotiate(), until_state(&mut link, ChannelState::Ready));
    // Devices coming and going are not its business now.
    bus.offer(Ic::Heartbeat).unwrap();
    bus.offer_on_uio(Ic::Vss).unwrap();
    assert!(polls_in_a_year(&mut link).await <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_link_without_a_device_is_idle() {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    assert!(polls_in_a_year(&mut link).await <= 2);
    assert_eq!(link.status().state, ChannelState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_service_of_the_kernels_is_idle() {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    bus.offer(Ic::Heartbeat).unwrap();
    let mut link = bus.link(Ic::Heartbeat, ChannelChoice::Auto).unwrap();
    until_state(&mut link, ChannelState::Kernel).await;
    assert_eq!(link.status().transport, Some(Transport::HvUtils));
    assert!(polls_in_a_year(&mut link).await <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_registered_char_device_is_idle() {
    let directory = tempfile::tempdir().unwrap();
    let mut bus = FakeBus::new(directory.path()).unwrap();
    bus.offer(Ic::Vss).unwrap();
    let mut link = bus.link(Ic::Vss, ChannelChoice::Auto).unwrap();
    until_open(&mut link, Transport::HvUtils).await;
    let kernel = bus.char_opened().await;
    kernel.send(&129_u32.to_ne_bytes()).unwrap();
    until_state(&mut link, ChannelState::Ready).await;
    assert!(polls_in_a_year(&mut link).await <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_never_becomes_complete_is_given_up_until_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    std::fs::remove_file(bus.dev_root().join("uio0")).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    assert!(polls_in_a_year(&mut link).await <= 2 + 6, "five looks, 100 ms apart, and no more");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_may_not_be_opened_is_not_tried_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    for _ in 0..20 {
        bus.inject(crate::testing::Call::Open, rustix::io::Errno::ACCESS);
    }
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    assert!(polls_in_a_year(&mut link).await <= 2 + 6, "for two seconds or so, and no more");
}
