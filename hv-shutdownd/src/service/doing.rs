//! From an answer that has left to a machine that goes down: announced, prepared by hooks, begun, followed.
//!
//! Hooks are heard for a forced request too: each has its time, and nothing that they do refuses anything. A forced request
//! while they run for an unforced one ends them. What was begun is followed until it is called off; the machine being down
//! is no event.

use std::time::Duration;

use hv_utils_core::hooks::{self, Hooks};
use hv_utils_core::wire::shutdown::{Action, Request};

use super::means::Means;
use super::task::Task;
use super::{OBJECT, Shutdownd};
use crate::bus::announce;
use crate::engine::{After, Hurry, Phase};
use crate::history::{self, Row};
use crate::ways::{Begun, Order, Way};

/// What a task has come to.
#[derive(Debug)]
pub(super) enum Done {
    /// The request is announced, and the hooks are through.
    Prepared,
    /// It was acted.
    Acted(Result<Begun, String>),
    /// It broke.
    Broken,
}

impl<M: Means> Shutdownd<M> {
    /// Announces what was accepted, and runs the hooks.
    pub(super) fn prepare(&mut self) {
        let Some((request, _)) = self.engine.running() else { return };
        let environment = environment(request, &self.settings.hooks);
        let (action, hooks, bus) = (request.action, self.hooks.clone(), self.bus.clone());
        let row = self.last.clone().unwrap_or_default();
        let print = self.settings.print;
        self.work = Some(Task::start(async move {
            told(bus, &row).await;
            if print {
                name(&hooks, action);
            } else {
                run(&hooks, action, &environment).await;
            }
            Done::Prepared
        }));
    }

    /// A forced request goes on at once.
    pub(super) fn hurry(&mut self) {
        if self.engine.hurry() == Hurry::Act {
            self.act();
        }
    }

    /// Has whoever can do it begin. What runs for it, hooks, is ended.
    fn act(&mut self) {
        let delay = self.engine.running().map(|(request, _)| self.engine.delay(request));
        self.act_in(delay.unwrap_or_default());
    }

    fn act_in(&mut self, delay: Duration) {
        let Some((request, _)) = self.engine.running() else { return };
        let order = Order {
            action: request.action,
            force: request.force,
            respect_inhibitors: self.engine.rules().respect_inhibitors,
            delay,
            text: request.text.clone(),
            reason: request.reason,
        };
        let means = self.means.clone();
        // What was begun before is not followed any more.
        self.watch = None;
        self.waits_here = false;
        self.work = Some(Task::start(async move { Done::Acted(means.act(order).await) }));
    }

    pub(super) fn done(&mut self, done: Done) {
        match done {
            Done::Prepared => {
                self.engine.prepared();
                self.act();
            }
            Done::Acted(Ok(begun)) => {
                self.waits_here = begun.by == Way::Later;
                self.acted(Ok(begun.to_string()));
            }
            Done::Acted(Err(why)) => self.acted(Err(why)),
            // It was promised: hooks that broke keep nothing from being done.
            Done::Broken if self.engine.running().is_some_and(|(_, phase)| phase == Phase::Preparing) => {
                self.done(Done::Prepared);
            }
            Done::Broken => self.acted(Err("something went wrong inside".to_owned())),
        }
    }

    fn acted(&mut self, result: Result<String, String>) {
        match (self.engine.acted(result.is_ok()), result) {
            (After::Act, _) => self.act(),
            (After::Watch, Ok(by)) if self.settings.print => {
                tracing::info!("{by}");
                self.engine.over();
                self.conclude(&by);
            }
            (After::Watch, Ok(by)) => {
                tracing::info!("{by}");
                let means = self.means.clone();
                self.watch = Some(Task::start(async move { means.cancelled().await }));
                self.becomes(&by);
            }
            (_, Err(why)) => {
                tracing::error!("what the host was promised has failed: {why}");
                self.conclude(&format!("failed: {why}"));
            }
            // Nothing runs that this could have been for.
            (After::Failed, Ok(_)) => {}
        }
    }

    /// What was begun is called off, or over.
    pub(super) fn over(&mut self) {
        let hibernation =
            self.engine.running().is_some_and(|(request, _)| request.action == Action::Hibernate);
        let how = if hibernation { "over: the guest is awake" } else { "called off" };
        tracing::info!("what the host has asked for is {how}");
        self.work = None;
        self.engine.over();
        self.conclude(how);
    }

    /// The daemon ends: what was promised and is not begun is begun now, without what is left of its preparation.
    pub(super) fn finish(&mut self) {
        match self.engine.stop() {
            Some(Phase::Telling) if self.engine.told(true) => self.done(Done::Prepared),
            Some(Phase::Preparing) => self.done(Done::Prepared),
            Some(Phase::Begun) if self.waits_here => {
                tracing::warn!(
                    "what was to be done later is done now: nobody would when this daemon has ended"
                );
                self.act_in(Duration::ZERO);
            }
            // An attempt is waited for; what is begun goes on without us.
            _ => {}
        }
    }

    /// It is known what becomes of the request that runs.
    fn becomes(&mut self, outcome: &str) {
        if let Some(last) = &mut self.last {
            outcome.clone_into(&mut last.outcome);
            history::update(&self.history, last);
        }
        self.history.save();
        self.publish();
    }

    /// Nothing runs any more.
    pub(super) fn conclude(&mut self, outcome: &str) {
        self.watch = None;
        self.becomes(outcome);
    }
}

/// Announces a request, if there is a bus.
async fn told(bus: Option<zbus::Connection>, row: &Row) {
    if let Some(bus) = bus {
        announce(&bus, OBJECT, row).await;
    }
}

async fn run(hooks: &Hooks, action: Action, environment: &[(&'static str, String)]) {
    match hooks.run(&[action.name()], environment).await {
        Ok(reports) => {
            for report in reports {
                if report.is_ok() {
                    tracing::debug!("hook {}: {}\n{}", report.name, report.result, report.output);
                } else {
                    tracing::warn!("hook {}: {}\n{}", report.name, report.result, report.output);
                }
            }
        }
        Err(why) => tracing::warn!("no hooks were run: {why}"),
    }
}

/// Where nothing is done to this machine hooks are not run: what they do, they do to it.
fn name(hooks: &Hooks, action: Action) {
    match hooks.names() {
        Ok(names) => {
            names.iter().for_each(|name| tracing::info!("would run hook {name}, {} (print)", action.name()));
        }
        Err(why) => tracing::warn!("no hooks would be run: {why}"),
    }
}

/// What hooks are told. The host's text is not among it: it is nobody's that the guest trusts.
fn environment(request: &Request, hooks: &hooks::Options) -> Vec<(&'static str, String)> {
    vec![
        ("HV_SHUTDOWN_ACTION", request.action.name().to_owned()),
        ("HV_SHUTDOWN_FORCED", if request.force { "1" } else { "0" }.to_owned()),
        ("HV_SHUTDOWN_REASON", format!("0x{:08x}", request.reason)),
        ("HV_SHUTDOWN_TIMEOUT_SECS", hooks.time.as_secs().to_string()),
    ]
}
