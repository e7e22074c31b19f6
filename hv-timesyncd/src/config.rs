//! `[timesync]` and the arguments of this daemon: from what was written to what is meant.
//!
//! Reading and merging files, and reporting everything that is wrong in them, is the core's, and so is
//! `max-message-version`. What is wrong here has its default; the shell does not start with it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hv_utils_core::channel::ChannelChoice;
use hv_utils_core::daemon::config::Table;

use crate::engine::admission::Limits;
use crate::engine::policy::Policy;
use crate::engine::{Rules, Steps};
use crate::ruler::Mode;

/// Arguments beyond those that every daemon has.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// The clock to keep: kernel; imitated:OFFSET_MS or imitated:OFFSET_MS,DRIFT_PPM, which is this process's alone, begins
    /// that wrong and drifts so; auto: kernel, but imitated:0 on the simulated link
    #[arg(long, value_name = "CLOCK", default_value = "auto")]
    pub clock: ClockChoice,
}

/// Which clock is kept.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ClockChoice {
    /// The machine's, but one of this process alone where the host is simulated: a test host must not set a machine's clock
    /// because somebody forgot an option.
    #[default]
    Auto,
    /// The machine's.
    Kernel,
    /// One of this process alone, for demonstrations and tests.
    Imitated {
        /// How far it is ahead of the machine's at the start, ms.
        offset_ms: i64,
        /// How much faster it runs than the machine's, ppm.
        drift_ppm: f64,
    },
}

impl FromStr for ClockChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text}: auto, kernel, imitated:OFFSET_MS or imitated:OFFSET_MS,DRIFT_PPM, with a drift from -1000 to 1000"
            )
        };
        if text == "auto" {
            return Ok(ClockChoice::Auto);
        }
        if text == "kernel" {
            return Ok(ClockChoice::Kernel);
        }
        let rest = text.strip_prefix("imitated").ok_or_else(wrong)?;
        if rest.is_empty() {
            return Ok(ClockChoice::Imitated { offset_ms: 0, drift_ppm: 0.0 });
        }
        let rest = rest.strip_prefix(':').ok_or_else(wrong)?;
        let (offset, drift) = rest.split_once(',').unwrap_or((rest, "0"));
        let offset_ms: i64 = offset.parse().map_err(|_| wrong())?;
        let drift_ppm: f64 = drift.parse().map_err(|_| wrong())?;
        if offset_ms.checked_mul(1_000_000).is_none() || !(-1000.0..=1000.0).contains(&drift_ppm) {
            return Err(wrong());
        }
        Ok(ClockChoice::Imitated { offset_ms, drift_ppm })
    }
}

impl ClockChoice {
    /// What it comes to on this channel; never [`ClockChoice::Auto`].
    #[must_use]
    pub const fn on(self, channel: &ChannelChoice) -> ClockChoice {
        match (self, channel) {
            (ClockChoice::Auto, ChannelChoice::Sim(_)) => {
                ClockChoice::Imitated { offset_ms: 0, drift_ppm: 0.0 }
            }
            (ClockChoice::Auto, _) => ClockChoice::Kernel,
            (other, _) => other,
        }
    }
}

/// Everything that can be decided about this daemon, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which clock is kept (`--clock`); never [`ClockChoice::Auto`].
    pub clock: ClockChoice,
    /// What this daemon is for (`mode`).
    pub mode: Mode,
    /// Which times are believed, and what is done about a difference.
    pub rules: Rules,
    /// The longest that a sample may be on the way (`max-delay-ms`).
    pub max_delay: Duration,
    /// How often the host's time is taken from the PTP clock while this daemon keeps the clock (`ptp-poll-secs`).
    pub ptp_poll: Duration,
    /// Where chrony listens for samples (`chrony-socket`).
    pub chrony_socket: PathBuf,
    /// The unit of NTP's shared memory that gets samples, if any (`shm-unit`).
    pub shm_unit: Option<u8>,
}

/// When this version was released, seconds since 1970: 2026-11-26. No clock of a machine that runs it is before that.
const RELEASED: i64 = 1_795_651_200;
const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const DAY_SECS: i64 = 86_400;
const CHRONY_SOCKET: &str = "/run/chrony.hv-timesyncd.sock";

