//! A production checkpoint: check, freeze, copies of disks, thaw; how long each took, and how long the guest was frozen.
//!
//! A thaw is sent whatever became of the freeze and of the copies.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Vss, freezes, snapshot};
use crate::host::ic::Ic;
use crate::link::PacketLink;
use crate::outcome::{Checkpoint, Failure, Frozen, Outcome, Step, Taken};
use crate::verb::CheckpointAsk;
use hv_utils_core::wire::Status;

impl Vss {
    /// Check, freeze, copies, a time for looking, thaw.
    pub(super) async fn checkpoint<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        ask: &CheckpointAsk,
    ) -> Result<Outcome, Failure> {
        freezes(ic)?;
        let begun = Instant::now();
        let checked = self.check(ic).await.map(|_| ());
        let mut done = Checkpoint { steps: vec![answered("check", checked, begun)], frozen: None };
        if done.steps[0].result.is_ok() {
            self.frozen(ic, ask, &mut done).await;
        }
        if done.steps.iter().all(|step| step.result.is_ok()) {
            Ok(Outcome::Checkpoint(done))
        } else {
            Err(Failure::Checkpoint(done))
        }
    }

    /// From the freeze to the thaw.
    async fn frozen<L: PacketLink>(&mut self, ic: &mut Ic<L>, ask: &CheckpointAsk, done: &mut Checkpoint) {
        let sent = Instant::now();
        self.thaw_due = true;
        let froze = self.freeze(ic).await;
        let frozen = froze.is_ok().then(Instant::now);
        done.steps.push(answered("freeze", froze, sent));
        if frozen.is_some() {
            copies(ask, &mut done.steps).await;
            sleep(ask.hold).await;
        }
        let begun = Instant::now();
        let thawed = self.thaw(ic).await;
        let ended = Instant::now();
        self.thaw_due = false;
        // Without either answer nobody knows.
        done.frozen = frozen
            .filter(|_| thawed.is_ok())
            .map(|frozen| Frozen { sure: ended - frozen, longest: ended - sent });
        done.steps.push(answered("thaw", thawed, begun));
    }
}

/// The copies, one after the other; after one that failed the guest need not wait for the rest.
async fn copies(ask: &CheckpointAsk, steps: &mut Vec<Step>) {
    for asked in &ask.snapshots {
        let begun = Instant::now();
        let result = snapshot::copy(asked.clone()).await.map(Taken::Copied);
        let failed = result.is_err();
        steps.push(step("snapshot", result, begun));
        if failed {
            break;
        }
    }
}

fn answered(name: &'static str, result: Result<(), Failure>, begun: Instant) -> Step {
    step(name, result.map(|()| Taken::Answered(Status::OK)), begun)
}

fn step(name: &'static str, result: Result<Taken, Failure>, begun: Instant) -> Step {
    let took: Duration = begun.elapsed();
    Step { name, result, took }
}
