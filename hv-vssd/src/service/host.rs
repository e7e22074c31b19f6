//! What the host wants, and what it is answered.

use hv_utils_core::channel::{Link, Request};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::{self, Operation};

use super::Vssd;
use crate::engine::Action;
use crate::plan::{Plan, Verdict};
use crate::report::Origin;

impl Vssd {
    fn serve(&mut self, request: Request, operation: Operation, link: &mut Link) {
        match self.engine.request(operation) {
            Action::Answer(good) => self.answer(request, operation, good, link),
            Action::Check => {
                let plan = self.planning.clone().plan(self.settings.rules.clone());
                self.check = Some((request, operation, tokio::spawn(plan)));
            }
            Action::Freeze => {
                self.begin(Origin::Host, self.settings.max_frozen);
                if let Some(backup) = &mut self.backup {
                    backup.request = Some(request);
                }
                self.publish();
            }
            Action::Thaw => {
                self.held = Some((request, operation));
                self.follow(link);
            }
            Action::Await => self.held = Some((request, operation)),
        }
    }

    fn answer(&mut self, request: Request, operation: Operation, good: bool, link: &mut Link) {
        let status = if good { Status::OK } else { Status::FAIL };
        link.answer(&request, status, |message| {
            if good {
                vss::fill(operation, message);
            }
        });
        if operation == Operation::THAW && !self.engine.is_owed() && self.engine.phase() != Phase::Frozen {
            self.debt.settle();
        }
    }

    fn answer_check(&mut self, plan: Result<Plan, String>, link: &mut Link) {
        let Some((request, operation, _)) = self.check.take() else { return };
        let possible = plan.and_then(|plan| {
            self.say_what_is_left_out(&plan);
            plan.refusal().map_or(Ok(()), Err)
        });
        let possible = possible.and_then(|()| self.freezer.ready());
        if let Err(why) = &possible
            && self.log.admit("check").is_some()
        {
            tracing::warn!("the host is told that no backup is possible: {why}");
        }
        self.answer(request, operation, possible.is_ok(), link);
    }

    /// Asks the engine again about what waits for another phase.
    fn ask_again(&mut self, link: &mut Link) {
        if let Some((request, operation)) = self.held.take()
            && !link.body(&request).is_empty()
        {
            self.serve(request, operation, link);
        }
    }

    /// What a backup will not hold, each once a day.
    fn say_what_is_left_out(&mut self, plan: &Plan) {
        for entry in plan.entries.iter().filter(|entry| entry.unfreezable) {
            let (mount, kind) = (entry.mount.display().to_string(), &entry.kind);
            if let Verdict::Skip(why) = &entry.verdict
                && self.log.admit_owned(&mount)
            {
                tracing::warn!("{mount} ({kind}) will be in backups as it happens to be: {why}");
            }
        }
    }
}

