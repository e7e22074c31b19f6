//! The whole daemon between a host that configures adapters and a double of hv-netapply.
//!
//! What the host is told is what hv-netapply hears, whenever either of them, or the channel, or the daemon goes away.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test, its helpers too, fails by panicking")]

mod bus;
mod host;
mod stack;

#[path = "../support/netapply.rs"]
mod double;
#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../hv-utils-core/tests/support/mod.rs"]
mod support;

use double::{applied, failed};
use host::{BINARY, TEXT, dhcp, fixed, status};
use hv_utils_core::netapply::{Addressing, Injection, Kind, Reply, Request};
use hv_utils_core::testing::namespace::inside;
use hv_utils_core::wire::Status;
use rustix::process::Signal;
use stack::Stack;

/// Plays `body` on a machine with one adapter: in a network namespace with `eth0`, which sysfs shows as that adapter's.
fn machine<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F + Send + 'static) {
    inside(test, async |links| {
        links.uplink("eth0").await;
        body().await;
    });
}

/// The double hears what the host wants.
#[track_caller]
fn wanted(caller: &double::Caller) -> Injection {
    match caller.hear() {
        Some(Request::Apply { injection, within_ms: 1..=22_000 }) => injection,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_applied_is_ok_and_then_confirmed_in_both_forms() {
    machine("what_is_applied_is_ok_and_then_confirmed_in_both_forms", async || {
        for version in [TEXT, BINARY] {
            let stack = Stack::start("").await;
            let double = stack.double();
            let mut host = stack.host(version).await;
            let asked = host.ask(&fixed()).await;
            let caller = double.caller();
            let injection = wanted(&caller);
            assert_eq!(injection.adapter, "f8b3781a-1e82-4818-a1c3-63d806ec15bb");
            assert!(
                matches!(&injection.ipv4.addressing, Addressing::Static(list) if list[0].to_string() == "192.0.2.7/24")
            );
            assert!(matches!(&injection.ipv6.addressing, Addressing::Static(list) if list.len() == 1));
            assert_eq!(host.answer_now(), None, "nothing is told before it is there");
            caller.say(&applied());
            assert_eq!(host.answer().await, (asked, Status::OK));
            assert_eq!(caller.hear(), Some(Request::Confirm));
            caller.say(&Reply::Done);
            assert_eq!(caller.hear(), None);
            assert_eq!(stack.end().0, Some(0));
        }
    });
}

#[test]
fn what_hv_netapply_says_is_what_the_host_is_told() {
    machine("what_hv_netapply_says_is_what_the_host_is_told", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        for (kind, status) in [
            (Kind::NoSuchAdapter, Status::NOT_FOUND),
            (Kind::Invalid, Status::INVALID_ARG),
            (Kind::NotSupported, Status::NOT_SUPPORTED),
            (Kind::NotApplied, Status::FAIL),
            (Kind::NotUndone, Status::FAIL),
        ] {
            let asked = host.ask(&dhcp()).await;
            let caller = double.caller();
            wanted(&caller);
            caller.say(&failed(kind));
            assert_eq!(host.answer().await, (asked, status), "{kind:?}");
            assert_eq!(caller.hear(), None);
        }
    });
}

#[test]
fn what_makes_no_sense_is_refused_and_nobody_is_called() {
    machine("what_makes_no_sense_is_refused_and_nobody_is_called", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(TEXT).await;
        let mut unnamed = dhcp();
        unnamed.adapter_id = "00:15:5D:01:02:03".to_owned();
        assert_eq!(status(&mut host, &unnamed).await, Status::NOT_FOUND);
        let mut nothing = dhcp();
        nothing.dhcp = false;
        assert_eq!(status(&mut host, &nothing).await, Status::INVALID_ARG);
        let mut broadcast = fixed();
        broadcast.addresses[0].ip = "192.0.2.255".parse().unwrap();
        assert_eq!(status(&mut host, &broadcast).await, Status::INVALID_ARG);
        let asked = host.ask_damaged(&fixed()).await;
        assert_eq!(host.answer().await, (asked, Status::INVALID_ARG));
        assert!(!double.is_called());
    });
}

