//! Raw VMBus on the double of a bus: rescinds, replacements, late attributes, failing calls.

use super::host::Host;
use super::{request, settle, until, until_open, until_state};
use crate::channel::link::Link;
use crate::channel::{ChannelChoice, ChannelState, Transport};
use crate::testing::{Call, Driver, FakeBus};
use crate::wire::kvp::chardev;
use crate::wire::ring::RingMemory;
use crate::wire::{Ic, Status};
use rustix::io::Errno;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

fn bus() -> (TempDir, FakeBus) {
    let directory = tempfile::tempdir().unwrap();
    let bus = FakeBus::new(directory.path()).unwrap();
    (directory, bus)
}

/// Opens, negotiates, and serves one request.
async fn serve(bus: &mut FakeBus, link: &mut Link) -> Host {
    until_open(link, Transport::Uio).await;
    let mut host = Host::new(bus.channel_opened().await);
    tokio::join!(host.negotiate(), until_state(link, ChannelState::Ready));
    host.ask(9, 1);
    let request = request(link).await;
    link.answer(&request, Status::OK, |_| {});
    assert_eq!(host.answer_now().map(|answer| answer.id), Some(9));
    host
}

#[tokio::test]
async fn rings_of_every_size_seen_in_the_field_are_spoken_over() {
    for ring_bytes in [0x4000, 0x5000, 0x20_0000] {
        let (_directory, mut bus) = bus();
        bus.set_ring_bytes(ring_bytes);
        bus.offer_on_uio(Ic::Kvp).unwrap();
        let mut link = bus.link(Ic::Kvp, ChannelChoice::Uio).unwrap();
        serve(&mut bus, &mut link).await;
    }
}

