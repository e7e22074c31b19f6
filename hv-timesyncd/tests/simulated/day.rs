//! A day with all that can happen in it.

use crate::figures;
use crate::world::{Plan, Trace, contestants};

#[test]
fn over_a_day_ours_is_nearer_than_the_others_with_the_same_messages() {
    nearer(&Trace::new(Plan::eventful(1, 24.0)));
}

#[test]
fn over_a_day_without_incidents_as_well() {
    nearer(&Trace::new(Plan::quiet(1, 24.0)));
}

fn nearer(trace: &Trace) {
    for all in [contestants::with_reference(trace), contestants::without_reference(trace)] {
        let all: Vec<_> =
            all.into_iter().map(|mut each| (each.name(), figures(trace, each.as_mut(), 5e6))).collect();
        let ([(_, kernel), (_, chrony)], ours) = all.split_first_chunk().expect("there are four");
        for (name, ours) in ours {
            assert!(ours.p99 <= chrony.p99 && ours.p99 <= kernel.p99 / 10.0, "{name}: {ours:?} {chrony:?}");
            // What the start was off by is the most; but for the host's own steps.
            assert!(ours.max_else < 6e6, "{name}: {ours:?}");
            assert_eq!(ours.needless, 0, "{name}");
        }
    }
}
