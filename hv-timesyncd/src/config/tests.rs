//! Each key of `[timesync]`: its default, what it means, its bounds, and what is said about a mistake; `--clock`.

use clap::{Args as _, Command, FromArgMatches as _};
use hv_utils_core::daemon::config::{Config, Sources};
use tempfile::TempDir;

use super::*;

/// The command line.
fn parsed(arguments: &[&str]) -> Result<Args, clap::Error> {
    let command = Args::augment_args(Command::new("hv-timesyncd"));
    let matches = command.try_get_matches_from([&["hv-timesyncd"], arguments].concat())?;
    Args::from_arg_matches(&matches)
}

/// What keys come to, and what is said about them, without the directory.
fn read(keys: &str) -> (Settings, Vec<String>) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("own.toml");
    std::fs::write(&file, format!("[timesync]\n{keys}\n")).unwrap();
    let mut config = Config::load(&Sources::new(Some(&file), directory.path()));
    let settings = Settings::read(&mut config.table("timesync"), &Args::default(), &ChannelChoice::Auto);
    let prefix = format!("{}/", directory.path().display());
    (settings, config.finish().iter().map(|finding| finding.to_string().replace(&prefix, "")).collect())
}

/// What a good configuration comes to.
#[track_caller]
fn good(keys: &str) -> Settings {
    let (settings, findings) = read(keys);
    assert_eq!(findings, Vec::<String>::new(), "{keys}");
    settings
}

/// A wrong configuration is said to be wrong, and comes to the defaults.
#[track_caller]
fn wrong(keys: &str, said: &str) {
    let (settings, findings) = read(keys);
    assert_eq!(findings, [format!("own.toml:2: timesync.{said}")], "{keys}");
    assert_eq!(settings, good(""), "{keys}");
}

/// A number has both bounds, and the value that it comes to at each.
#[track_caller]
fn bounded(key: &str, must: &str, (least, most): (i64, i64), value: impl Fn(&Settings) -> i64, unit: i64) {
    for number in [least, most] {
        assert_eq!(value(&good(&format!("{key} = {number}"))), number * unit, "{key} = {number}");
    }
    for number in [least - 1, most + 1] {
        wrong(&format!("{key} = {number}"), &format!("{key}: must be {must}, not {number}"));
    }
}

#[test]
fn without_a_word_everything_has_its_default() {
    let expected = Settings {
        clock: ClockChoice::Kernel,
        mode: Mode::Auto,
        rules: Rules {
            limits: Limits { floor: built() * 1_000_000_000, max_step: 3650 * 86_400 * 1_000_000_000 },
            policy: Policy {
                step_threshold: 500_000_000,
                resume_threshold: 1_000_000,
                minimum: 0,
                steps: Steps::Both,
                step_on_resume: true,
                max_slew: 5000,
            },
        },
        max_delay: Duration::from_secs(1),
        ptp_poll: Duration::from_secs(16),
        chrony_socket: PathBuf::from("/run/chrony.hv-timesyncd.sock"),
        shm_unit: None,
    };
    assert_eq!(good(""), expected);
}

#[test]
fn every_key_is_taken_for_what_it_says() {
    let settings = good(
        "mode = \"refclock\"\nstep-threshold-ms = 1200000\nresume-step-threshold-ms = 100\nminimum-us = 20\n\
         max-delay-ms = 250\nmax-slew-ppm = 500\nsteps = \"forward\"\nstep-on-resume = false\nmax-step-days = 30\n\
         not-before = \"2026-12-01\"\nptp-poll-secs = 32\nchrony-socket = \"/run/s\"\nshm-unit = 2",
    );
    let expected = Settings {
        clock: ClockChoice::Kernel,
        mode: Mode::Refclock,
        rules: Rules {
            limits: Limits { floor: 1_796_083_200_000_000_000, max_step: 2_592_000_000_000_000 },
            policy: Policy {
                step_threshold: 1_200_000_000_000,
                resume_threshold: 100_000_000,
                minimum: 20_000,
                steps: Steps::Forward,
                step_on_resume: false,
                max_slew: 500,
            },
        },
        max_delay: Duration::from_millis(250),
        ptp_poll: Duration::from_secs(32),
        chrony_socket: PathBuf::from("/run/s"),
        shm_unit: Some(2),
    };
    assert_eq!(settings, expected);
}

