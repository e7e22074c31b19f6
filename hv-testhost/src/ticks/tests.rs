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
fn what_is_no_number_of_ticks_is_refused() {
    for text in ["", "-", "--1", "1.", ".5", "1e3", "0.00000001", "922337203685.4775808", "1 ", "0x1", "+-1"]
    {
        assert_eq!(text.parse::<Ticks>(), Err(TicksError), "{text}");
    }
}
