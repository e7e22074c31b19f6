use super::*;

#[test]
fn seconds_are_read_exactly_and_written_so_that_they_can_be_read_again() {
    let cases = [
        ("0", 0),
        ("5", 50_000_000),
        ("-3600", -36_000_000_000),
        ("+0.25", 2_500_000),
        ("-0.0000001", -1),
        ("922337203685.4775807", i64::MAX),
    ];
    for (text, ticks) in cases {
        assert_eq!(text.parse(), Ok(Ticks(ticks)), "{text}");
        assert_eq!(Ticks(ticks).to_string(), text.trim_start_matches('+'));
        assert_eq!(Ticks(ticks).to_string().parse(), Ok(Ticks(ticks)), "{text}");
    }
}

#[test]
fn a_time_of_the_host_is_a_date_to_the_tick() {
    let cases = [
        (0, "1601-01-01T00:00:00.0000000Z"),
        (1, "1601-01-01T00:00:00.0000001Z"),
        (116_444_736_000_000_000, "1970-01-01T00:00:00.0000000Z"),
        // As `date -u` says for 951782399, 951868799 and 4107542399 seconds since 1970.
        (125_962_559_990_000_000, "2000-02-28T23:59:59.0000000Z"),
        (125_963_423_990_000_000, "2000-02-29T23:59:59.0000000Z"),
        (157_520_159_990_000_000, "2100-02-28T23:59:59.0000000Z"),
        (157_520_160_000_000_000, "2100-03-01T00:00:00.0000000Z"),
        (134_401_116_996_073_824, "2026-11-25T20:21:39.6073824Z"),
        // The last day of a cycle of 400 years, and the day after it.
        (126_227_807_990_000_000, "2000-12-31T23:59:59.0000000Z"),
        (126_227_808_000_000_000, "2001-01-01T00:00:00.0000000Z"),
        (u64::MAX, "60056-05-28T05:36:10.9551615Z"),
    ];
    for (ticks, date) in cases {
        assert_eq!(utc(ticks), date);
    }
}

#[test]
fn what_is_no_number_of_ticks_is_refused() {
    for text in ["", "-", "--1", "1.", ".5", "1e3", "0.00000001", "922337203685.4775808", "1 ", "0x1", "+-1"]
    {
        assert_eq!(text.parse::<Ticks>(), Err(TicksError), "{text}");
    }
}
