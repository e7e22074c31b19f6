//! The rounds: there with `freeze`, back with `freeze-failed` and `thaw`, and what has to be true between them.
//!
//! A failed hook is told by whoever asked for the round, from its report; here it is said for debugging only.

use std::path::PathBuf;
use std::time::Duration;

use hv_utils_core::hooks::{BUS_GONE, File, GRACE, Job, Left, Means, Outcome};
use tokio::time::Instant;

use super::means::{By, by};
use super::{Hooks, Round};
use crate::report::{HookReport, Phase, micros};

/// What the filesystems may take to write their data and to freeze, for the deadline that hooks are told.
const FREEZING: Duration = Duration::from_secs(60);
/// The result of the hook that ran when its round was dropped.
const GIVEN_UP: &str = "ended: the freeze was given up";

/// A round of `freeze` while it runs; what is known of it is kept if it is dropped.
struct UnderWay<'a> {
    hooks: &'a Hooks,
    round: Round,
    /// The hook that runs.
    now: Option<(String, Instant)>,
    over: bool,
}

impl UnderWay<'_> {
    fn over(mut self) -> Round {
        self.over = true;
        std::mem::take(&mut self.round)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut reports = std::mem::take(&mut self.round.reports);
        reports.extend(self.now.take().map(|(name, began)| report(name, Phase::Freeze, began, given_up())));
        self.hooks.state().given_up = reports;
    }
}

fn given_up() -> Outcome {
    Outcome::failed(GIVEN_UP.to_owned())
}

fn report(name: String, phase: Phase, began: Instant, outcome: Outcome) -> HookReport {
    let Outcome { result, output } = outcome;
    HookReport { name, phase, took_us: micros(began.elapsed()), result, output }
}

