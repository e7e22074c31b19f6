//! The segment word by word, and a reader of our own in the daemon's place, which follows the rules of the protocol.

use std::sync::atomic::{AtomicI32, Ordering};

use super::*;
use crate::sample::Leap;

const SAMPLE: Feed =
    Feed { real: 1_700_000_000_123_456_789, offset: 2_000_000_500, error: 1000, leap: Leap::Insert };

/// The segment of a daemon's, gone when the test ends.
struct Daemon(SysvShm);

impl Daemon {
    fn with(key: i32) -> Daemon {
        Daemon(SysvShm::attach(key, BYTES, 0o600).unwrap())
    }

    /// Takes a sample as the protocol wants it: host and guest in ns.
    fn read(&self) -> Option<(i64, i64)> {
        let count = self.0.load_i32(place::COUNT);
        if self.0.load_i32(place::VALID) == 0 {
            return None;
        }
        let time = |seconds, nanos| self.0.load_i64(seconds) * SECOND + i64::from(self.0.load_i32(nanos));
        let sample = (
            time(place::CLOCK_SECONDS, place::CLOCK_NANOS),
            time(place::RECEIVED_SECONDS, place::RECEIVED_NANOS),
        );
        if self.0.load_i32(place::MODE) != 1 || count != self.0.load_i32(place::COUNT) {
            return None;
        }
        self.0.store_i32(place::VALID, 0);
        Some(sample)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.remove().unwrap();
    }
}

/// A key that no daemon has, nor another test, in this process or in another one.
fn key() -> i32 {
    static NEXT: AtomicI32 = AtomicI32::new(0);
    0x6874_0000_i32.wrapping_add(std::process::id().cast_signed() * 16 + NEXT.fetch_add(1, Ordering::SeqCst))
}

fn clock(key: i32) -> SharedClock {
    SharedClock { key, ..SharedClock::new(2) }
}

fn later(seconds: i64) -> Feed {
    Feed { real: SAMPLE.real + seconds * SECOND, ..SAMPLE }
}

#[test]
fn segment_has_the_words_of_driver_28() {
    let key = key();
    let daemon = Daemon::with(key);
    clock(key).feed(&SAMPLE).unwrap();
    let word = |offset| daemon.0.load_i32(offset);
    assert_eq!(word(0), 1, "mode");
    assert_eq!(word(4), 2, "count");
    assert_eq!(daemon.0.load_i64(8), 1_700_000_002, "seconds of the host's time");
    assert_eq!(word(16), 123_457, "microseconds of the host's time");
    assert_eq!(daemon.0.load_i64(24), 1_700_000_000, "seconds of the guest's clock");
    assert_eq!(word(32), 123_456, "microseconds of the guest's clock");
    assert_eq!(word(36), 1, "leap");
    assert_eq!(word(40), -20, "precision");
    assert_eq!(word(44), 0, "samples");
    assert_eq!(word(48), 1, "valid");
    assert_eq!(word(52), 123_457_289, "nanoseconds of the host's time");
    assert_eq!(word(56), 123_456_789, "nanoseconds of the guest's clock");
    for offset in [20, 60, 64, 68, 72, 76, 80, 84, 88, 92] {
        assert_eq!(word(offset), 0, "unused, at {offset}");
    }
}

#[test]
fn reader_gets_each_sample_once_and_only_the_last() {
    let key = key();
    let daemon = Daemon::with(key);
    let mut clock = clock(key);
    clock.feed(&SAMPLE).unwrap();
    assert_eq!(daemon.read(), Some((SAMPLE.real + SAMPLE.offset, SAMPLE.real)));
    assert_eq!(daemon.read(), None);
    clock.feed(&later(5)).unwrap();
    clock.feed(&later(10)).unwrap();
    assert_eq!(daemon.read().unwrap().1, later(10).real);
    assert_eq!(daemon.0.load_i32(place::COUNT), 6);
}

#[test]
fn writer_that_died_in_the_middle_does_not_keep_count_odd() {
    let key = key();
    let daemon = Daemon::with(key);
    daemon.0.store_i32(place::COUNT, 7);
    clock(key).feed(&SAMPLE).unwrap();
    assert_eq!(daemon.0.load_i32(place::COUNT), 8);
    assert!(daemon.read().is_some());
}

