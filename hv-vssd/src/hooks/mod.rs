//! The administrator's programs around a freeze: databases and others that want to prepare for a backup.
//!
//! They are the executable files of one directory, run one after the other in the order of their names, with one argument:
//! `freeze` before anything is frozen; `thaw`, in reverse order, after everything is thawed; and where a freeze failed
//! `freeze-failed`, in reverse order, before that `thaw`. Nothing of this runs while anything is frozen.
//! Where systemd runs the machine each is a transient unit, outside the daemon's sandbox; else a child of its own process
//! group. What does not end in time is ended with all it has started.

use crate::report::HookReport;
use std::path::PathBuf;
use std::time::Duration;

/// How hooks are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where they are (`hooks-dir`).
    pub directory: PathBuf,
    /// How long each may take (`hook-timeout-secs`).
    pub time: Duration,
    /// What does it (`hook-runner`).
    pub runner: Runner,
    /// Whether a freeze goes on though a hook failed (`on-hook-failure = "continue"`).
    pub go_on: bool,
}

/// What runs a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Runner {
    /// systemd where it runs the machine and can be reached, else the daemon itself.
    #[default]
    Auto,
    /// systemd; without it every hook fails.
    Systemd,
    /// The daemon itself: inside its sandbox.
    Direct,
}

/// How a round of hooks ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Those that ran, in order.
    pub reports: Vec<HookReport>,
    /// Why the freeze must not go on; `None` if it may.
    pub failure: Option<String>,
}