impl Settings {
    /// Reads `[timesync]`; what is wrong is reported through the table.
    pub fn read(table: &mut Table<'_>, args: &Args, channel: &ChannelChoice) -> Settings {
        const MODES: [(&str, Mode); 4] = [
            ("auto", Mode::Auto),
            ("discipline", Mode::Discipline),
            ("refclock", Mode::Refclock),
            ("observe", Mode::Observe),
        ];
        Settings {
            clock: args.clock.on(channel),
            mode: table.one_of("mode", &MODES).unwrap_or_default(),
            rules: Rules { limits: limits(table), policy: policy(table) },
            max_delay: Duration::from_millis(table.integer("max-delay-ms", 1..=60_000).unwrap_or(1000)),
            ptp_poll: table.duration("ptp-poll-secs", 1..=300).unwrap_or(Duration::from_secs(16)),
            chrony_socket: table.path("chrony-socket").unwrap_or_else(|| PathBuf::from(CHRONY_SOCKET)),
            shm_unit: table.integer("shm-unit", 0..=255).and_then(|unit| u8::try_from(unit).ok()),
        }
    }
}

fn limits(table: &mut Table<'_>) -> Limits {
    let floor = table.parsed("not-before", "a date, as \"2026-01-31\"", date);
    let days = table.integer("max-step-days", 1..=36_500).unwrap_or(3650);
    let max_step = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_SECS);
    // The clock alone is not asked: without an RTC it begins in 1970.
    if floor.is_some_and(|floor| floor > now().max(built()).saturating_add(max_step)) {
        table.warn(
            "not-before",
            "is further away than max-step-days: until that day every time from the host is refused",
        );
    }
    Limits { floor: floor.unwrap_or_else(built) * SECOND, max_step: max_step.saturating_mul(SECOND) }
}

fn policy(table: &mut Table<'_>) -> Policy {
    const STEPS: [(&str, Steps); 3] =
        [("both", Steps::Both), ("forward", Steps::Forward), ("never", Steps::Never)];
    let mut number = |key, range, default| {
        table.integer(key, range).and_then(|number| i64::try_from(number).ok()).unwrap_or(default)
    };
    let step_threshold = number("step-threshold-ms", 1..=86_400_000, 500) * MS;
    let resume_threshold = number("resume-step-threshold-ms", 1..=86_400_000, 1) * MS;
    let minimum = number("minimum-us", 0..=10_000_000, 0) * 1000;
    let max_slew = u32::try_from(number("max-slew-ppm", 1..=100_000, 5000)).unwrap_or(5000);
    if resume_threshold > step_threshold {
        let (resume, step) = (resume_threshold / MS, step_threshold / MS);
        let what = format!(
            "the host's order to set the clock is obeyed from {resume} ms on, and every other difference stepped from \
             {step} ms on; resume-step-threshold-ms should not be above step-threshold-ms"
        );
        table.warn("resume-step-threshold-ms", what);
    }
    Policy {
        step_threshold,
        resume_threshold,
        minimum,
        steps: table.one_of("steps", &STEPS).unwrap_or_default(),
        step_on_resume: table.boolean("step-on-resume").unwrap_or(true),
        max_slew,
    }
}

/// The clock, seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// When this program was built, as far as its builder says (`SOURCE_DATE_EPOCH`), seconds since 1970.
fn built() -> i64 {
    let said = option_env!("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok());
    // Some builders say 1980, so that all that they build is the same.
    said.unwrap_or(RELEASED).max(RELEASED)
}

/// `2026-01-31`, its beginning, in seconds since 1970.
fn date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()));
        part.and_then(|part| part.parse::<i64>().ok())
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = lengths.get(usize::try_from(month - 1).ok()?)?;
    if parts.next().is_some() || !(1970..=2200).contains(&year) || !(1..=*length).contains(&day) {
        return None;
    }
    let before: i64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    let years = year - 1;
    let days = years * 365 + years / 4 - years / 100 + years / 400 + before + day - 1;
    Some((days - 719_162) * DAY_SECS)
}

#[cfg(test)]
mod tests;