#[test]
fn count_goes_on_at_its_end() {
    let key = key();
    let daemon = Daemon::with(key);
    daemon.0.store_i32(place::COUNT, i32::MAX - 1);
    clock(key).feed(&SAMPLE).unwrap();
    assert_eq!(daemon.0.load_i32(place::COUNT), i32::MIN);
}

#[test]
fn segment_is_not_made_here_and_found_when_a_daemon_makes_it() {
    let key = key();
    let mut clock = clock(key);
    for _ in 0..2 {
        let error = clock.feed(&SAMPLE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("no NTP daemon with this refclock has run"), "{error}");
    }
    let daemon = Daemon::with(key);
    clock.feed(&SAMPLE).unwrap();
    assert!(daemon.read().is_some());
}

#[test]
fn segment_that_was_removed_and_made_again_gets_the_next_sample() {
    let key = key();
    let mut clock = clock(key);
    let first = Daemon::with(key);
    clock.feed(&SAMPLE).unwrap();
    drop(first);
    let second = Daemon::with(key);
    clock.feed(&SAMPLE).unwrap();
    assert!(second.read().is_some());
}

#[test]
fn minute_in_which_nobody_reads_is_an_error_and_the_sample_is_there() {
    let key = key();
    let daemon = Daemon::with(key);
    let mut clock = clock(key);
    for seconds in (0..=60).step_by(5) {
        clock.feed(&later(seconds)).unwrap();
    }
    let error = clock.feed(&later(65)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(error.to_string().starts_with("nobody has read shared memory of unit"), "{error}");
    assert_eq!(daemon.read().unwrap().1, later(65).real);
    clock.feed(&later(70)).unwrap();
}

#[test]
fn what_another_writer_left_unread_is_not_our_minute() {
    let key = key();
    let daemon = Daemon::with(key);
    let mut clock = clock(key);
    clock.feed(&SAMPLE).unwrap();
    daemon.0.store_i32(place::COUNT, 100);
    clock.feed(&later(120)).unwrap();
}

#[test]
fn segment_that_is_too_short_is_refused() {
    let key = key();
    let short = Daemon(SysvShm::attach(key, 80, 0o600).unwrap());
    let error = clock(key).feed(&SAMPLE).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("unit 2 "), "{error}");
    assert_eq!(short.0.load_i32(place::VALID), 0);
}

#[test]
fn segment_is_trusted_only_if_owner_and_creator_are_root_or_this_user() {
    let owner = |uid, creator| SegmentOwner { uid, creator, mode: 0o666, bytes: BYTES };
    for (uid, creator, trusted) in [
        (0, 0, true),
        (900, 900, true),
        (0, 900, true),
        (900, 0, true),
        (1000, 0, false),
        (0, 1000, false),
        (1000, 1000, false),
    ] {
        assert_eq!(is_trusted(owner(uid, creator), 900), trusted, "{uid} {creator}");
    }
}

#[test]
fn key_is_ntps_with_the_units_digit() {
    assert_eq!(SharedClock::new(2).key.to_be_bytes(), *b"NTP2");
    assert_eq!(SharedClock::new(255).key, 0x4e54_512f);
}

#[test]
fn precision_is_a_power_of_two_near_the_error() {
    for (error, wanted) in
        [(-5, -29), (0, -29), (1, -29), (1000, -20), (1_000_000, -10), (SECOND, 0), (i64::MAX, 0)]
    {
        assert_eq!(precision(error), wanted, "{error}");
    }
}

#[test]
fn times_before_1970_have_nanoseconds_that_are_not_negative() {
    let key = key();
    let daemon = Daemon::with(key);
    clock(key).feed(&Feed { real: -1, offset: 0, ..SAMPLE }).unwrap();
    assert_eq!(daemon.0.load_i64(place::RECEIVED_SECONDS), -1);
    assert_eq!(daemon.0.load_i32(place::RECEIVED_NANOS), 999_999_999);
}
