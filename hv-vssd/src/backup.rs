//! One freeze as the service goes through it: plan, hooks, filesystems, hooks; and what there is to tell of it.
//!
//! Data and the waiting for what is under way; what follows from it is decided in [`crate::service`].

use crate::freeze::Done;
use crate::hooks::{Hooks, Round};
use crate::plan::Plan;
use crate::report::{Cause, FROZEN, FilesystemReport, FreezeReport, HookReport, Origin, Phase, micros};
use hv_utils_core::channel::Request;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What a caller on the bus waits for.
pub(crate) type Answer = oneshot::Sender<Result<(), hv_utils_core::bus::Error>>;

/// How far it is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// What would be frozen is being found out.
    Planning(JoinHandle<Result<Plan, String>>),
    /// Hooks run, with `freeze`.
    Preparing(JoinHandle<Round>),
    /// The filesystems are frozen, or on their way there and back.
    Filesystems,
    /// Hooks run, with `freeze-failed`.
    Failing(JoinHandle<Round>),
    /// Hooks run, with `thaw`.
    Settling(JoinHandle<Round>),
}

/// What comes of a stage.
#[derive(Debug)]
pub(crate) enum Progress {
    /// What would be frozen.
    Planned(Result<Plan, String>),
    /// Hooks have run.
    Hooked(Round),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) origin: Origin,
    pub(crate) stage: Stage,
    /// How long everything may be frozen.
    pub(crate) time: Duration,
    /// The host's question, until it is answered.
    pub(crate) request: Option<Request>,
    /// A caller's, until it is answered.
    pub(crate) asker: Option<Answer>,
    /// Why it is no good: the first reason.
    pub(crate) failure: Option<String>,
    /// What would be frozen, as it was before the hooks ran.
    pub(crate) plan: Option<Plan>,
    pub(crate) mounts: Vec<String>,
    /// When everything was frozen, and by when it will be thawed: µs since 1970.
    pub(crate) frozen: Option<(u64, u64)>,
    started: SystemTime,
    asked: Instant,
    answered: Option<Duration>,
    filesystems: Vec<FilesystemReport>,
    frozen_us: u64,
    hooks: Vec<HookReport>,
    /// What is known of one that another daemon began.
    recovered: Option<FreezeReport>,
}

impl Backup {
    /// Begins with a plan.
    pub(crate) fn begin(origin: Origin, time: Duration, plan: JoinHandle<Result<Plan, String>>) -> Backup {
        Backup {
            origin,
            stage: Stage::Planning(plan),
            time,
            request: None,
            asker: None,
            failure: None,
            plan: None,
            mounts: Vec::new(),
            frozen: None,
            started: SystemTime::now(),
            asked: Instant::now(),
            answered: None,
            filesystems: Vec::new(),
            frozen_us: 0,
            hooks: Vec::new(),
            recovered: None,
        }
    }

    /// One that another daemon began and is undone: its hooks are told, once `bus` is there, over which they may have to
    /// be run.
    pub(crate) fn recovered(
        report: FreezeReport,
        hooks: &Hooks,
        begun: Vec<String>,
        bus: impl Future<Output = ()> + Send + 'static,
    ) -> Backup {
        let hooks = hooks.clone();
        let nothing = tokio::spawn(async { Err(String::new()) });
        let mut backup = Backup::begin(report.origin, Duration::ZERO, nothing);
        backup.stage = Stage::Settling(tokio::spawn(async move {
            bus.await;
            hooks.run(Phase::Thaw, Some(&begun)).await
        }));
        backup.recovered = Some(report);
        backup
    }

    /// What is known of one that ended before there was a record of it: its hooks had begun, and nothing was frozen.
    pub(crate) fn without_record() -> FreezeReport {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        FreezeReport {
            started_us: micros(now),
            origin: Origin::Host,
            frozen_us: 0,
            answered_us: 0,
            result: "the daemon ended while hooks ran, before or after the freeze; they are told of the thaw"
                .into(),
            cause: Cause::Error,
            filesystems: Vec::new(),
            hooks: Vec::new(),
        }
    }

