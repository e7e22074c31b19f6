//! One run of one hook: what it is given, and what can become of it in words.
//!
//! The same for both runners, so that a hook cannot tell them apart and a report reads the same.

use std::path::Path;
use std::time::Duration;

/// The result of a hook that did its work.
pub const OK: &str = "ok";
/// Between the signal that asks a hook to end and the one that ends it.
pub const GRACE: Duration = Duration::from_secs(2);

/// What every hook has in its environment.
const ENVIRONMENT: [(&str, &str); 2] =
    [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// Without links: just judged, and the same when it is executed.
    pub program: &'a Path,
    /// What it is called: its place in the directory of hooks.
    pub path: &'a Path,
    /// Its name in that directory.
    pub name: &'a str,
    /// What it is told.
    pub arguments: &'a [&'a str],
    /// Its environment, beside `PATH` and `LANG`; nothing of ours is in it.
    pub environment: &'a [(&'a str, String)],
    /// How long it may take.
    pub time: Duration,
    /// Whether what it has left running, if it went well, is left running: see [`Left`](super::Left).
    pub stays: bool,
}

impl Job<'_> {
    /// All of its environment.
    pub(super) fn all_environment(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.environment.iter().map(|(name, value)| (*name, value.as_str()));
        ENVIRONMENT.into_iter().chain(own)
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// [`OK`], or a sentence.
    pub result: String,
    /// What it wrote, cut after some KiB.
    pub output: String,
}

impl Outcome {
    /// It went wrong, and wrote nothing.
    #[must_use]
    pub fn failed(result: String) -> Self {
        Self { result, output: String::new() }
    }

    /// It must not be run.
    #[must_use]
    pub fn not_run(why: &str) -> Self {
        Self::failed(format!("was not run: {why}"))
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

/// A time in whole microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
