//! What the host wants, and what it is answered.

use std::time::Duration;

use hv_utils_core::channel::{Link, Request};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::{self, Operation};
use tokio::time::sleep;

use super::{Heard, Vssd};
use crate::engine::Action;
use crate::freeze::Locked;
use crate::plan::{Plan, Verdict};
use crate::planning::For;
use crate::report::Origin;

/// How long after the host's question a freeze is likely.
const AHEAD: Duration = Duration::from_secs(30);

/// How many filesystems are named in the log.
const MOST_SAID: usize = 256;

impl Vssd {
    pub(super) fn serve(&mut self, request: Request, operation: Operation, link: &mut Link) {
        match self.engine.request(operation) {
            Action::Answer(good) => self.answer(request, operation, good, link),
            Action::Check => {
                let plan = self.planning.clone().plan(self.rules(), For::Freeze);
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
                self.follow("the host asked for something else before everything was frozen", link);
            }
            Action::Await => self.held = Some((request, operation)),
        }
    }

    fn answer(&mut self, request: Request, operation: Operation, good: bool, link: &mut Link) {
        let status = if good { Status::OK } else { Status::FAIL };
        let paid = operation == Operation::THAW && !self.engine.is_owed();
        // Killed between the two: the good news is true even if it is lost, the bad news is told twice rather than never.
        if paid && good {
            self.debt.settle();
        }
        let receipt = link.answer_noted(&request, status, |message| {
            if good {
                vss::fill(operation, message);
            }
        });
        if paid && !good {
            self.receipt = Some((receipt, Heard::Spoiled));
        }
    }

    pub(super) fn answer_check(&mut self, plan: Result<Plan, String>, link: &mut Link) {
        let Some((request, operation, _)) = self.check.take() else { return };
        let possible = plan.and_then(|plan| {
            self.say_what_is_left_out(&plan);
            plan.refusal().map_or(Ok(()), Err)
        });
        let possible = possible.and_then(|()| self.freezer.ready());
        let possible = possible.and_then(|()| self.hooks.defect().map_or(Ok(()), Err));
        if let Err(why) = &possible
            && self.log.admit("check").is_some()
        {
            tracing::warn!("the host is told that no backup is possible: {why}");
        }
        self.answer(request, operation, possible.is_ok(), link);
        if possible.is_ok() {
            // After the answer, and before the freeze, whose writers would wait for it.
            self.ahead = Some((Locked::now(), Box::pin(sleep(AHEAD))));
        }
    }

    /// Learns what has become of the last answer, if that is known by now: it comes before what the host wants next, which it
    /// may want because it was not told.
    pub(super) fn catch_up(&mut self, link: &mut Link) {
        match self.receipt.as_mut().and_then(|(receipt, _)| receipt.known()) {
            Some(true) => self.heard(),
            Some(false) => self.unheard(link),
            None => {}
        }
    }

    /// The host has heard what it must.
    pub(super) fn heard(&mut self) {
        if let Some((_, Heard::Spoiled)) = self.receipt.take()
            && !self.engine.is_owed()
        {
            self.debt.settle();
        }
    }

    /// The host has not heard what it must.
    pub(super) fn unheard(&mut self, link: &mut Link) {
        match self.receipt.take() {
            Some((_, Heard::Frozen)) => {
                self.engine.unheard();
                self.follow("the host was not told that everything is frozen", link);
                // After the thaw is on its way: it writes.
                self.debt.settle();
            }
            Some((_, Heard::Spoiled)) => self.engine.owes_still(),
            None => {}
        }
    }

    /// Asks the engine again about what waits for another phase.
    pub(super) fn ask_again(&mut self, link: &mut Link) {
        if let Some((request, operation)) = self.held.take()
            && !link.body(&request).is_empty()
        {
            self.serve(request, operation, link);
        }
    }

    /// What a backup has only as it happens to be: each is said once.
    fn say_what_is_left_out(&mut self, plan: &Plan) {
        for entry in plan.entries.iter().filter(|entry| entry.at_risk) {
            let mount = entry.mount.display().to_string();
            if let Verdict::Skip(why) = &entry.verdict
                && self.left_out.len() < MOST_SAID
                && self.left_out.insert(mount.clone())
            {
                tracing::warn!("{mount} ({}) is left out of every freeze: {why}", entry.kind);
            }
        }
    }
}
