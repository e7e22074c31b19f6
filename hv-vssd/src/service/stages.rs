//! A freeze from stage to stage: plan, hooks, filesystems, hooks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::bus::Error;
use hv_utils_core::channel::Link;
use hv_utils_core::daemon::notify::watchdog_limit;
use hv_utils_core::wire::Status;
use tokio::time::{sleep, timeout};

use super::{FREEZING_LIMIT, HISTORY_PATIENCE, Heard, Vssd, WATCHDOG_SLACK};
use crate::backup::{Backup, Stage};
use crate::config::Settings;
use crate::freeze::{Ended, Event, Order, Outcome};
use crate::hooks::Hooks;
use crate::hooks::Round;
use crate::plan::{Plan, Rules};
use crate::planning::For;
use crate::report::{Cause, FROZEN, FreezeReport, Origin, Phase as HookPhase};

/// Types of filesystems of which it is remembered that the kernel does not freeze them.
const MOST_TYPES: usize = 64;

/// The hooks that these settings name; who has begun is remembered in the run directory.
pub(super) fn hooks(settings: &Settings, run_dir: &Path, boot_id: &str) -> Hooks {
    Hooks::new(settings.hooks.clone()).frozen_at_most(settings.max_frozen).remember_in(run_dir, boot_id)
}

impl Vssd {
    pub(super) fn begin(&mut self, origin: Origin, time: Duration) {
        let plan = self.planning.clone().plan(self.rules(), For::Freeze);
        self.backup = Some(Backup::begin(origin, time, tokio::spawn(plan)));
        self.limit = Some(Box::pin(sleep(FREEZING_LIMIT)));
        self.stuck = false;
    }

    /// What the administrator wants, and what the kernel has taught.
    pub(super) fn rules(&self) -> Rules {
        Rules { refused_types: self.refused_types.clone(), ..self.settings.rules.clone() }
    }

    pub(super) fn planned(&mut self, plan: Result<Plan, String>, link: &mut Link) {
        let refusal = match &plan {
            Ok(plan) => plan.refusal(),
            Err(why) => Some(why.clone()),
        };
        let Some(backup) = &mut self.backup else { return };
        // Whoever tries to thaw what was left would take the new record for the old one.
        let left = self.rescue.is_some().then(|| "something of an earlier freeze is still frozen".to_owned());
        if let Some(refusal) = refusal.or(left) {
            backup.fail(refusal);
            return self.wind_down(link);
        }
        backup.plan = plan.ok();
        let (hooks, history) = (self.hooks.clone(), Arc::clone(&self.history));
        backup.stage = Stage::Preparing(tokio::spawn(async move {
            // Whoever still writes the history must not be caught by the freeze.
            let _ = timeout(HISTORY_PATIENCE, history.saved()).await;
            hooks.run(HookPhase::Freeze, None).await
        }));
    }

    pub(super) fn hooked(&mut self, round: Round, link: &mut Link) {
        let Some(backup) = &mut self.backup else { return };
        let failure = round.failure.clone();
        backup.hooked(round);
        match backup.stage {
            Stage::Preparing(_) => match failure {
                Some(failure) => {
                    backup.fail(failure);
                    self.wind_down(link);
                }
                None => self.freeze(link),
            },
            Stage::Failing(_) => backup.settle(&self.hooks),
            _ => self.settled(link),
        }
    }

    /// The hooks are ready: to the filesystems.
    fn freeze(&mut self, link: &mut Link) {
        let rules = self.rules();
        let Some(backup) = &mut self.backup else { return };
        let noted = if backup.origin == Origin::Host { self.debt.note(&self.boot_id) } else { Ok(()) };
        // From here on nothing is said until everything is thawed.
        self.context.log.hold();
        if watchdog_limit().is_some() {
            self.context.notify.watchdog_period(backup.time + FREEZING_LIMIT + WATCHDOG_SLACK);
        }
        // Hooks may take a while and change things; without any the plan is a moment old.
        let known = backup.plan.take().filter(|_| self.hooks.begun().is_empty());
        let planner = Box::new(self.planning.here(rules, known));
        let lenient = !self.settings.rules.fail_on_unfreezable;
        let order = Order { planner, origin: backup.origin, time: backup.time, lenient };
        let begun = noted
            .map_err(|error| format!("the run directory cannot be written to: {error}"))
            .and_then(|()| self.freezer.begin(order));
        match begun {
            Ok(()) => backup.stage = Stage::Filesystems,
            Err(why) => {
                backup.fail(why);
                self.wind_down(link);
            }
        }
    }

