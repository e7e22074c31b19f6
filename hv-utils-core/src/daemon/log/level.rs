//! How much is logged: one scale for the command line, the configuration and D-Bus.
//!
//! `org.freedesktop.LogControl1` speaks syslog's eight levels, tracing has five. Ours keep syslog's name, so that
//! what was set can be read back, and map onto tracing's. `trace` is ours alone and reads as `debug` on D-Bus.

use std::fmt;
use std::str::FromStr;
use tracing_subscriber::filter::LevelFilter;

/// The least important kind of message that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Level {
    /// Syslog 0. Like the next three: errors only.
    Emerg,
    /// Syslog 1.
    Alert,
    /// Syslog 2.
    Crit,
    /// Syslog 3: something failed.
    Err,
    /// Syslog 4: something should be looked at.
    Warning,
    /// Syslog 5. We have no messages of this kind: like `warning`.
    Notice,
    /// Syslog 6: what an administrator wants to see.
    #[default]
    Info,
    /// Syslog 7: what a developer wants to see.
    Debug,
    /// Below syslog: every step.
    Trace,
}

/// Names as `LogControl1` and we write them, first the one we print.
const NAMES: [(&str, Level); 11] = [
    ("emerg", Level::Emerg),
    ("alert", Level::Alert),
    ("crit", Level::Crit),
    ("err", Level::Err),
    ("warning", Level::Warning),
    ("notice", Level::Notice),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
    ("error", Level::Err),
    ("warn", Level::Warning),
];

impl Level {
    /// The name on D-Bus, where there is no `trace`.
    #[must_use]
    pub fn syslog_name(self) -> &'static str {
        self.min(Self::Debug).name()
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, level)| *level == self).map_or("info", |(name, _)| *name)
    }

    pub(super) fn filter(self) -> LevelFilter {
        match self {
            Self::Emerg | Self::Alert | Self::Crit | Self::Err => LevelFilter::ERROR,
            Self::Warning | Self::Notice => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// A word that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use error, warn, info, debug, trace, or syslog's emerg, alert, crit, err, warning, notice")]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, level)| *level).ok_or(UnknownLevel)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Priority of a message for syslog and the journal.
pub(super) fn priority(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 3,
        tracing::Level::WARN => 4,
        tracing::Level::INFO => 6,
        _ => 7,
    }
}
