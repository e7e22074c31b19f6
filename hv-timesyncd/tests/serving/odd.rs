//! Times that no host should say: each has its answer and its verdict, is logged once, and moves nothing.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::timesync::{UNIX_EPOCH, parent_time};

use crate::support::host::nanos;
use crate::support::{Guest, Host, MS, SECOND, Time, run};
use rustix::time::ClockId;

const YEAR: i64 = 365 * 86_400 * SECOND;

/// A daemon that keeps its clock, which is right.
async fn right() -> (Guest, Host) {
    let (guest, mut host) = Guest::start("0", "").await;
    guest.becomes("Ruler", "hv-timesyncd").await;
    assert_eq!(host.say(Time::sync(0)).await, Status::OK);
    (guest, host)
}

#[test]
fn times_that_cannot_be_are_refused_and_move_nothing() {
    run(async {
        let (guest, mut host) = right().await;
        let now = nanos(ClockId::Realtime);
        for (parent, verdict) in [
            (0, "before-floor"),
            (UNIX_EPOCH - 1, "before-floor"),
            (UNIX_EPOCH, "before-floor"),
            (parent_time(now - 10 * YEAR), "before-floor"),
            (parent_time(now + 11 * YEAR), "too-far"),
            (parent_time(i64::MAX - SECOND), "impossible"),
            (parent_time(i64::MAX) + 1_000_000, "impossible"),
            (u64::MAX, "impossible"),
        ] {
            assert_eq!(host.say(Time::sync(0).at(parent)).await, Status::FAIL, "{parent}");
            let (_, offset, .., said) = guest.samples().await.pop().unwrap();
            assert_eq!(said, verdict, "{parent}");
            // How far away it is, also where no such number can say it.
            assert!(offset.unsigned_abs() > 9 * YEAR.unsigned_abs(), "{parent}: {offset}");
            let (_, what, ns, why) = guest.action().await;
            assert!(what == "none" && ns == 0 && why.starts_with("not used: the host's time "), "{why}");
            // A sample is no order; nothing was promised.
            assert_eq!(host.say(Time::sample(0).at(parent)).await, Status::OK, "{parent}");
            assert_eq!(guest.verdict().await, verdict, "{parent}");
        }
        assert_eq!(host.say(Time::sample(0)).await, Status::OK);
        assert!(guest.property::<i64>("Offset").await.abs() < 50 * MS);
        assert!(guest.log().contains(" s from this clock"), "{}", guest.log());
        for said in ["before-floor: ", "too-far: ", "impossible: "] {
            assert_eq!(guest.log().matches(said).count(), 1, "{said} {}", guest.log());
        }
    });
}

#[test]
fn largest_step_and_floor_are_the_administrators() {
    run(async {
        let (guest, mut host) = Guest::start("0", "max-step-days = 1\nnot-before = \"2001-01-01\"").await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        assert_eq!(host.say(Time::sync(0)).await, Status::OK);
        assert_eq!(host.say(Time::sync(2 * 86_400 * SECOND)).await, Status::FAIL);
        assert_eq!(guest.verdict().await, "too-far");
        assert_eq!(host.say(Time::sync(-20 * 3600 * SECOND)).await, Status::OK);
        assert_eq!(guest.action().await.1, "step");
    });
}

#[test]
fn counter_of_another_boot_is_seen_by_the_pairs() {
    run(async {
        let (guest, mut host) = right().await;
        guest.measure(0);
        guest.counts(&mut host).await;
        // Later than now.
        let later = u64::try_from(nanos(ClockId::MonotonicRaw) / 100).unwrap() + 10_000_000_000;
        assert_eq!(host.say(Time::sample(5 * SECOND).counted(later)).await, Status::OK);
        assert_eq!(guest.verdict().await, "other-boot");
        // Long ago.
        assert_eq!(host.say(Time::sample(5 * SECOND).counted(1)).await, Status::OK);
        assert_eq!(guest.verdict().await, "late");
        assert!(guest.property::<i64>("Offset").await.abs() < 50 * MS);
        // An order is carried out all the same.
        assert_eq!(host.say(Time::sync(3600 * SECOND).counted(later)).await, Status::OK);
        assert_eq!(guest.action().await.1, "step");
    });
}

#[test]
fn repeated_time_is_used_once() {
    run(async {
        let (guest, mut host) = right().await;
        let time = Time::sample(0);
        assert_eq!(host.say(time).await, Status::OK);
        assert_eq!(guest.verdict().await, "used");
        for _ in 0..3 {
            assert_eq!(host.say(time).await, Status::OK);
            assert_eq!(guest.verdict().await, "repeated");
        }
    });
}

#[test]
fn hosts_time_that_jumps_is_followed_when_it_is_said_twice() {
    run(async {
        let (guest, mut host) = right().await;
        for _ in 0..3 {
            host.say(Time::sample(0)).await;
        }
        assert_eq!(host.say(Time::sample(-90 * SECOND)).await, Status::OK);
        assert_eq!(guest.verdict().await, "outlier");
        assert_ne!(guest.action().await.1, "step");
        assert_eq!(host.say(Time::sample(-90 * SECOND)).await, Status::OK);
        let (_, what, ns, why) = guest.action().await;
        assert_eq!((what.as_str(), why.as_str()), ("step", "too far away to be slewed"));
        assert!((ns + 90 * SECOND).abs() < 100 * MS, "{ns}");
    });
}

#[test]
fn messages_that_are_none_and_probes_are_answered_and_do_nothing() {
    run(async {
        let (guest, mut host) = right().await;
        let before = guest.samples().await.len();
        for bytes in [0, 1, 18] {
            assert_eq!(host.say_bytes(&vec![1; bytes]).await, Status::FAIL, "{bytes} bytes");
        }
        let mut probe = Time::sync(3600 * SECOND);
        probe.0.flags = 0;
        assert_eq!(host.say(probe).await, Status::OK);
        probe.0.flags = 0xfc;
        assert_eq!(host.say(probe).await, Status::OK);
        assert_eq!(guest.samples().await.len(), before);
        // Both flags: an order.
        probe.0.flags = 0xff;
        assert_eq!(host.say(probe).await, Status::OK);
        assert_eq!(guest.action().await.1, "step");
    });
}

#[test]
fn leap_indicators_of_any_kind_are_taken() {
    run(async {
        let (guest, mut host) = right().await;
        for leap in [0, 1, 2, 3, 4, 255] {
            assert_eq!(host.say(Time::sample(0).leaping(leap)).await, Status::OK, "{leap}");
            assert_eq!(guest.verdict().await, "used", "{leap}");
        }
        assert!(guest.property::<i64>("Offset").await.abs() < 50 * MS);
    });
}
