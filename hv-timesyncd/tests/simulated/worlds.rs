//! Whether the world is what it says: the same twice, messages in order, and a clock like the kernel's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hv_timesyncd::clock::{Clock, Imitated, Steering};
use hv_timesyncd::sample::Purpose;

use crate::world::contestants::kernel::Kernel;
use crate::world::contestants::ours::{Ours, Source};
use crate::world::{EPOCH, Guest, Plan, SECOND, Trace, race};
use crate::{SEEDS, figures, traces};

#[test]
fn same_seed_is_the_same_world_and_the_same_run() {
    let errors = |seed| {
        let trace = Trace::new(Plan::eventful(seed, 1.0));
        let run = race(&trace, &mut Ours::new(Source::Pairs, trace.steady()), 0.0);
        run.moments.iter().map(|moment| moment.error).collect::<Vec<_>>()
    };
    assert_eq!(errors(7), errors(7));
    assert_ne!(errors(7), errors(8));
}

#[test]
fn messages_come_in_order_each_start_has_its_sync_and_none_is_from_the_future() {
    for trace in SEEDS.flat_map(traces) {
        let late = |pair: &[crate::world::Message]| pair[1].kernel - pair[0].daemon;
        assert!(trace.messages.windows(2).all(|pair| late(pair) > 0.0));
        let syncs = trace.messages.iter().filter(|message| message.purpose == Purpose::Sync).count();
        assert_eq!(syncs, trace.beginnings().len());
        for message in &trace.messages {
            let host = (message.host - EPOCH) as f64;
            assert!(host < trace.truth(message.kernel) && message.kernel < message.daemon);
            assert!((message.reference as f64) * 100.0 < trace.counter(message.kernel));
        }
        // Each 5 s, but for what is lost and what is silent.
        let expected = trace.plan.length / (5.0 * SECOND);
        assert!((0.95 * expected..=expected + 5.0).contains(&(trace.messages.len() as f64)));
    }
}

#[test]
fn kernel_alone_is_right_at_a_sync_and_drifts_after_it() {
    let trace = Trace::new(Plan::with(1, 1.0, vec![]));
    let run = race(&trace, &mut Kernel { with_reference: true }, -3600e9);
    let first = run.moments.iter().find(|moment| !moment.blind).expect("there is a SYNC");
    assert!(first.error.abs() < 100e3, "{first:?}");
    assert_eq!(figures(&trace, &mut Kernel { with_reference: true }, 0.0).steps, 1);
    // At least 3 ppm, for an hour.
    assert!(run.moments.last().is_some_and(|last| last.error.abs() > 8e6));
}

/// Of the daemon's clocks there is one more imitation, which is compared with a real kernel's. This one has to agree.
#[test]
fn guests_clock_is_the_one_that_the_daemon_imitates() {
    let raw = Arc::new(AtomicI64::new(7 * SECOND as i64));
    let time = Arc::clone(&raw);
    let other = Imitated::new(move || time.load(Ordering::Relaxed), EPOCH + 250_000_000);
    let mut guest = Guest::new(7.0 * SECOND, 0.25 * SECOND);
    let steerings = [
        (Some(0), 37.25, 3_000_000, 0),
        (None, -12.0, -400_000_000, 2),
        (Some(-1_300_000_000), 480.0, 0, 0),
        (None, 0.0, 90_000, 6),
        (Some(5_000_000_000), -80.0, -2_000, 0),
    ];
    for (step, frequency, phase, time_constant) in steerings {
        let now = raw.load(Ordering::Relaxed);
        if let Some(by) = step {
            guest.step(now as f64, by as f64);
            other.step(by).unwrap();
        }
        let steering =
            Steering { frequency, phase, time_constant, synchronised: true, ..Steering::default() };
        guest.steer(now as f64, steering);
        other.steer(steering).unwrap();
        for wait in [1_000, 400_000_000, 5_000_000_000, 12_345_678, 30_000_000_000] {
            let now = raw.fetch_add(wait, Ordering::Relaxed) + wait;
            let apart = other.read().unwrap().real - EPOCH - guest.show(now as f64).round() as i64;
            assert!(apart.abs() < 50, "{steering:?}, {wait} ns later: {apart} ns");
        }
    }
}
