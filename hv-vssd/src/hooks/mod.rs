//! The administrator's programs around a freeze: databases and others that want to prepare for a backup.
//!
//! They are the executable files of one directory, run one after the other in the order of their names, with one argument:
//! `freeze` before anything is frozen; `thaw`, in reverse order, after everything is thawed; and where a freeze failed
//! `freeze-failed`, in reverse order, before that `thaw`. Nothing of this runs while anything is frozen.
//! Where systemd runs the machine each is a transient unit, outside the daemon's sandbox; else a child of its own process
//! group. What does not end in time is ended with all it has started. What a `freeze` that went well has left running (a
//! session that holds a lock) lives until the round of `thaw` is over.

mod direct;
mod files;
mod job;
mod means;
mod output;
mod systemd;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::report::{HookReport, Phase, micros};
use direct::Left;
use files::File;
use job::{Job, Outcome};
use means::Means;
use systemd::{Stopping, Systemd};

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
    /// Those that ran, in order; and those that were not run because that would not have been safe.
    pub reports: Vec<HookReport>,
    /// Why the freeze must not go on; `None` if it may.
    pub failure: Option<String>,
}

/// There where systemd is the first process (`sd_booted(3)`).
const BOOTED: &str = "/run/systemd/system";
/// What the filesystems may take to write their data and to freeze, for the deadline that hooks are told.
const FREEZING: Duration = Duration::from_secs(60);
/// How long they may then be frozen, unless we are told: the default of `max-frozen-secs`.
const FROZEN: Duration = Duration::from_secs(120);

/// All hooks. Clones are the same hooks.
#[derive(Debug, Clone)]
pub struct Hooks {
    options: Arc<Options>,
    frozen: Duration,
    booted: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    bus: Option<zbus::Connection>,
    /// What was said already, each once.
    said: HashSet<String>,
    /// Whose `freeze` was run, since the last round of `thaw`.
    begun: Vec<String>,
    /// What those have left running, if we are their parent.
    left: Vec<Left>,
    /// Units of hooks that were given up, and have not ended yet.
    stopping: Stopping,
}

