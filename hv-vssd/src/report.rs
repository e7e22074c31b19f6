//! What there is to tell about a freeze: per filesystem, per hook, and as a whole.
//!
//! Data only, made by the rooms that do something and read by those that show it ([`crate::history`], [`crate::bus`]). All
//! times of one freeze are durations; only its beginning is a time of the day.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Who asked for a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The host, for a backup or a production checkpoint.
    Host,
    /// A program in the guest, over D-Bus.
    Bus,
}

/// Why what was frozen was thawed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The host said so.
    Host,
    /// Somebody in the guest said so.
    Bus,
    /// It had been frozen for as long as it may.
    Deadline,
    /// The guardian was told to end, or had to act because the daemon had ended.
    Guardian,
    /// Something else went wrong: a filesystem did not freeze, the channel was lost, the daemon was stopped.
    Error,
}

impl Cause {
    /// As D-Bus and the record spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Bus => "bus",
            Self::Deadline => "deadline",
            Self::Guardian => "guardian",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of one filesystem in a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesystemReport {
    /// Where it is mounted.
    pub mount: String,
    /// Its type, as `ext4`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Writing its dirty data before the freeze, in µs.
    pub sync_us: u64,
    /// Freezing it, in µs.
    pub freeze_us: u64,
    /// From the moment it began to freeze until it was thawed, in µs: how long its writers waited at most. 0: it never froze.
    pub frozen_us: u64,
    /// `frozen`, or what went wrong, as a sentence.
    pub result: String,
}

/// When a hook runs, and the argument it is run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the filesystems are frozen.
    Freeze,
    /// The freeze that was prepared for has failed; [`Phase::Thaw`] follows.
    FreezeFailed,
    /// The filesystems are thawed.
    Thaw,
}

impl Phase {
    /// The argument of the hook.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::FreezeFailed => "freeze-failed",
            Self::Thaw => "thaw",
        }
    }
}

/// What became of one run of one hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookReport {
    /// Its file name.
    pub name: String,
    /// Its argument.
    pub phase: Phase,
    /// How long it ran, in µs.
    pub took_us: u64,
    /// `ok`, or what went wrong, as a sentence.
    pub result: String,
    /// What it wrote, cut after some KiB, UTF-8.
    pub output: String,
}

impl HookReport {
    /// Whether it did what it was to do.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.result == OK
    }
}

/// The result of a hook that did its work.
pub use hv_utils_core::hooks::OK;
/// The result of a filesystem that was frozen, and of a freeze that was ended by whoever had asked for it.
pub const FROZEN: &str = "frozen";

/// One freeze, from the first hook to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeReport {
    /// When it began: µs since 1970 (CLOCK_REALTIME).
    pub started_us: u64,
    /// Who asked.
    pub origin: Origin,
    /// From the first filesystem that began to freeze until the last was thawed, in µs; 0 if none froze.
    pub frozen_us: u64,
    /// From the question until whoever asked was answered, in µs: hooks, writing of dirty data, freezing.
    pub answered_us: u64,
    /// [`FROZEN`] if all was frozen until whoever had asked for it had it thawed; else what went wrong, as a sentence.
    pub result: String,
    /// Why it was thawed.
    pub cause: Cause,
    /// The filesystems, in the order in which they were frozen.
    pub filesystems: Vec<FilesystemReport>,
    /// The hooks, in the order in which they ran.
    pub hooks: Vec<HookReport>,
}

/// A time in whole microseconds, as reports have it.
#[must_use]
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
