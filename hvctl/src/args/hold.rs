//! The arguments of `hvctl shutdown`, `hvctl heartbeat` and `hvctl copy`.

use std::ffi::OsString;

use clap::{Subcommand, ValueEnum};

/// Verbs of `hvctl shutdown`.
#[derive(Debug, Subcommand)]
pub(crate) enum Shutdown {
    /// Show what the host has asked for, what became of it, who is against it, and whether hibernation would work
    Status,
    /// Have the host's requests refused, unless forced, while COMMAND runs; without one, until Ctrl-C
    Inhibit {
        /// Who asks, for people [default: the command's name; hvctl without one]
        #[arg(long, value_name = "WHO")]
        who: Option<String>,
        /// Why, for people
        #[arg(long, value_name = "WHY", default_value = "asked for with hvctl")]
        why: String,
        /// What to run; its exit code is that of hvctl
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
}

/// Verbs of `hvctl heartbeat`.
#[derive(Debug, Subcommand)]
pub(crate) enum Heartbeat {
    /// Show what the host is told about applications, and who says so
    Status,
    /// Have the host told a state while COMMAND runs; without one, until Ctrl-C
    Report {
        /// State
        state: State,
        /// Why, for people
        #[arg(long, value_name = "WHY", default_value = "", hide_default_value = true)]
        why: String,
        /// What to run; its exit code is that of hvctl
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
}

/// A state of applications.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// All is well
    Healthy,
    /// Nobody can say
    Unknown,
    /// It does not run, and is not meant to
    Stopped,
    /// It is not well
    Critical,
}

impl State {
    /// As on D-Bus.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Healthy => "healthy",
            State::Unknown => "unknown",
            State::Stopped => "stopped",
            State::Critical => "critical",
        }
    }
}

/// Verbs of `hvctl copy`.
#[derive(Debug, Subcommand)]
pub(crate) enum Copy {
    /// Show whether the host may copy files here, where to, and the one that arrives now
    Status,
    /// Show the last files that the host has copied, the oldest first, and what became of each
    History,
    /// Print every file that begins to arrive, and each that is there or failed, one line each
    Watch,
}