#[test]
fn defaults_written_down_change_nothing() {
    let written = "mode = \"auto\"\nstep-threshold-ms = 500\nresume-step-threshold-ms = 1\nminimum-us = 0\n\
                   max-delay-ms = 1000\nmax-slew-ppm = 5000\nsteps = \"both\"\nstep-on-resume = true\n\
                   max-step-days = 3650\nptp-poll-secs = 16\nchrony-socket = \"/run/chrony.hv-timesyncd.sock\"";
    assert_eq!(good(written), good(""));
}

#[test]
fn every_word_has_its_meaning() {
    for mode in [Mode::Auto, Mode::Discipline, Mode::Refclock, Mode::Observe] {
        assert_eq!(good(&format!("mode = {:?}", mode.name())).mode, mode);
    }
    for (word, steps) in [("both", Steps::Both), ("forward", Steps::Forward), ("never", Steps::Never)] {
        assert_eq!(good(&format!("steps = {word:?}")).rules.policy.steps, steps);
    }
    wrong("mode = \"on\"", "mode: must be one of: auto, discipline, refclock, observe, not \"on\"");
    wrong("steps = false", "steps: must be one of: both, forward, never, not false");
    wrong("step-on-resume = 1", "step-on-resume: must be true or false, not 1");
}

#[test]
fn numbers_have_their_bounds() {
    const MS: i64 = 1_000_000;
    const DAY: i64 = 86_400_000;
    let threshold = "a number from 1 to 86400000";
    // Of values that make no sense together another test tells.
    let step = |number: i64| read(&format!("resume-step-threshold-ms = 1\nstep-threshold-ms = {number}"));
    let resume =
        |number: i64| read(&format!("step-threshold-ms = {DAY}\nresume-step-threshold-ms = {number}"));
    for number in [1, DAY] {
        assert_eq!((step(number).0.rules.policy.step_threshold, step(number).1.len()), (number * MS, 0));
        assert_eq!(
            (resume(number).0.rules.policy.resume_threshold, resume(number).1.len()),
            (number * MS, 0)
        );
    }
    for number in [0, DAY + 1] {
        for key in ["step-threshold-ms", "resume-step-threshold-ms"] {
            wrong(&format!("{key} = {number}"), &format!("{key}: must be {threshold}, not {number}"));
        }
    }
    bounded("minimum-us", "a number from 0 to 10000000", (0, 10_000_000), |s| s.rules.policy.minimum, 1000);
    bounded("max-slew-ppm", "a number from 1 to 100000", (1, 100_000), |s| s.rules.policy.max_slew.into(), 1);
    bounded("max-step-days", "a number from 1 to 36500", (1, 36_500), |s| s.rules.limits.max_step, DAY * MS);
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap();
    bounded("max-delay-ms", "a number from 1 to 60000", (1, 60_000), |s| millis(s.max_delay), 1);
    bounded("ptp-poll-secs", "1 to 300 seconds", (1, 300), |s| millis(s.ptp_poll), 1000);
    let unit = |settings: &Settings| settings.shm_unit.unwrap().into();
    bounded("shm-unit", "a number from 0 to 255", (0, 255), unit, 1);
}

#[test]
fn socket_of_chrony_is_an_absolute_path() {
    let said = "chrony-socket: must be a path in quotes that begins with /, not \"chrony.sock\"";
    wrong("chrony-socket = \"chrony.sock\"", said);
}

/// Seconds since 1970 from `date --utc --date=DATE +%s`.
#[test]
fn date_is_the_beginning_of_that_day_in_utc() {
    for (text, seconds) in [
        ("1970-01-01", 0),
        ("1972-02-29", 68_169_600),
        ("2000-02-29", 951_782_400),
        ("2000-03-01", 951_868_800),
        ("2026-11-26", RELEASED),
        ("2100-03-01", 4_107_542_400),
        ("2200-12-31", 7_289_568_000),
    ] {
        assert_eq!(date(text), Some(seconds), "{text}");
        let floor = read(&format!("not-before = {text:?}")).0.rules.limits.floor;
        assert_eq!(floor, seconds * 1_000_000_000, "{text}");
    }
}

#[test]
fn date_that_is_none_is_a_mistake() {
    for text in [
        "",
        "2026",
        "2026-11",
        "2026-11-26-1",
        "2026-11-26 ",
        "26-11-2026",
        "2026-1-01",
        "2026-01-1",
        "2026-00-01",
        "2026-13-01",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2026-02-29",
        "2100-02-29",
        "1969-12-31",
        "2201-01-01",
        "2026-+1-01",
        "2026/01/01",
        "２０２６-01-01",
    ] {
        assert_eq!(date(text), None, "{text}");
        let said = format!("not-before: must be a date, as \"2026-01-31\", not {text:?}");
        wrong(&format!("not-before = {text:?}"), &said);
    }
    let said = "not-before: must be a date, as \"2026-01-31\", not 20260131";
    wrong("not-before = 20260131", said);
}