    /// Something has come of the filesystems.
    pub(super) fn frozen(&mut self, event: Event, link: &mut Link) {
        match event {
            Event::Prepared(mounts) => {
                if let Some(backup) = &mut self.backup {
                    backup.mounts = mounts;
                }
            }
            Event::Reached(Outcome::Frozen, since) => self.all_frozen(since, link),
            Event::Reached(outcome, _) => {
                if let Some(backup) = self.backup.as_mut().filter(|_| outcome == Outcome::Unguarded) {
                    backup.fail("the guardian does not answer: without it nothing is frozen");
                }
                self.engine.end(Cause::Error);
                self.answer_failed(link);
            }
            Event::Ended(by) => {
                let cause = match by {
                    Ended::Deadline => Cause::Deadline,
                    Ended::Guardian => Cause::Guardian,
                };
                self.end(cause, by.why(), link);
            }
            Event::Stuck => {
                self.stuck = true;
                if let Some(backup) = self.backup.as_mut().filter(|backup| backup.frozen.is_none()) {
                    backup.is_frozen(Duration::ZERO);
                }
                tracing::error!("something does not thaw; it is tried again");
                self.publish();
            }
            Event::Over(done) => {
                if done.failure.is_some() {
                    self.engine.spoiled();
                }
                for kind in &done.refused_types {
                    if self.refused_types.len() < MOST_TYPES && !self.refused_types.contains(kind) {
                        self.refused_types.push(kind.clone());
                    }
                }
                if let Some(backup) = &mut self.backup {
                    backup.done(done);
                }
                self.wind_down(link);
            }
            Event::Lost => tracing::warn!("the guardian has ended; another one is started"),
        }
    }

    fn all_frozen(&mut self, since: Duration, link: &mut Link) {
        let Some(backup) = &mut self.backup else { return };
        if !self.engine.frozen() {
            return;
        }
        self.limit = None;
        if let Some(request) = backup.request.take() {
            self.receipt = Some((link.answer_noted(&request, Status::OK, |_| {}), Heard::Frozen));
        }
        backup.answering();
        backup.is_frozen(since);
        let asker = backup.asker.take();
        self.publish();
        if let Some(asker) = asker {
            // Whoever asked may be gone; the deadline is not.
            let _ = asker.send(Ok(()));
        }
    }

    /// The host's freeze has failed, or was given up: it is told so, if it still waits.
    fn answer_failed(&mut self, link: &mut Link) {
        let Some(request) = self.backup.as_mut().and_then(|backup| backup.request.take()) else { return };
        link.answer(&request, Status::FAIL, |_| {});
        if !self.engine.is_owed() {
            self.debt.settle();
        }
        if let Some(backup) = &mut self.backup {
            backup.answering();
        }
    }

    /// Nothing is frozen: whoever waits is answered, the log may be written to again, and the hooks are told.
    pub(super) fn wind_down(&mut self, link: &mut Link) {
        self.engine.over();
        (self.limit, self.stuck) = (None, false);
        // Answers come first, before anything that takes a while.
        self.answer_failed(link);
        self.ask_again(link);
        if let Some(backup) = &mut self.backup {
            if let Some(asker) = backup.asker.take() {
                backup.answering();
                let why =
                    backup.failure.clone().unwrap_or_else(|| "it was thawed before it was frozen".into());
                // Whoever asked may be gone.
                let _ = asker.send(Err(Error::Failed(why)));
            }
            if !backup.wind_down(&self.hooks) {
                self.settled(link);
            }
        }
        self.publish();
        for waiting in self.thawing.drain(..) {
            let _ = waiting.send(Ok(()));
        }
        self.context.log.release();
        if let Some(limit) = watchdog_limit() {
            self.context.notify.watchdog_period(limit);
        }
    }

    /// The hooks are done: what there is to tell is told.
    fn settled(&mut self, link: &mut Link) {
        self.engine.settled();
        if let Some(mut backup) = self.backup.take() {
            backup.given_up(self.hooks.take_given_up());
            self.tell(backup.report(self.engine.cause().unwrap_or(Cause::Error)));
        }
        if let Some(settings) = self.next.take() {
            self.apply(settings);
        }
        self.publish();
        self.ask_again(link);
    }

    /// Settings for the freezes from now on.
    pub(super) fn apply(&mut self, settings: Settings) {
        self.hooks = hooks(&settings, &self.context.common.run_dir, &self.boot_id);
        if let Some(bus) = &*self.bus.borrow() {
            self.hooks.over(bus.clone());
        }
        self.settings = settings;
    }

    fn tell(&mut self, report: FreezeReport) {
        let (count, frozen_ms) = (report.filesystems.len(), report.frozen_us / 1000);
        match report.result.as_str() {
            FROZEN => tracing::info!(
                "filesystems frozen for {frozen_ms} ms and thawed: {count} (cause: {})",
                report.cause
            ),
            why => tracing::error!(
                "the freeze failed or did not last, and everything is thawed (cause: {}): {why}",
                report.cause
            ),
        }
        for hook in report.hooks.iter().filter(|hook| !hook.is_ok()) {
            tracing::warn!("hook {} {}: {}", hook.name, hook.phase.as_str(), hook.result);
        }
        self.history.push(report);
        self.history.save();
    }
}
