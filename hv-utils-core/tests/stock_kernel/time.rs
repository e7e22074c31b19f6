//! Time synchronization: the host's times as the kernel took them and sent them back.

use super::capture::Exchange;
use super::{FIXTURES, V4, assert_same, negotiated};
use hv_utils_core::wire::timesync::{self, SAMPLE, SYNC, TimeMessage};
use hv_utils_core::wire::{HEADER_BYTES, Ic, Message, Status};

/// What the host said, read from its request and from the kernel's answer.
fn said(name: &str) -> Vec<TimeMessage> {
    let (.., exchanges) = negotiated(name, Ic::TimeSync, V4);
    let read = |Exchange { ask, answer, .. }: Exchange| {
        let asked = &ask.1[HEADER_BYTES..];
        let message = timesync::parse(asked, V4).unwrap();
        assert_same(name, &timesync::encode(&message, V4), asked);
        let answer = Message::parse(&answer.1).unwrap();
        assert_eq!(answer.header.status, Status::OK, "{name}");
        assert_eq!(timesync::parse(answer.body, V4), Ok(message), "{name}");
        message
    };
    exchanges.into_iter().map(read).collect()
}

/// The SYNC was sent an hour behind the host's clock, the SAMPLE half an hour ahead of it.
const APART: u64 = 5400 * 10_000_000;

#[test]
fn the_times_that_a_stock_kernel_took_are_read() {
    for (name, ..) in FIXTURES.into_iter().filter(|(_, ic, _)| *ic == Ic::TimeSync) {
        let [sync, sample] = said(name)[..] else { panic!("{name}: a SYNC and a SAMPLE") };
        assert_eq!((sync.flags, sync.leap, sync.stratum), (SYNC, 0, 0), "{name}");
        assert_eq!((sample.flags, sample.leap, sample.stratum), (SAMPLE, 0, 0), "{name}");
        let (first, second) = (sync.reference.unwrap(), sample.reference.unwrap());
        // Both clocks tell how long it was from one to the other; a millisecond is far more than they are apart.
        let (real, counter) = (sample.parent_time - sync.parent_time - APART, second - first);
        assert!(real.abs_diff(counter) < 10_000, "{name}: {real} and {counter} ticks");
        // Whoever takes the two for each other's layout, or counts from another year, is not near this one.
        let year_2020 = 1_577_836_800_000_000_000;
        assert!(timesync::unix_nanos(sync.parent_time).is_some_and(|time| time > year_2020), "{name}");
    }
}