/// The value stays: it may be meant, and what it does is harmless.
#[test]
fn settings_that_make_no_sense_together_are_pointed_out() {
    let (settings, findings) = read("resume-step-threshold-ms = 501");
    let said = "own.toml:2: warning: timesync.resume-step-threshold-ms: the host's order to set the clock is obeyed from \
                501 ms on, and every other difference stepped from 500 ms on; resume-step-threshold-ms should not be above \
                step-threshold-ms";
    assert_eq!(findings, [said]);
    assert_eq!(settings.rules.policy.resume_threshold, 501_000_000);
    good("step-threshold-ms = 1");
    good("step-threshold-ms = 4\nresume-step-threshold-ms = 4");

    let (settings, findings) = read("not-before = \"2200-12-31\"");
    let said = "own.toml:2: warning: timesync.not-before: is further away than max-step-days: until that day every time \
                from the host is refused";
    assert_eq!(findings, [said]);
    assert_eq!(settings.rules.limits.floor, 7_289_568_000_000_000_000);
    // Ten years, less a week, after the release: whatever this machine's clock says, it is no further away.
    good("not-before = \"2036-11-16\"");
}

/// For a machine that lives in the past on purpose.
#[test]
fn administrators_date_may_be_before_the_release() {
    assert_eq!(good("not-before = \"2001-01-01\"").rules.limits.floor, 978_307_200_000_000_000);
}

#[test]
fn time_before_this_program_was_released_is_past() {
    assert!(built() >= RELEASED, "SOURCE_DATE_EPOCH says {}", built());
}

#[test]
fn key_that_is_none_is_a_mistake() {
    let (_, findings) = read("step-threshold = 5");
    let said = "own.toml:2: timesync.step-threshold: unknown key, did you mean \"step-threshold-ms\"?";
    assert_eq!(findings, [said]);
}

#[test]
fn clock_is_the_machines_unless_another_is_asked_for_or_the_host_is_a_simulated_one() {
    let auto = parsed(&[]).unwrap().clock;
    assert_eq!(auto, ClockChoice::Auto);
    let sim = ChannelChoice::Sim("/s".into());
    for channel in [ChannelChoice::Auto, ChannelChoice::Uio, ChannelChoice::HvUtils] {
        assert_eq!(auto.on(&channel), ClockChoice::Kernel);
    }
    assert_eq!(auto.on(&sim), ClockChoice::Imitated { offset_ms: 0, drift_ppm: 0.0 });
    assert_eq!(ClockChoice::Kernel.on(&sim), ClockChoice::Kernel);
    for (text, clock) in [
        ("auto", ClockChoice::Auto),
        ("kernel", ClockChoice::Kernel),
        ("imitated", ClockChoice::Imitated { offset_ms: 0, drift_ppm: 0.0 }),
        ("imitated:-3600000", ClockChoice::Imitated { offset_ms: -3_600_000, drift_ppm: 0.0 }),
        ("imitated:250,-40.5", ClockChoice::Imitated { offset_ms: 250, drift_ppm: -40.5 }),
        ("imitated:0,1000", ClockChoice::Imitated { offset_ms: 0, drift_ppm: 1000.0 }),
    ] {
        assert_eq!(parsed(&["--clock", text]).unwrap().clock, clock, "{text}");
    }
}

/// A word that was meant to keep the machine's clock out of it must not be taken for the machine's.
#[test]
fn clock_that_is_none_is_wrong_usage() {
    for text in [
        "",
        "Kernel",
        "kernel:1",
        "imitated:",
        "imitated:,1",
        "imitated:1,",
        "imitated:1.5",
        "imitated:1,1000.1",
        "imitated:1,-1000.1",
        "imitated:1,NaN",
        "imitated:1,inf",
        "imitated:9223372036855",
        "imitated-1",
        "none",
    ] {
        let said = parsed(&["--clock", text]).unwrap_err().to_string();
        // clap says the same of an empty value in words of its own.
        assert!(text.is_empty() || said.contains("auto, kernel, imitated:OFFSET_MS"), "{text}: {said}");
    }
}