/// What a hook finds in its environment. In how long, from its start, what it has prepared for is over at the latest, is
/// `deadline`.
fn environment(phase: Phase, time: Duration, deadline: Duration) -> [(&'static str, String); 3] {
    [
        ("HV_VSS_PHASE", phase.as_str().to_owned()),
        ("HV_VSS_TIMEOUT_SECS", time.as_secs().to_string()),
        ("HV_VSS_DEADLINE_SECS", deadline.as_secs().to_string()),
    ]
}

impl Hooks {
    pub(super) async fn freeze(&self) -> Round {
        let mut under_way = UnderWay { hooks: self, round: Round::default(), now: None, over: false };
        self.forget_earlier().await;
        let files = match self.files() {
            Ok(files) => files,
            Err(why) if self.options.go_on => {
                tracing::warn!("no hooks were run: {why}");
                return under_way.over();
            }
            Err(why) => {
                under_way.round.failure = Some(why);
                return under_way.over();
            }
        };
        if files.is_empty() {
            return under_way.over();
        }
        let means = self.runners.means().await;
        if let Means::Systemd(systemd) = &means {
            // What an earlier freeze has left holds its locks still.
            self.stop_units(systemd).await;
        }
        for (at, file) in files.iter().enumerate() {
            let hooks = u32::try_from(files.len() - at).unwrap_or(u32::MAX);
            let deadline = self.options.time.saturating_mul(hooks) + FREEZING + self.frozen;
            let program = file.program(&self.options.directory);
            if program.is_ok()
                && let Err(why) = self.begin(&file.name, &means)
            {
                under_way.round.failure = Some(why);
                break;
            }
            under_way.now = Some((file.name.clone(), Instant::now()));
            let report = self.hook(&means, Phase::Freeze, file, program, deadline).await;
            under_way.now = None;
            if !report.is_ok() && !self.options.go_on {
                under_way.round.failure = Some(format!("hook {}: {}", report.name, report.result));
            }
            under_way.round.reports.push(report);
            if under_way.round.failure.is_some() {
                break;
            }
        }
        under_way.over()
    }

    /// What is left of rounds before.
    async fn forget_earlier(&self) {
        let (left, tidying) = {
            let mut state = self.state();
            state.given_up.clear();
            // Nobody has thawed what was left there by a round that was given up.
            (std::mem::take(&mut state.left), state.tidying.take())
        };
        drop(left);
        if let Some(tidying) = tidying {
            // It must not meet the units of this freeze.
            tidying.abort();
            let _ = tidying.await;
        }
    }

    /// Remembers that a hook begins, before it does.
    fn begin(&self, name: &str, means: &Means) -> Result<(), String> {
        let mut state = self.state();
        // Whoever has not been thawed yet will be with the others.
        let mut begun = state.begun.clone();
        begun.extend(state.left_behind.iter().cloned());
        begun.push(name.to_owned());
        let mut seen = std::collections::HashSet::new();
        begun.retain(|name| seen.insert(name.clone()));
        if let Some(memory) = &self.memory {
            memory.write(&begun)?;
        }
        state.begun = begun;
        state.left_behind.clear();
        state.begun_by = by(means).or(state.begun_by);
        state.units_left |= matches!(means, Means::Systemd(_));
        Ok(())
    }

    pub(super) async fn back(&self, phase: Phase, begun: Option<&[String]>) -> Round {
        let mut round = Round::default();
        let mut files = match begun {
            Some(names) => names.iter().map(|name| File::named(name)).collect(),
            None => self.files().unwrap_or_else(|why| {
                tracing::warn!("no hooks were run: {why}");
                Vec::new()
            }),
        };
        files.sort_by(|one, other| other.name.cmp(&one.name));
        let by = {
            let state = self.state();
            if files.is_empty() && begun.is_some() && state.begun.is_empty() && state.left_behind.is_empty() {
                return round;
            }
            state.begun_by
        };
        let mut means = self.means_back().await;
        if let (Means::Systemd(systemd), None) = (&means, by) {
            // A freeze that the daemon before us had not ended must not go on while it is undone.
            if let Err(why) = systemd.stop_all(&["activating"]).await {
                tracing::warn!("hooks of a daemon before this one may still run: {why}");
            }
        }
        for file in &files {
            let time = self.options.time;
            let program = || file.program(&self.options.directory);
            let mut report = self.hook(&means, phase, file, program(), time).await;
            if report.result == BUS_GONE {
                // It is content to run twice, and may not have run at all.
                self.state().begun_by = Some(By::Systemd);
                means = self.means_back().await;
                report = self.hook(&means, phase, file, program(), time).await;
            }
            round.reports.push(report);
        }
        if phase == Phase::Thaw {
            if begun.is_none() {
                self.state().left_behind.clear();
            }
            self.state().left_behind.retain(|name| !files.iter().any(|file| file.name == *name));
            self.clean(&means).await;
        }
        round
    }

    /// Ends what the hooks have left running since their `freeze`, and forgets who has begun.
    async fn clean(&self, means: &Means) {
        let left = std::mem::take(&mut self.state().left);
        if !left.is_empty() {
            left.iter().for_each(Left::ask);
            // They have a moment to end as they wish, and nobody waits for it.
            tokio::spawn(async move {
                tokio::time::sleep(GRACE).await;
                drop(left);
            });
        }
        if let Means::Systemd(systemd) = means {
            self.stop_units(systemd).await;
        }
        let mut state = self.state();
        state.begun.clear();
        state.begun_by = None;
        if let (Some(memory), true) = (&self.memory, state.left_behind.is_empty()) {
            memory.forget();
        }
    }

    async fn hook(
        &self,
        means: &Means,
        phase: Phase,
        file: &File,
        program: Result<PathBuf, String>,
        deadline: Duration,
    ) -> HookReport {
        let began = Instant::now();
        let outcome = match &program {
            Err(why) => Outcome::not_run(why),
            Ok(program) => {
                let path = self.options.directory.join(&file.name);
                let (name, time) = (file.name.as_str(), self.options.time);
                let (arguments, environment) = ([phase.as_str()], environment(phase, time, deadline));
                let (arguments, environment) = (&arguments[..], &environment[..]);
                let stays = phase == Phase::Freeze;
                let job = Job { program, path: &path, name, arguments, environment, time, stays };
                let (outcome, left) = means.run(&job).await;
                self.state().left.extend(left);
                outcome
            }
        };
        let report = report(file.name.clone(), phase, began, outcome);
        tracing::debug!("hook {} {}: {}\n{}", report.name, phase.as_str(), report.result, report.output);
        report
    }
}

#[cfg(test)]
mod tests;
