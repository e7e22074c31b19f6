//! Ends before their time, what the bus wants, and what it is shown.

use std::sync::Arc;

use hv_utils_core::bus::Error;
use hv_utils_core::channel::Link;

use super::Vssd;
use crate::backup::Stage;
use crate::bus::{Ask, PlanRow, Shown, ShownState};
use crate::engine::{Phase, Refusal};
use crate::plan::Plan;
use crate::planning::For;
use crate::report::{Cause, Origin};

impl Vssd {
    /// What is under way is to end because of `why`, if anything is.
    pub(super) fn give_up(&mut self, why: &str, link: &mut Link) {
        self.end(Cause::Error, why, link);
    }

    pub(super) fn end(&mut self, cause: Cause, why: &str, link: &mut Link) {
        self.engine.end(cause);
        self.follow(why, link);
    }

    /// Does what the engine's phase demands: what is to end is ended where it stands. `why` is told if nobody asked for it.
    pub(super) fn follow(&mut self, why: &str, link: &mut Link) {
        if self.engine.phase() != Phase::Thawing {
            return;
        }
        let Some(backup) = &mut self.backup else { return };
        match (self.engine.cause(), backup.origin) {
            // Ended by whoever has asked for it.
            (Some(Cause::Host), Origin::Host) | (Some(Cause::Bus), Origin::Bus) => {}
            (Some(Cause::Bus), Origin::Host) => {
                backup.fail("somebody in the guest had it thawed before the host did");
            }
            _ => backup.fail(why),
        }
        match backup.stage {
            Stage::Filesystems => {
                self.freezer.thaw();
                self.publish();
            }
            Stage::Planning(_) | Stage::Preparing(_) => {
                backup.fail(format!("given up before anything was frozen: {why}"));
                self.wind_down(link);
            }
            Stage::Failing(_) | Stage::Settling(_) => {}
        }
    }

    pub(super) fn asked(&mut self, ask: Ask, link: &mut Link) {
        match ask {
            Ask::Plan(answer) => {
                let plan = self.planning.clone().plan(self.rules(), For::Sight);
                tokio::spawn(async move {
                    let rows = |plan: Plan| plan.entries.iter().map(PlanRow::from).collect();
                    let _ = answer.send(plan.await.map(rows).map_err(Error::Failed));
                });
            }
            Ask::Freeze { time, answer } => match self.engine.bus_freezes() {
                Ok(()) => {
                    let most = self.settings.max_frozen;
                    self.begin(Origin::Bus, time.map_or(most, |time| time.min(most)));
                    if let Some(backup) = &mut self.backup {
                        backup.asker = Some(answer);
                    }
                    self.publish();
                }
                Err(refusal) => drop(answer.send(Err(refused(refusal)))),
            },
            Ask::Thaw(answer) => match self.engine.bus_thaws() {
                Ok(()) => {
                    self.thawing.push(answer);
                    self.follow("it was to be thawed", link);
                }
                Err(refusal) => drop(answer.send(Err(refused(refusal)))),
            },
        }
    }

    pub(super) fn publish(&mut self) {
        let state = match self.engine.phase() {
            _ if self.stuck || self.rescue.is_some() => ShownState::Failed,
            Phase::Thawed => ShownState::Thawed,
            Phase::Freezing => ShownState::Freezing,
            Phase::Frozen => ShownState::Frozen,
            Phase::Thawing | Phase::Settling => ShownState::Thawing,
        };
        let may_be_frozen = matches!(self.engine.phase(), Phase::Frozen | Phase::Thawing);
        let backup = self.backup.as_ref().filter(|_| may_be_frozen);
        let frozen = backup.and_then(|backup| backup.frozen.map(|frozen| (frozen, backup.mounts.clone())));
        let ((frozen_since, deadline), mounts) = frozen.unwrap_or_default();
        let past = self.backup.as_ref().filter(|_| self.engine.phase() == Phase::Settling);
        let cause = self.engine.cause().unwrap_or(Cause::Error);
        let last = past.map(|backup| Arc::new(backup.report(cause)));
        let last = last.or_else(|| self.history.rows().last().cloned());
        let origin = (self.engine.phase() != Phase::Thawed).then(|| self.engine.origin());
        let frozen_mounts = mounts.into();
        let shown = Shown { state, origin, frozen_mounts, frozen_since, deadline, last };
        self.desk.shown.send_if_modified(|now| std::mem::replace(now, shown) != *now);
    }
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Busy(Origin::Host) => {
            Error::Busy("a freeze of the host's is under way: try again later".into())
        }
        Refusal::Busy(Origin::Bus) => Error::Busy("another freeze is under way: try again later".into()),
        Refusal::Stopping => Error::Busy("the daemon is about to end".into()),
        Refusal::NotFrozen => Error::NotFrozen("nothing is frozen".into()),
    }
}