impl Hooks {
    /// Nothing is read or run yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let (options, state) = (Arc::new(options), Arc::default());
        Self { options, frozen: FROZEN, booted: BOOTED.into(), state }
    }

    /// The same, with filesystems that are frozen for so long at most (`max-frozen-secs`). Hooks are told, see
    /// `HV_VSS_DEADLINE_SECS` in the guide.
    #[must_use]
    pub fn frozen_at_most(self, frozen: Duration) -> Self {
        Self { frozen, ..self }
    }

    /// The bus that the daemon is on now: systemd is asked over it, if it is there.
    pub fn over(&self, bus: zbus::Connection) {
        self.state().bus = Some(bus);
    }

    /// Those that would be run now, in the order of their names. No directory is no hooks.
    ///
    /// # Errors
    /// The directory cannot be read, or others than root can change what is in it: a sentence.
    pub fn names(&self) -> Result<Vec<String>, String> {
        let safe = |file: File| file.refusal.is_none().then_some(file.name);
        Ok(self.files()?.into_iter().filter_map(safe).collect())
    }

    /// Whose `freeze` was run since the last round of `thaw`, be it in part: for a caller that dropped a round.
    #[must_use]
    pub fn begun(&self) -> Vec<String> {
        self.state().begun.clone()
    }

    /// Runs a round. `begun` are those whose `freeze` was run, for the other two phases; `None` means all that are there,
    /// after a daemon died. The failed one is one of them: it may have done half of its work.
    ///
    /// A round of `freeze` ends at the first failure, unless failures are to be ignored; the others go through to the end.
    /// Dropped, it ends the hook that runs, with what that has started.
    pub async fn run(&self, phase: Phase, begun: Option<&[String]>) -> Round {
        match phase {
            Phase::Freeze => self.freeze().await,
            Phase::FreezeFailed | Phase::Thaw => self.back(phase, begun).await,
        }
    }

    async fn freeze(&self) -> Round {
        // Nobody has thawed what was left there by a round that was given up.
        let forgotten = std::mem::take(&mut self.state().left);
        drop(forgotten);
        self.state().begun.clear();
        let files = match self.files() {
            Ok(files) => files,
            Err(why) => {
                tracing::warn!("no hooks were run: {why}");
                return Round { failure: (!self.options.go_on).then_some(why), ..Round::default() };
            }
        };
        let mut round = Round::default();
        if files.is_empty() {
            return round;
        }
        let means = self.means().await;
        for (at, file) in files.iter().enumerate() {
            let hooks = u32::try_from(files.len() - at).unwrap_or(u32::MAX);
            let deadline = self.options.time.saturating_mul(hooks) + FREEZING + self.frozen;
            if file.refusal.is_none() {
                self.state().begun.push(file.name.clone());
            }
            let report = self.hook(&means, Phase::Freeze, file, deadline).await;
            let failed = !report.is_ok();
            if failed && !self.options.go_on {
                round.failure = Some(format!("hook {}: {}", report.name, report.result));
            }
            round.reports.push(report);
            if round.failure.is_some() {
                break;
            }
        }
        round
    }

    async fn back(&self, phase: Phase, begun: Option<&[String]>) -> Round {
        let mut round = Round::default();
        let files = match begun {
            Some(names) => Ok(names.iter().map(|name| files::judge(&self.options.directory, name)).collect()),
            None => self.files(),
        };
        let mut files = files.unwrap_or_else(|why| {
            tracing::warn!("no hooks were run: {why}");
            Vec::new()
        });
        files.sort_by(|one, other| other.name.cmp(&one.name));
        let had_begun = !self.state().begun.is_empty();
        if files.is_empty() && begun.is_some() && !had_begun {
            return round;
        }
        let means = self.means().await;
        if let (Means::Systemd(systemd), None) = (&means, begun) {
            // A freeze that the daemon before us had not ended must not go on while it is undone.
            systemd.stop_all(&["activating"]).await;
            systemd.stopped().await;
        }
        for file in &files {
            round.reports.push(self.hook(&means, phase, file, self.options.time).await);
        }
        if phase == Phase::Thaw {
            self.clean(&means).await;
        }
        round
    }

    /// Ends what the hooks have left running since their `freeze`.
    async fn clean(&self, means: &Means) {
        let left = {
            let mut state = self.state();
            state.begun.clear();
            std::mem::take(&mut state.left)
        };
        if !left.is_empty() {
            left.iter().for_each(Left::ask);
            // They have a moment to end as they wish, and nobody waits for it.
            tokio::spawn(async move {
                tokio::time::sleep(job::GRACE).await;
                drop(left);
            });
        }
        if let Means::Systemd(systemd) = means {
            systemd.stop_all(&[]).await;
        }
    }

    async fn hook(&self, means: &Means, phase: Phase, file: &File, deadline: Duration) -> HookReport {
        let began = Instant::now();
        let outcome = match &file.refusal {
            Some(why) => Outcome::failed(format!("was not run: {why}")),
            None => {
                let path = self.options.directory.join(&file.name);
                let job = Job { path: &path, name: &file.name, phase, time: self.options.time, deadline };
                let (outcome, left) = means.run(&job).await;
                self.state().left.extend(left);
                outcome
            }
        };
        let took_us = micros(began.elapsed());
        let Outcome { result, output } = outcome;
        let report = HookReport { name: file.name.clone(), phase, took_us, result, output };
        // A failure is told when all is over; the words are for who looks for them.
        tracing::debug!("hook {} {}: {}\n{}", report.name, phase.as_str(), report.result, report.output);
        report
    }

    /// What is there, what is not run left out and said once.
    fn files(&self) -> Result<Vec<File>, String> {
        let files::Found { files, left_out } = files::find(&self.options.directory)?;
        for why in left_out {
            self.once(why);
        }
        Ok(files)
    }

    async fn means(&self) -> Means {
        let (bus, stopping) = {
            let state = self.state();
            (state.bus.clone(), state.stopping.clone())
        };
        let means = match self.options.runner {
            Runner::Direct => Means::Direct,
            Runner::Auto if !is_directory(&self.booted) => Means::Direct,
            Runner::Auto | Runner::Systemd => match Systemd::find(bus, stopping).await {
                Ok(systemd) => Means::Systemd(systemd),
                Err(why) if self.options.runner == Runner::Systemd => Means::None(why),
                Err(why) => {
                    self.once(format!("hooks run as children of the daemon, inside its sandbox: {why}"));
                    Means::Direct
                }
            },
        };
        if let Means::Systemd(systemd) = &means {
            systemd.stopped().await;
        }
        means
    }

    fn once(&self, what: String) {
        let mut state = self.state();
        if !state.said.contains(&what) {
            tracing::warn!("{what}");
            state.said.insert(what);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change to it is whole: what a panic left is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests;