/// The device of the machine's adapter, whose interface comes later.
const DEVICE: &str = "sys/bus/vmbus/devices/f8b3781a-1e82-4818-a1c3-63d806ec15bb";

#[test]
fn a_configuration_that_comes_before_the_interface_waits_for_it() {
    inside("a_configuration_that_comes_before_the_interface_waits_for_it", async |links| {
        let stack = Stack::prepare("");
        std::fs::create_dir_all(stack.path(DEVICE)).unwrap();
        let stack = stack.run().await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        let asked = host.ask(&fixed()).await;
        assert_eq!(host.answer_now(), None);
        links.uplink("eth0").await;
        let caller = double.caller();
        wanted(&caller);
        caller.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        assert_eq!(caller.hear(), Some(Request::Confirm));
    });
}

#[test]
fn a_configuration_that_is_ended_while_it_waits_for_the_interface_is_not_applied() {
    inside("a_configuration_that_is_ended_while_it_waits_for_the_interface", async |links| {
        let stack = Stack::prepare("");
        std::fs::create_dir_all(stack.path(DEVICE)).unwrap();
        let stack = stack.run().await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        host.ask(&fixed()).await;
        host.negotiate(BINARY).await;
        links.uplink("eth0").await;
        let asked = host.ask(&dhcp()).await;
        let caller = double.caller();
        assert_eq!(wanted(&caller).ipv4.addressing, Addressing::Automatic);
        caller.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
    });
}

#[test]
fn a_configuration_of_a_device_that_is_not_there_is_refused_at_once() {
    inside("a_configuration_of_a_device_that_is_not_there_is_refused_at_once", async |_| {
        let stack = Stack::start("").await;
        let mut host = stack.host(BINARY).await;
        let begin = std::time::Instant::now();
        assert_eq!(status(&mut host, &dhcp()).await, Status::NOT_FOUND);
        assert!(begin.elapsed() < std::time::Duration::from_secs(9));
    });
}

#[test]
fn what_the_administrator_forbids_is_not_supported_and_logged_once() {
    machine("what_the_administrator_forbids_is_not_supported_and_logged_once", async || {
        let stack = Stack::start("[network]\nhost-may-configure = false\n").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        for _ in 0..3 {
            assert_eq!(status(&mut host, &dhcp()).await, Status::NOT_SUPPORTED);
        }
        assert!(!double.is_called());
        drop(host);
        let (code, log) = stack.end();
        assert_eq!((code, log.matches("host-may-configure = false").count()), (Some(0), 1), "{log}");
    });
}

#[test]
fn a_socket_that_is_not_there_fails_and_is_logged_once() {
    machine("a_socket_that_is_not_there_fails_and_is_logged_once", async || {
        let stack = Stack::start("").await;
        let mut host = stack.host(BINARY).await;
        for _ in 0..3 {
            assert_eq!(status(&mut host, &dhcp()).await, Status::FAIL);
        }
        drop(host);
        let (_, log) = stack.end();
        assert_eq!(log.matches("hv-netapply.socket").count(), 1, "{log}");
    });
}

#[test]
fn a_socket_that_cannot_be_made_is_a_failure_of_its_own() {
    machine("a_socket_that_cannot_be_made_is_a_failure_of_its_own", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        stack.no_more_files();
        assert_eq!(status(&mut host, &dhcp()).await, Status::FAIL);
        assert!(!double.is_called());
        drop(host);
        let (_, log) = stack.end();
        assert!(log.contains("no socket to call hv-netapply by"), "{log}");
        assert!(!log.contains("in the middle of its work"), "{log}");
    });
}

#[test]
fn a_negotiation_in_the_middle_cancels_what_was_applied() {
    machine("a_negotiation_in_the_middle_cancels_what_was_applied", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        host.negotiate(TEXT).await;
        caller.say(&applied());
        assert_eq!(caller.hear(), Some(Request::Cancel));
        caller.say(&Reply::Done);
        assert_eq!(caller.hear(), None);
        // The next answer is the next request's.
        let asked = host.ask(&dhcp()).await;
        let caller = double.caller();
        wanted(&caller);
        caller.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        assert_eq!(caller.hear(), Some(Request::Confirm));
    });
}

