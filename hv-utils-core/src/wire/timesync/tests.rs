use super::*;
use alloc::vec;
use proptest::prelude::*;

const V1: Version = Version::new(1, 0);
const V3: Version = Version::new(3, 0);
const V4: Version = Version::new(4, 0);

/// SYNC of 4.0 as in the protocol's description: parent time 0x01dc5b2a00000000, reference 0x1234567.
const NEWER: [u8; 24] = [
    0, 0, 0, 0, 0x2a, 0x5b, 0xdc, 0x01, 0x67, 0x45, 0x23, 0x01, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, //
];

/// The same before 4.0, as a SAMPLE, with a guest's time and a round trip that nobody reads.
const OLDER: [u8; 28] = [
    0, 0, 0, 0, 0x2a, 0x5b, 0xdc, 0x01, 9, 9, 9, 9, 9, 9, 9, 9, 8, 8, 8, 8, 8, 8, 8, 8, 2, 0, 0, 0, //
];

#[test]
fn a_time_of_4_0_has_the_reference_counter() {
    let mut body = NEWER;
    let expected = TimeMessage {
        parent_time: 0x01dc_5b2a_0000_0000,
        reference: Some(0x123_4567),
        flags: SYNC,
        leap: 0,
        stratum: 0,
    };
    assert_eq!(parse(&body, V4), Ok(expected));
    assert_eq!(encode(&expected, V4), NEWER);
    body[16..].copy_from_slice(&[2, 1, 15, 7, 7, 7, 7, 7]);
    let odd = TimeMessage { flags: SAMPLE, leap: 1, stratum: 15, ..expected };
    assert_eq!(parse(&body, V4), Ok(odd));
    assert_eq!(encode(&odd, V4)[16..], [2, 1, 15, 0, 0, 0, 0, 0], "what is reserved is sent as zeros");
}

#[test]
fn an_older_time_has_its_flags_at_the_end() {
    let expected =
        TimeMessage { parent_time: 0x01dc_5b2a_0000_0000, flags: SAMPLE, ..TimeMessage::default() };
    for version in [V1, V3] {
        assert_eq!(parse(&OLDER, version), Ok(expected), "{version}");
        let mut ours = OLDER;
        ours[8..24].fill(0);
        assert_eq!(encode(&expected, version), ours, "{version}");
        let too_much = TimeMessage { reference: Some(7), leap: 3, stratum: 2, ..expected };
        assert_eq!(encode(&too_much, version), ours, "{version} has no place for the rest");
    }
    // By the other layout the guest's own time would be a reference, and a byte of it the flags.
    assert_ne!(parse(&OLDER, V4), Ok(expected));
}

#[test]
fn a_message_is_read_as_soon_as_its_last_field_is_there() {
    for (version, whole, needed) in [(V4, &NEWER[..], 19), (V3, &OLDER, 25), (V1, &OLDER, 25)] {
        for actual in 0..needed {
            let problem = parse(&whole[..actual], version).unwrap_err();
            assert_eq!(problem, Problem::TooShort { version, needed, actual });
            assert_eq!(problem.status().0, 0x8000_4005);
        }
        for bytes in needed..=whole.len() {
            assert_eq!(parse(&whole[..bytes], version), parse(whole, version), "{version}, {bytes}");
        }
        // Linux rounds up to whole words, and no length is too long.
        let mut longer = whole.to_vec();
        longer.resize(13_292, 0xff);
        assert_eq!(parse(&longer, version), parse(whole, version), "{version}");
    }
}

#[test]
fn neither_flag_is_a_probe_whatever_else_is_set() {
    for flags in 0..=u8::MAX {
        let message = TimeMessage { flags, ..TimeMessage::default() };
        assert_eq!(message.is_probe(), flags % 4 == 0, "{flags:#x}");
    }
}

/// Ticks, nanoseconds; both counted by hand.
const TIMES: [(u64, i64); 6] = [
    (116_444_736_000_000_000, 0),
    (116_444_736_000_000_001, 100),
    (116_444_735_999_999_999, -100),
    // 2020-01-01, 1969-01-01.
    (132_223_104_000_000_000, 1_577_836_800_000_000_000),
    (116_129_376_000_000_000, -31_536_000_000_000_000),
    // 2262-04-11 23:47:16.8547758, the last that fits.
    (208_678_456_368_547_758, 9_223_372_036_854_775_800),
];

#[test]
fn the_hosts_time_begins_in_1601_and_ours_in_1970() {
    for (ticks, nanoseconds) in TIMES {
        assert_eq!(unix_nanos(ticks), Some(nanoseconds), "{ticks}");
        assert_eq!(parent_time(nanoseconds), ticks, "{nanoseconds}");
    }
}

#[test]
fn a_time_that_nanoseconds_cannot_say_is_none() {
    let last = 208_678_456_368_547_758;
    // 1677-09-21 00:12:43.1452242, the first that fits.
    let first = 24_211_015_631_452_242;
    assert_eq!(unix_nanos(first), Some(-9_223_372_036_854_775_800));
    for ticks in [0, first - 1, last + 1, i64::MAX as u64, 1 << 63, u64::MAX] {
        assert_eq!(unix_nanos(ticks), None, "{ticks}");
    }
}

#[test]
fn nanoseconds_between_two_ticks_are_the_earlier_one() {
    for (nanoseconds, ticks) in [(99, 0), (100, 1), (199, 1), (-1, -1), (-100, -1), (-101, -2)] {
        assert_eq!(parent_time(nanoseconds), UNIX_EPOCH.checked_add_signed(ticks).unwrap(), "{nanoseconds}");
    }
    assert_eq!(parent_time(i64::MAX), 208_678_456_368_547_758);
    // One tick before the first that comes back: it has no number of its own.
    assert_eq!(parent_time(i64::MIN), 24_211_015_631_452_241);
}

proptest! {
    #[test]
    fn any_bytes_are_a_time_or_too_short(
        body in proptest::collection::vec(any::<u8>(), 0..40),
        version in prop::sample::select(vec![V1, V3, V4, Version::new(0, 0), Version::new(5, 0)]),
    ) {
        let needed = if version < V4 { 25 } else { 19 };
        match parse(&body, version) {
            Ok(message) => {
                prop_assert!(body.len() >= needed);
                prop_assert_eq!(parse(&encode(&message, version), version), Ok(message));
            }
            Err(problem) => {
                prop_assert_eq!(problem, Problem::TooShort { version, needed, actual: body.len() });
            }
        }
    }

    #[test]
    fn a_time_comes_back_from_nanoseconds_as_it_was(ticks in any::<u64>()) {
        if let Some(nanoseconds) = unix_nanos(ticks) {
            prop_assert_eq!(parent_time(nanoseconds), ticks);
        }
    }

    #[test]
    fn nanoseconds_come_back_to_the_tick(nanoseconds in (i64::MIN + 100)..=i64::MAX) {
        let back = unix_nanos(parent_time(nanoseconds)).unwrap();
        prop_assert!((0..100).contains(&(nanoseconds - back)), "{} {}", nanoseconds, back);
    }
}
