use super::*;

fn time_options(words: &str) -> (Option<Duration>, Ticks) {
    let words = ["hv-testhost", "--sim", "/tmp"].into_iter().chain(words.split_whitespace());
    let arguments = Arguments::try_parse_from(words).unwrap();
    let options = arguments.host_options(&arguments.place().unwrap(), None).unwrap();
    (options.time_period, options.time_offset)
}

#[test]
fn samples_come_as_from_a_real_host_unless_somebody_says_otherwise() {
    assert_eq!(time_options(""), (Some(Duration::from_secs(5)), Ticks(0)));
    assert_eq!(time_options("--sample-period 1").0, Some(Duration::from_millis(1)));
    assert_eq!(time_options("--sample-period 86400000").0, Some(Duration::from_secs(86_400)));
    assert_eq!(time_options("--no-time-samples --time-offset -0.5"), (None, Ticks(-5_000_000)));
}