    /// Waits for what is under way, unless that is the filesystems. Cancel safe.
    pub(crate) async fn next(&mut self) -> Progress {
        let lost = |error: &dyn std::fmt::Display| format!("something went wrong inside: {error}");
        match &mut self.stage {
            Stage::Planning(plan) => {
                let plan = plan.await;
                Progress::Planned(plan.unwrap_or_else(|error| Err(lost(&error))))
            }
            Stage::Preparing(round) | Stage::Failing(round) | Stage::Settling(round) => {
                let round = round.await;
                Progress::Hooked(
                    round.unwrap_or_else(|error| Round { failure: Some(lost(&error)), ..Round::default() }),
                )
            }
            Stage::Filesystems => std::future::pending().await,
        }
    }

    /// Remembers the first reason why it is no good.
    pub(crate) fn fail(&mut self, failure: impl Into<String>) {
        self.failure.get_or_insert_with(|| failure.into());
    }

    /// Whoever asked is being answered.
    pub(crate) fn answering(&mut self) {
        self.answered.get_or_insert_with(|| self.asked.elapsed());
    }

    /// Everything is frozen, since so long.
    pub(crate) fn is_frozen(&mut self, since: Duration) {
        let now = micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let began = now.saturating_sub(micros(since));
        self.frozen = Some((began, began.saturating_add(micros(self.time))));
    }

    /// What has become of the filesystems.
    pub(crate) fn done(&mut self, done: Done) {
        (self.filesystems, self.frozen_us) = (done.filesystems, done.frozen_us);
        if let Some(failure) = done.failure {
            self.fail(failure);
        }
    }

    /// Hooks had run in a round that was given up: before all others.
    pub(crate) fn given_up(&mut self, reports: Vec<HookReport>) {
        self.hooks.splice(0..0, reports);
    }

    /// Hooks have run.
    pub(crate) fn hooked(&mut self, round: Round) {
        self.hooks.extend(round.reports);
    }

    /// Goes on to the hooks that follow a freeze: of one that failed they are told so first. What was under way is ended.
    /// `false`: there are none.
    pub(crate) fn wind_down(&mut self, hooks: &Hooks) -> bool {
        let next = if self.failure.is_some() { Phase::FreezeFailed } else { Phase::Thaw };
        let ended = match std::mem::replace(&mut self.stage, Stage::Filesystems) {
            Stage::Preparing(round) if !round.is_finished() => {
                round.abort();
                Some(round)
            }
            _ => None,
        };
        if hooks.begun().is_empty() && ended.is_none() {
            return false;
        }
        let hooks = hooks.clone();
        let round = tokio::spawn(async move {
            if let Some(ended) = ended {
                // Until the hook that ran has been ended with it.
                let _ = ended.await;
            }
            let begun = hooks.begun();
            hooks.run(next, Some(&begun)).await
        });
        self.stage = if next == Phase::Thaw { Stage::Settling(round) } else { Stage::Failing(round) };
        true
    }

    /// Goes on from the hooks that were told of the failure to the thaw of all.
    pub(crate) fn settle(&mut self, hooks: &Hooks) {
        let hooks = hooks.clone();
        self.stage = Stage::Settling(tokio::spawn(async move {
            let begun = hooks.begun();
            hooks.run(Phase::Thaw, Some(&begun)).await
        }));
    }

    /// What there is to tell by now; in the end, of all.
    pub(crate) fn report(&self, cause: Cause) -> FreezeReport {
        if let Some(report) = &self.recovered {
            return FreezeReport { hooks: self.hooks.clone(), ..report.clone() };
        }
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        FreezeReport {
            started_us: micros(started),
            origin: self.origin,
            frozen_us: self.frozen_us,
            answered_us: self.answered.map_or(0, micros),
            result: self.failure.clone().unwrap_or_else(|| FROZEN.to_owned()),
            cause,
            filesystems: self.filesystems.clone(),
            hooks: self.hooks.clone(),
        }
    }
}