#[test]
fn a_channel_that_is_closed_in_the_middle_cancels_what_was_applied() {
    machine("a_channel_that_is_closed_in_the_middle_cancels_what_was_applied", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        drop(host);
        // The daemon has seen it: it opens another.
        let mut host = stack.host(BINARY).await;
        caller.say(&applied());
        assert_eq!(caller.hear(), Some(Request::Cancel));
        assert_eq!(host.answer_now(), None);
    });
}

/// Two answers that the host does not read leave no room for a third.
async fn fill_ring(host: &mut host::Host) {
    let mut unnamed = dhcp();
    unnamed.adapter_id.clear();
    for _ in 0..2 {
        host.ask(&unnamed).await;
    }
}

#[test]
fn an_answer_that_waits_for_room_is_confirmed_when_it_is_sent() {
    machine("an_answer_that_waits_for_room_is_confirmed_when_it_is_sent", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        fill_ring(&mut host).await;
        let asked = host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        caller.say(&applied());
        assert_eq!(host.answer().await.1, Status::NOT_FOUND);
        assert_eq!(caller.hear(), Some(Request::Confirm));
        assert_eq!(host.answer().await.1, Status::NOT_FOUND);
        assert_eq!(host.answer().await, (asked, Status::OK));
    });
}

#[test]
fn an_answer_that_waits_for_room_when_the_channel_is_closed_is_cancelled() {
    machine("an_answer_that_waits_for_room_when_the_channel_is_closed_is_cancelled", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        fill_ring(&mut host).await;
        host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        caller.say(&applied());
        drop(host);
        assert_eq!(caller.hear(), Some(Request::Cancel));
    });
}

#[test]
fn a_host_that_asks_anew_has_the_first_undone_and_the_second_waits_for_it() {
    machine("a_host_that_asks_anew_has_the_first_undone_and_the_second_waits_for_it", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        host.ask(&fixed()).await;
        let first = double.caller();
        wanted(&first);
        host.negotiate(BINARY).await;
        let asked = host.ask(&dhcp()).await;
        assert_eq!(first.hear(), None, "the first is hung up on");
        let second = double.caller();
        assert_eq!(wanted(&second).ipv4.addressing, Addressing::Automatic);
        second.say(&failed(Kind::Busy));
        let second = double.caller();
        wanted(&second);
        second.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        assert_eq!(second.hear(), Some(Request::Confirm));
    });
}

#[test]
fn the_next_adapter_is_configured_while_the_first_is_still_confirmed() {
    machine("the_next_adapter_is_configured_while_the_first_is_still_confirmed", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        let asked = host.ask(&fixed()).await;
        let first = double.caller();
        wanted(&first);
        first.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        let asked = host.ask(&dhcp()).await;
        let second = double.caller();
        wanted(&second);
        assert_eq!(first.hear(), Some(Request::Confirm));
        first.say(&Reply::Done);
        second.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        assert_eq!(second.hear(), Some(Request::Confirm));
        second.say(&Reply::Done);
        assert_eq!(first.hear(), None);
        assert_eq!(second.hear(), None);
    });
}

#[test]
fn the_end_of_hv_netapply_in_the_middle_fails_and_calls_it_again() {
    machine("the_end_of_hv_netapply_in_the_middle_fails_and_calls_it_again", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        let asked = host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        drop(caller);
        assert_eq!(host.answer().await, (asked, Status::FAIL));
        let caller = double.caller();
        assert_eq!(caller.hear(), Some(Request::Resume));
        caller.say(&Reply::Done);
    });
}

#[test]
fn the_end_of_hv_netapply_over_a_confirmation_is_made_good() {
    machine("the_end_of_hv_netapply_over_a_confirmation_is_made_good", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        let asked = host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        caller.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        assert_eq!(caller.hear(), Some(Request::Confirm));
        drop(caller);
        let caller = double.caller();
        assert_eq!(caller.hear(), Some(Request::Resume));
        caller.say(&Reply::Done);
        assert_eq!(caller.hear(), None);
        assert!(!double.is_called());
    });
}

