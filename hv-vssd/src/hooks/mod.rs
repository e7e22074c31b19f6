//! The administrator's programs around a freeze: databases and others that want to prepare for a backup.
//!
//! They are the executable files of one directory, run one after the other in the order of their names, with one argument:
//! `freeze` before anything is frozen; `thaw`, in reverse order, after everything is thawed; and where a freeze failed
//! `freeze-failed`, in reverse order, before that `thaw`. Nothing of this runs while anything is frozen.
//! How each is run, and which may be, is [`hv_utils_core::hooks`]' part. What does not end in time is ended with all it has started. What a `freeze` that went well has left running (a
//! session that holds a lock) lives until the round of `thaw` is over.

mod means;
mod memory;
mod round;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use hv_utils_core::hooks::Runner;
use hv_utils_core::hooks::{self, File, Found, Left, Owner, Runners};
use tokio::task::JoinHandle;

use crate::report::{HookReport, Phase};
use means::By;
use memory::Memory;

/// Whose they are.
const OWNER: Owner = Owner { daemon: "hv-vssd", units: "hv-vss-hook" };

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

/// How a round of hooks ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Those that ran, in order; and those that were not run because that would not have been safe.
    pub reports: Vec<HookReport>,
    /// Why the freeze must not go on; `None` if it may.
    pub failure: Option<String>,
}

/// How long they may then be frozen, unless we are told: the default of `max-frozen-secs`.
const FROZEN: Duration = Duration::from_secs(120);

/// All hooks. Clones are the same hooks.
#[derive(Debug, Clone)]
pub struct Hooks {
    options: Arc<Options>,
    frozen: Duration,
    /// How long a thaw waits for a bus.
    patience: Duration,
    memory: Option<Memory>,
    runners: Runners,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Whose `freeze` was run, since the last round of `thaw`.
    begun: Vec<String>,
    /// What ran it.
    begun_by: Option<By>,
    /// The same of a daemon before us, until it is thawed.
    left_behind: Vec<String>,
    /// What those have left running, if we are their parent.
    left: Vec<Left>,
    /// Units may have been left.
    units_left: bool,
    /// The end of those, outside of a round.
    tidying: Option<JoinHandle<()>>,
    /// Of a round of `freeze` that was dropped.
    given_up: Vec<HookReport>,
}

impl Hooks {
    /// Nothing is read or run yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            runners: Runners::new(OWNER, options.runner),
            options: Arc::new(options),
            frozen: FROZEN,
            patience: means::BUS_PATIENCE,
            memory: None,
            state: Arc::default(),
        }
    }

    /// The same, with filesystems that are frozen for so long at most (`max-frozen-secs`). Hooks are told, see
    /// `HV_VSS_DEADLINE_SECS` in the guide.
    #[must_use]
    pub fn frozen_at_most(self, frozen: Duration) -> Self {
        Self { frozen, ..self }
    }

    /// The same; who has begun is remembered in `run_dir`, for a daemon after this one in this boot. What one before this
    /// one has left there is read now, and kept until a round of `thaw`.
    #[must_use]
    pub fn remember_in(self, run_dir: &Path, boot_id: &str) -> Self {
        let memory = Memory::new(run_dir, boot_id);
        self.state().left_behind = memory.read().unwrap_or_default();
        Self { memory: Some(memory), ..self }
    }

    /// What a daemon before this one has begun in this boot and not thawed: for a round of `thaw`. `None`: nothing.
    #[must_use]
    pub fn left_behind(&self) -> Option<Vec<String>> {
        let names = self.state().left_behind.clone();
        (!names.is_empty()).then_some(names)
    }

    /// The bus that the daemon is on now: systemd is asked over it, if it is there.
    pub fn over(&self, bus: zbus::Connection) {
        self.runners.over(bus);
        self.tidy();
    }

    /// Those that would be run now, in the order of their names. No directory is no hooks.
    ///
    /// # Errors
    /// The directory cannot be read, or others than root can change what is in it: a sentence.
    pub fn names(&self) -> Result<Vec<String>, String> {
        let safe = |file: File| file.program(&self.options.directory).is_ok().then_some(file.name);
        Ok(self.files()?.into_iter().filter_map(safe).collect())
    }

    /// Why a round of `freeze` could only fail, as far as that can be known before: a hook that is not safe to run.
    #[must_use]
    pub fn defect(&self) -> Option<String> {
        if self.options.go_on {
            return None;
        }
        let unsafe_one = |file: &File| {
            let why = file.program(&self.options.directory).err()?;
            Some(format!("hook {}: {why}", file.name))
        };
        match self.files() {
            Ok(files) => files.iter().find_map(unsafe_one),
            Err(why) => Some(why),
        }
    }

    /// Whose `freeze` was run since the last round of `thaw`, be it in part: for a caller that dropped a round.
    #[must_use]
    pub fn begun(&self) -> Vec<String> {
        self.state().begun.clone()
    }

    /// What ran in a round of `freeze` that was dropped, with the hook that this has ended; since the last call and the last
    /// freeze.
    #[must_use]
    pub fn take_given_up(&self) -> Vec<HookReport> {
        std::mem::take(&mut self.state().given_up)
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

    /// What is there, what is not run left out and said once.
    fn files(&self) -> Result<Vec<File>, String> {
        let Found { files, left_out } = hooks::find(&self.options.directory)?;
        left_out.into_iter().for_each(|why| self.runners.once(why));
        Ok(files)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change to it is whole: what a panic left is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