#[tokio::test]
async fn a_kernel_that_masks_the_interrupt_by_itself_causes_no_hang() {
    let (_directory, mut bus) = bus();
    bus.set_old_kernel();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Uio).unwrap();
    until_open(&mut link, Transport::Uio).await;
    let mut host = Host::new(bus.channel_opened().await);
    // Queued before the first read, with the mask at 1: no interrupt tells of it.
    assert_eq!(host.channel.memory().load(0x4000 + 8), 1);
    host.offer(1, &[(4, 0)]);
    let (agreed, ()) = tokio::join!(host.agreed(1), until_state(&mut link, ChannelState::Ready));
    assert!(agreed.is_some());
    for id in 2..10 {
        settle(&mut link).await; // asleep, so the next one needs its interrupt
        host.ask(id, 0);
        let request = request(&mut link).await;
        link.answer(&request, Status::OK, |_| {});
        assert_eq!(host.answer_now().map(|answer| answer.id), Some(id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rescind_under_an_open_descriptor_is_survived() {
    let (_directory, mut bus) = bus();
    bus.offer_on_uio(Ic::Vss).unwrap();
    let mut link = bus.link(Ic::Vss, ChannelChoice::Uio).unwrap();
    until_open(&mut link, Transport::Uio).await;
    let mut host = bus.channel_opened().await;
    bus.rescind(Ic::Vss).unwrap();
    until_state(&mut link, ChannelState::Closed).await;
    assert!(host.recv(&mut Vec::new()).await.is_err(), "the descriptor is closed at once");
    settle(&mut link).await;
    bus.offer_on_uio(Ic::Vss).unwrap();
    assert!(bus.dev_root().join("uio1").exists(), "it comes back with another number");
    until_open(&mut link, Transport::Uio).await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_let_go_of_is_closed_and_left_alone_for_so_long() {
    let (_directory, mut bus) = bus();
    bus.offer_on_uio(Ic::Vss).unwrap();
    let mut link = bus.link(Ic::Vss, ChannelChoice::Uio).unwrap();
    until_open(&mut link, Transport::Uio).await;
    let mut host = bus.channel_opened().await;
    let began = Instant::now();
    assert!(link.release(Duration::from_secs(5)));
    assert!(host.recv(&mut Vec::new()).await.is_err(), "the descriptor is closed at once");
    until_state(&mut link, ChannelState::Closed).await;
    // Nothing has happened to the device: it is opened again, but not before.
    until_open(&mut link, Transport::Uio).await;
    assert!(began.elapsed() >= Duration::from_secs(5));
}

#[tokio::test]
async fn after_letting_go_another_device_is_opened_at_once() {
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Vss).unwrap();
    let mut link = bus.link(Ic::Vss, ChannelChoice::Auto).unwrap();
    until_open(&mut link, Transport::Uio).await;
    assert!(link.release(Duration::from_secs(86_400)));
    bus.unbind(Ic::Vss).unwrap();
    bus.bind(Ic::Vss, Driver::HvUtils).unwrap();
    let opened = tokio::time::timeout(Duration::from_secs(60), until_open(&mut link, Transport::HvUtils));
    assert!(opened.await.is_ok(), "it waits for a day");
    assert!(!link.release(Duration::from_secs(50)), "there is no raw channel to let go of");
}

#[tokio::test(start_paused = true)]
async fn after_letting_go_a_device_that_was_seen_without_its_driver_is_a_new_one() {
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Heartbeat).unwrap();
    let mut link = bus.link(Ic::Heartbeat, ChannelChoice::Auto).unwrap();
    until_open(&mut link, Transport::Uio).await;
    assert!(link.release(Duration::from_secs(60)));
    bus.unbind(Ic::Heartbeat).unwrap();
    bus.bind(Ic::Heartbeat, Driver::HvUtils).unwrap();
    until_state(&mut link, ChannelState::Kernel).await;
    // Back again within the minute, under the number that the kernel has free.
    bus.set_next_uio(0);
    bus.unbind(Ic::Heartbeat).unwrap();
    bus.bind(Ic::Heartbeat, Driver::Uio).unwrap();
    let began = Instant::now();
    until_open(&mut link, Transport::Uio).await;
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_the_kernel_has_not_closed_is_told_and_opened_when_it_is_offered_anew() {
    let (_directory, mut bus) = bus();
    bus.offer_on_uio(Ic::Vss).unwrap();
    let mut link = bus.link(Ic::Vss, ChannelChoice::Uio).unwrap();
    until_open(&mut link, Transport::Uio).await;
    let mut host = bus.channel_opened().await;
    // Somebody changes its driver by hand, without asking for the device.
    bus.unbind(Ic::Vss).unwrap();
    until_state(&mut link, ChannelState::Closed).await;
    let mut nothing = Vec::new();
    let heard = tokio::time::timeout(Duration::from_secs(3600), host.recv(&mut nothing)).await;
    assert!(heard.is_err(), "nothing has closed the host's end");
    bus.bind(Ic::Vss, Driver::Uio).unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    bus.rescind(Ic::Vss).unwrap();
    assert!(host.recv(&mut Vec::new()).await.is_err(), "it is over with its device");
    bus.offer_on_uio(Ic::Vss).unwrap();
    until_open(&mut link, Transport::Uio).await;
}

#[tokio::test(start_paused = true)]
async fn a_rescind_while_a_request_is_unanswered_is_seen() {
    let (_directory, mut bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Uio).unwrap();
    let mut host = serve(&mut bus, &mut link).await;
    host.ask(1, 0);
    let unanswered = request(&mut link).await;
    bus.rescind(Ic::Kvp).unwrap();
    until_state(&mut link, ChannelState::Closed).await;
    link.answer(&unanswered, Status::OK, |_| {});
    assert_eq!(link.status().stale, 1);
    bus.offer_on_uio(Ic::Kvp).unwrap();
    serve(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn with_auto_a_replaced_kvp_device_is_followed_to_hv_utils() {
    let (_directory, mut bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    let host = serve(&mut bus, &mut link).await;
    // Our own close, for a corrupt ring; the host replaces the device, and the kernel gives it to hv_utils.
    host.channel.memory().store(0x4000, 1);
    host.channel.signal().unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    until_open(&mut link, Transport::HvUtils).await;
    let kernel = bus.char_opened().await;
    assert_eq!(kernel.recv().await.unwrap(), chardev::register());
}

#[tokio::test(start_paused = true)]
async fn with_an_explicit_uio_a_replaced_kvp_device_is_waited_for_until_it_is_bound_again() {
    let (_directory, mut bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Uio).unwrap();
    let host = serve(&mut bus, &mut link).await;
    host.channel.memory().store(0x4000, 1);
    host.channel.signal().unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    until_state(&mut link, ChannelState::Closed).await;
    settle(&mut link).await;
    // As hv-driver takes it back: unbinding makes the host replace the device once more.
    bus.set_autoprobe(false).unwrap();
    bus.unbind(Ic::Kvp).unwrap();
    bus.set_driver_override(Ic::Kvp, Driver::Uio).unwrap();
    bus.bind(Ic::Kvp, Driver::Uio).unwrap();
    serve(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn a_kvp_device_about_to_be_replaced_is_not_opened_again() {
    let (_directory, mut bus) = bus();
    bus.set_lingering();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    let host = serve(&mut bus, &mut link).await;
    host.channel.memory().store(0x4000, 1);
    host.channel.signal().unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    let closed = Instant::now();
    // 50 ms later the old device is still there.
    until_state(&mut link, ChannelState::Closed).await;
    assert_eq!(closed.elapsed(), Duration::from_millis(50));
    bus.set_autoprobe(false).unwrap();
    bus.replace(Ic::Kvp).unwrap();
    bus.bind(Ic::Kvp, Driver::Uio).unwrap();
    serve(&mut bus, &mut link).await;
    assert!(closed.elapsed() < Duration::from_secs(1), "the new one is opened as soon as it is there");
}

#[tokio::test(start_paused = true)]
async fn a_kvp_device_that_is_not_replaced_after_all_is_opened_after_a_second() {
    let (_directory, mut bus) = bus();
    bus.set_lingering();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    let host = serve(&mut bus, &mut link).await;
    host.channel.memory().store(0x4000, 1);
    host.channel.signal().unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    let closed = Instant::now();
    serve(&mut bus, &mut link).await;
    assert_eq!(closed.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn another_services_device_is_opened_again_without_waiting_for_a_replacement() {
    let (_directory, mut bus) = bus();
    bus.offer_on_uio(Ic::Vss).unwrap();
    let mut link = bus.link(Ic::Vss, ChannelChoice::Auto).unwrap();
    until_open(&mut link, Transport::Uio).await;
    let host = bus.channel_opened().await;
    host.memory().store(0x4000, 1);
    host.signal().unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    let closed = Instant::now();
    until_open(&mut link, Transport::Uio).await;
    assert_eq!(closed.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn attributes_that_come_late_are_looked_for_again() {
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let maps = bus.device_directory(Ic::Kvp).join("uio/uio0/maps");
    let aside = bus.sysfs_root().join("maps");
    fs::rename(&maps, &aside).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Uio).unwrap();
    let begin = Instant::now();
    let (done, ()) = tokio::join!(until_open(&mut link, Transport::Uio), async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        // sysfs announces nothing.
        fs::rename(&aside, &maps).unwrap();
    });
    assert_eq!((done, begin.elapsed()), ((), Duration::from_millis(300)));
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_permissions_come_late_is_opened_when_they_are_there() {
    let (_directory, bus) = bus();
    bus.offer_on_uio(Ic::Kvp).unwrap();
    for _ in 0..8 {
        bus.inject(Call::Open, Errno::ACCESS);
    }
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    until_state(&mut link, ChannelState::Failed).await;
    // Long after the last attempt of its own; one that is announced fails too.
    assert!(tokio::time::timeout(Duration::from_secs(3600), link.next()).await.is_err());
    let node = bus.dev_root().join("uio0");
    fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o660)).unwrap();
    until_open(&mut link, Transport::Uio).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_open_or_map_is_tried_again() {
    for call in [Call::Open, Call::Map] {
        let (_directory, bus) = bus();
        bus.offer_on_uio(Ic::Vss).unwrap();
        for _ in 0..3 {
            bus.inject(call, Errno::IO);
        }
        let mut link = bus.link(Ic::Vss, ChannelChoice::Auto).unwrap();
        until_state(&mut link, ChannelState::Failed).await;
        let begin = Instant::now();
        until_open(&mut link, Transport::Uio).await;
        assert_eq!(begin.elapsed(), Duration::from_millis(50 + 100 + 200), "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_while_the_link_waits_is_opened() {
    let (_directory, mut bus) = bus();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Auto).unwrap();
    settle(&mut link).await;
    bus.offer_on_uio(Ic::Kvp).unwrap();
    serve(&mut bus, &mut link).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_of_the_kernels_is_taken_over_when_it_is_bound_to_uio() {
    let (_directory, bus) = bus();
    bus.offer(Ic::Heartbeat).unwrap();
    let mut link = bus.link(Ic::Heartbeat, ChannelChoice::Auto).unwrap();
    until_state(&mut link, ChannelState::Kernel).await;
    bus.unbind(Ic::Heartbeat).unwrap();
    bus.bind(Ic::Heartbeat, Driver::Uio).unwrap();
    until_open(&mut link, Transport::Uio).await;
    // And given back, as hv-driver does it.
    assert!(link.release(Duration::from_secs(20)));
    bus.unbind(Ic::Heartbeat).unwrap();
    bus.bind(Ic::Heartbeat, Driver::HvUtils).unwrap();
    until(&mut link, |status| status.state == ChannelState::Kernel).await;
}

#[tokio::test(start_paused = true)]
async fn a_monitored_channel_is_not_signalled_through_the_node() {
    let (_directory, mut bus) = bus();
    bus.set_monitored(3);
    bus.offer_on_uio(Ic::Kvp).unwrap();
    let mut link = bus.link(Ic::Kvp, ChannelChoice::Uio).unwrap();
    until_open(&mut link, Transport::Uio).await;
    let mut host = Host::new(bus.channel_opened().await);
    host.offer(1, &[(4, 0)]);
    until_state(&mut link, ChannelState::Ready).await;
    // No interrupt comes, as a host that polls the monitor page needs none; the reply is in the ring.
    assert!(host.channel.try_recv(&mut Vec::new()).unwrap().is_some());
    host.channel.mask();
    let mut payload = Vec::new();
    let mut waiting = std::pin::pin!(host.channel.recv(&mut payload));
    assert!(super::poll(waiting.as_mut()).is_none());
}