#[test]
fn a_configuration_is_logged_when_it_stays_and_a_failure_to_settle_once() {
    machine("a_configuration_is_logged_when_it_stays_and_a_failure_to_settle_once", async || {
        const CONFIGURED: &str = "the host has configured an adapter";
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        let answers = [failed(Kind::NotApplied), failed(Kind::NotApplied), Reply::Done];
        for (number, answer) in answers.into_iter().enumerate() {
            let asked = host.ask(&fixed()).await;
            let caller = double.caller();
            wanted(&caller);
            caller.say(&applied());
            assert_eq!(host.answer().await, (asked, Status::OK));
            assert_eq!(caller.hear(), Some(Request::Confirm));
            assert!(!stack.log().contains(CONFIGURED), "{number}");
            caller.say(&answer);
            assert_eq!(caller.hear(), None);
        }
        while !stack.log().contains(CONFIGURED) {
            tokio::task::yield_now().await;
        }
        let (_, log) = stack.end();
        assert_eq!(log.matches("may not stay").count(), 1, "{log}");
    });
}

#[test]
fn garbage_fails_and_hangs_up() {
    machine("garbage_fails_and_hangs_up", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(TEXT).await;
        let asked = host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        caller.say_bytes(b"\xff{");
        assert_eq!(host.answer().await, (asked, Status::FAIL));
        assert_eq!(caller.hear(), None);
    });
}

#[test]
fn sigterm_in_the_middle_hangs_up_and_tells_the_host_that_it_failed() {
    machine("sigterm_in_the_middle_hangs_up_and_tells_the_host_that_it_failed", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        let asked = host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        stack.signal(Signal::TERM);
        assert_eq!(caller.hear(), None);
        assert_eq!(host.answer().await, (asked, Status::FAIL));
        assert_eq!(stack.ended().0, Some(0));
    });
}

#[test]
fn sigterm_after_the_host_was_told_waits_for_the_confirmation() {
    machine("sigterm_after_the_host_was_told_waits_for_the_confirmation", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        let asked = host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        caller.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        stack.signal(Signal::TERM);
        assert_eq!(caller.hear(), Some(Request::Confirm));
        caller.say(&Reply::Done);
        let (code, log) = stack.ended();
        assert!(code == Some(0) && !log.contains("does not answer"), "{log}");
    });
}

#[test]
fn sigterm_while_the_answer_waits_for_room_cancels() {
    machine("sigterm_while_the_answer_waits_for_room_cancels", async || {
        let stack = Stack::start("").await;
        let double = stack.double();
        let mut host = stack.host(BINARY).await;
        fill_ring(&mut host).await;
        host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        caller.say(&applied());
        while !stack.path("log").exists() || !stack.log().contains("hv-netapply is done") {
            tokio::task::yield_now().await;
        }
        stack.signal(Signal::TERM);
        assert_eq!(caller.hear(), Some(Request::Cancel));
        caller.say(&Reply::Done);
        assert_eq!(stack.ended().0, Some(0));
    });
}

#[test]
fn what_was_cut_short_before_the_start_is_resumed() {
    machine("what_was_cut_short_before_the_start_is_resumed", async || {
        let stack = Stack::prepare("");
        let double = stack.double();
        std::fs::create_dir_all(stack.path("state/hv-netapply")).unwrap();
        std::fs::write(stack.path("state/hv-netapply/resume"), "").unwrap();
        let stack = stack.run().await;
        let caller = double.caller();
        assert_eq!(caller.hear(), Some(Request::Resume));
        // The host does not wait for it.
        let mut host = stack.host(BINARY).await;
        let asked = host.ask(&dhcp()).await;
        let second = double.caller();
        wanted(&second);
        second.say(&applied());
        assert_eq!(host.answer().await, (asked, Status::OK));
        caller.say(&Reply::Done);
    });
}
