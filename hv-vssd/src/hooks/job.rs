//! One run of one hook: what it is given, and what can become of it in words.
//!
//! The same for both runners, so that a hook cannot tell them apart and a report reads the same.

use std::path::Path;
use std::time::Duration;

use crate::report::{OK, Phase};

/// Between the signal that asks a hook to end and the one that ends it.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    /// Without links: just judged, and the same when it is executed.
    pub(super) program: &'a Path,
    /// What it is called: its place in the directory of hooks.
    pub(super) path: &'a Path,
    pub(super) name: &'a str,
    pub(super) phase: Phase,
    /// How long it may take.
    pub(super) time: Duration,
    /// In how long, from its start, what it has prepared for is over at the latest.
    pub(super) deadline: Duration,
}

impl Job<'_> {
    /// All of its environment.
    pub(super) fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("HV_VSS_PHASE", self.phase.as_str().to_owned()),
            ("HV_VSS_TIMEOUT_SECS", self.time.as_secs().to_string()),
            ("HV_VSS_DEADLINE_SECS", self.deadline.as_secs().to_string()),
        ]
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// [`OK`], or a sentence.
    pub(super) result: String,
    pub(super) output: String,
}

impl Outcome {
    pub(super) fn failed(result: String) -> Self {
        Self { result, output: String::new() }
    }

    pub(super) fn not_started(why: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self::failed(format!("could not be started: {why}"))
    }
}

/// An exit code in words.
pub(super) fn exited(code: i32) -> String {
    if code == 0 { OK.to_owned() } else { format!("exit code {code}") }
}

/// The signal that ended it.
pub(super) fn killed(signal: i32) -> String {
    format!("killed by signal {signal}")
}

/// Its time was over.
pub(super) fn too_long(time: Duration) -> String {
    format!("took longer than {} s", time.as_secs_f64())
}
