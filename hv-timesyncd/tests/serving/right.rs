//! Clocks that are wrong and become right, and how well that is known.

use hv_utils_core::wire::{Status, Version};

use crate::support::guest::read;
use crate::support::host::nanos;
use crate::support::{Guest, MS, SECOND, Time, run, until};
use rustix::time::ClockId;

/// What the daemon may be off by here, where it has pairs: looks at two clocks that are interrupted in between.
const NEAR: i64 = 5 * MS;

#[test]
fn guest_an_hour_behind_or_ahead_is_right_at_the_first_word() {
    run(async {
        for wrong in [-3600 * SECOND, 3600 * SECOND] {
            let (guest, mut host) = Guest::start(&(wrong / MS).to_string(), "").await;
            guest.becomes("Ruler", "hv-timesyncd").await;
            assert_eq!(host.say(Time::sync(0)).await, Status::OK);
            let (_, what, ns, why) = guest.action().await;
            assert_eq!((what.as_str(), why.as_str()), ("step", "the host said that the clock is to be set"));
            assert!((ns + wrong).abs() < NEAR, "{ns}");
            assert!(guest.property::<i64>("Offset").await.abs() < NEAR);
            // The moment is said on the clock as it is now, so it was a moment ago.
            let ago = nanos(ClockId::Realtime) / 1000
                - i64::try_from(guest.samples().await.pop().unwrap().0).unwrap();
            assert!(ago.abs() < 60_000_000, "{ago} us");
            // And stays so: what follows is no step.
            for _ in 0..3 {
                assert_eq!(host.say(Time::sample(0)).await, Status::OK);
                assert_ne!(guest.action().await.1, "step");
            }
            guest.logs("clock stepped by ");
        }
    });
}

#[test]
fn clock_that_becomes_wrong_by_a_resume_is_right_at_the_hosts_word() {
    run(async {
        let (guest, mut host) = Guest::start("0", "not-before = \"2020-01-01\"").await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        host.say(Time::sync(0)).await;
        for day in [1, -1, 30] {
            assert_eq!(host.say(Time::sync(day * 86_400 * SECOND)).await, Status::OK);
            let (_, what, ns, _) = guest.action().await;
            assert_eq!(what, "step");
            // From the day before to this one.
            assert!(ns.abs() > 86_000 * SECOND, "{ns}");
            assert!(guest.property::<i64>("Offset").await.abs() < NEAR);
        }
    });
}

#[test]
fn time_on_the_way_is_known_from_the_helpers_pairs() {
    run(async {
        let mut guest = Guest::prepare("").await;
        let mut host = guest.run(Version::new(4, 0)).await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        host.say(Time::sync(0)).await;
        assert_eq!(guest.property::<String>("Source").await, "arrival");
        until("pairs are asked for", || guest.path("run/hv-timesyncd/ask").exists());
        guest.measure(0);
        guest.counts(&mut host).await;
        let begin = nanos(ClockId::MonotonicRaw);
        host.say(Time::delayed(0, 300 * MS)).await;
        // To what it was late is added what it really took, which depends on how busy this machine is.
        let took = nanos(ClockId::MonotonicRaw) - begin;
        let (_, offset, delay, error, ..) = guest.samples().await.pop().unwrap();
        assert!((300 * MS..300 * MS + took + NEAR).contains(&delay), "{delay} {took}");
        assert!(offset.abs() < NEAR && error < MS, "{offset} {error}");
        // Two seconds are more than is believed.
        assert_eq!(host.say(Time::delayed(0, 2 * SECOND)).await, Status::OK);
        assert_eq!(guest.verdict().await, "late");
    });
}

#[test]
fn without_pairs_the_fastest_message_tells_how_slow_another_is() {
    run(async {
        let mut guest = Guest::prepare("").await;
        guest.clocksource("hyperv_clocksource_tsc_page");
        let mut host = guest.run(Version::new(4, 0)).await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        host.say(Time::sync(0)).await;
        for _ in 0..8 {
            host.say(Time::sample(0)).await;
        }
        assert_eq!(guest.property::<String>("Source").await, "least-delay");
        host.say(Time::delayed(0, 600 * MS)).await;
        let (_, offset, delay, ..) = guest.samples().await.pop().unwrap();
        // All that it cannot know is what the fastest took, which depends on how busy this machine is.
        assert!(delay > 300 * MS, "{delay}");
        assert!(offset.abs() < 300 * MS, "{offset}");
    });
}

#[test]
fn older_hosts_are_followed_too() {
    run(async {
        for version in [Version::new(3, 0), Version::new(1, 0)] {
            let mut guest = Guest::prepare("").await;
            let mut host = guest.run(version).await;
            guest.becomes("Ruler", "hv-timesyncd").await;
            assert_eq!(host.say(Time::sync(-7200 * SECOND)).await, Status::OK, "{version}");
            let (_, what, ns, _) = guest.action().await;
            assert_eq!(what, "step");
            assert!((ns + 7200 * SECOND).abs() < 5 * SECOND, "{ns}");
        }
    });
}

#[test]
fn frequency_is_kept_when_it_is_known_and_known_to_the_next_start() {
    run(async {
        let mut guest = Guest::prepare("").await;
        let kept = guest.path("state/hv-timesyncd/frequency");
        guest.clocksource("hyperv_clocksource_tsc_page");
        // How long it takes to know it depends on how busy this machine is.
        for time in [4, 8, 16, 32] {
            let mut host = guest.run(Version::new(4, 0)).await;
            guest.becomes("Ruler", "hv-timesyncd").await;
            host.say(Time::sync(0)).await;
            // As the helper does after each SYNC.
            guest.measure(0);
            let begin = nanos(ClockId::Monotonic);
            while nanos(ClockId::Monotonic) - begin < time * SECOND {
                // One pair for all of it would leave the frequency as unknown as the counter's rate is.
                guest.measure(0);
                host.say(Time::sample(0)).await;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            drop(host);
            assert_eq!(guest.end(), Some(0));
            if kept.exists() {
                break;
            }
        }
        assert!(read(&kept).starts_with("frequency-ppm "), "{}", read(&kept));
        std::fs::write(&kept, "frequency-ppm -120.5000\nclocksource hyperv_clocksource_tsc_page\n").unwrap();
        let mut host = guest.run(Version::new(4, 0)).await;
        host.say(Time::sync(0)).await;
        assert_eq!(guest.property::<f64>("Frequency").await, -120.5);
        // Too little was seen to know better.
        drop(host);
        assert_eq!(guest.end(), Some(0));
        assert!(read(&kept).contains("-120.5000"));
        // Another clock has another frequency.
        guest.clocksource("tsc");
        let mut host = guest.run(Version::new(4, 0)).await;
        host.say(Time::sync(0)).await;
        assert_eq!(guest.property::<f64>("Frequency").await, 0.0);
    });
}
