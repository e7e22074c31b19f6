//! What the host gets: numbers, words, versions, and an answer whatever else goes on.

use hv_utils_core::testing::FakeBus;
use hv_utils_core::wire::{Ic, Status, Version};
use rustix::process::Signal;

use crate::support::guest::V3;
use crate::support::{Client, Guest, run};

#[test]
fn next_number_is_all_that_is_said_without_anybody_to_say_more() {
    run(async {
        let (mut guest, mut host, client) = Guest::start("").await;
        for number in [0, 1, 2, 7, u64::MAX - 1, u64::MAX, 0] {
            assert_eq!(host.beat(number, [0; 8]).await, [0; 8]);
        }
        // What the host puts there is its own, also where it is no word at all.
        assert_eq!(host.beat(41, *b"whatever").await, *b"whatever");
        assert_eq!(client.property::<u64>("Sequence").await, 42);
        assert_eq!(client.property::<String>("ApplicationState").await, "unknown");
        assert_eq!(client.sources().await, []);
        drop(host);
        assert_eq!(guest.end(), Some(0));
    });
}

#[test]
fn both_versions_and_both_lengths_are_answered_and_less_is_refused() {
    run(async {
        let (guest, mut host, client) = Guest::start("").await;
        client.reports("critical", "").await.unwrap();
        for version in [V3, Version::new(1, 0), V3] {
            host.negotiate(version).await;
            assert_eq!(host.word().await, 2, "{version}");
            // Without room for it there is no word.
            let (status, body) = host.say(&7_u64.to_le_bytes()).await;
            assert_eq!((status, body), (Status::OK, 8_u64.to_le_bytes().to_vec()), "{version}");
            // The kernel's structure has more room behind the word than hosts send.
            let (status, body) = host.say(&[9; 44]).await;
            assert_eq!((status, body.len(), &body[12..]), (Status::OK, 44, &[9; 32][..]), "{version}");
            for bytes in [0, 1, 7] {
                let (status, body) = host.say(&vec![1; bytes]).await;
                assert_eq!((status, body), (Status::FAIL, vec![1; bytes]), "{version} {bytes}");
            }
        }
        guest.logs("answered with an error: a heartbeat needs 8 bytes, the message has 0");
        assert_eq!(guest.log().matches("a heartbeat needs").count(), 1);
    });
}

#[test]
fn word_is_the_same_on_the_next_channel() {
    run(async {
        let (guest, mut host, client) = Guest::start("").await;
        client.reports("stopped", "for now").await.unwrap();
        assert_eq!(host.word().await, 3);
        drop(host);
        let mut host = guest.host(Version::new(1, 0)).await;
        assert_eq!(host.word().await, 3);
    });
}

#[test]
fn heartbeats_are_answered_while_the_bus_hangs_and_after_it_has_gone() {
    run(async {
        let (mut guest, mut host, client) = Guest::start("system-state = true").await;
        client.reports("healthy", "").await.unwrap();
        guest.bus.as_ref().unwrap().signal(Signal::STOP).unwrap();
        // What was known is still said.
        for number in 0..10 {
            assert_eq!(host.beat(number, [0xee; 8]).await[4..], [0xee; 4]);
        }
        guest.bus = None;
        guest.logs("the bus is gone");
        for number in 0..10 {
            assert_eq!(host.beat(number, [0xee; 8]).await[4..], [0xee; 4]);
        }
    });
}

#[test]
fn without_a_bus_the_host_is_served_all_the_same() {
    run(async {
        let mut guest = Guest::prepare("units = [\"a.service\"]");
        guest.bus = None;
        guest.run_on_sim();
        let mut host = guest.host(V3).await;
        // Somebody was to be asked, and does not say.
        assert_eq!(host.word().await, 0);
    });
}

#[test]
fn where_the_kernel_answers_nobody_can_report_anything_and_systemd_is_not_asked() {
    run(async {
        let mut guest = Guest::prepare("system-state = true");
        let bus = FakeBus::new(&guest.path("machine")).unwrap();
        bus.offer(Ic::Heartbeat).unwrap();
        let (sysfs, dev) = (bus.sysfs_root(), bus.dev_root());
        guest.run_on(&["--sysfs-root", sysfs.to_str().unwrap(), "--dev-root", dev.to_str().unwrap()]);
        let client = guest.client().await;
        client.finds_the_daemon().await;
        while client.reports("healthy", "").await != Err("NotSupported".to_owned()) {
            client.withdraws().await.unwrap_or_default();
        }
        assert_eq!(client.withdraws().await, Err("NotSupported".to_owned()));
        client.sees(&[]).await;
        assert_eq!(client.property::<String>("ApplicationState").await, "unknown");
        assert_eq!(state(&client).await, "kernel");
    });
}

/// `ChannelState`.
async fn state(client: &Client) -> String {
    let proxy = zbus::Proxy::new(
        &client.0,
        "org.hvutils.Heartbeat1",
        "/org/hvutils/Heartbeat1",
        "org.hvutils.Service1",
    );
    proxy.await.unwrap().get_property("ChannelState").await.unwrap()
}
