//! Backup: asks whether a guest can be backed up, freezes and thaws its filesystems, or does it all as a checkpoint.
//!
//! There is no checkpoint behind it: between freeze and thaw a host would take it, here somebody may look at what is
//! frozen. A thaw is sent whatever became of the freeze, even if its answer is still due, and also if the host ends in
//! between.

use std::time::Duration;

use hv_utils_core::wire::{Status, Version};
use tokio::time::{Instant, sleep};

use super::check::{HEADERS, Reply, u32_at};
use super::ic::{Ic, IcError};
use super::problem::Problem;
use super::service::Service;
use crate::link::{Packet, PacketLink};
use crate::outcome::{Failure, Outcome, Step, Why};
use crate::verb::Verb;

/// Can the guest be backed up while it runs?
const HOT_BACKUP: u8 = 2;
const FREEZE: u8 = 5;
const THAW: u8 = 6;

/// Bytes of a body with a flags word: operation (1), reserved (7), flags (4).
const SHORT: usize = 12;
/// Bytes of FREEZE's: operation and reserved (8), backup type, flags, count (12), 260 logical units of 24.
const LONG: usize = 8 + 12 + 260 * 24;
/// The first version with FREEZE and THAW.
const FREEZES: Version = Version::new(5, 0);

/// The body of a check, a freeze (no logical unit is named) or a thaw: only the operation is not 0.
fn body(operation: u8) -> Vec<u8> {
    let mut body = vec![0; if operation == FREEZE { LONG } else { SHORT }];
    body[0] = operation;
    body
}

/// The service.
#[derive(Debug, Clone, Default)]
pub struct Vss {
    /// A checkpoint may have frozen the guest, and its thaw was not tried to the end.
    thaw_due: bool,
}

impl Vss {
    /// HOT_BACKUP: whether the guest can be backed up; the flags word of its answer (5: no
    /// auto-recovery; stock kernels mean 5 and say 0).
    ///
    /// # Errors
    /// The guest refused, or there is no usable answer.
    pub async fn check<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<u32, Failure> {
        let reply = ic.exchange("check", &body(HOT_BACKUP)).await?;
        accepted("be backed up", &reply)?;
        if reply.body.len() < SHORT {
            let problem = Problem::BodyShort { what: "check", needed: SHORT, present: reply.body.len() };
            ic.violated("check", problem.clone());
            return Err(IcError::Dead(problem).into());
        }
        Ok(u32_at(&reply.body, 8))
    }

    /// FREEZE.
    ///
    /// # Errors
    /// The guest refused, or there is no usable answer.
    pub async fn freeze<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        freezes(ic)?;
        accepted("freeze", &ic.exchange("freeze", &body(FREEZE)).await?)
    }

    /// THAW, also while the answer to an earlier request is still due.
    ///
    /// # Errors
    /// The guest refused, or there is no usable answer.
    pub async fn thaw<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        freezes(ic)?;
        let thaw = |answer: &Packet| answer.payload.get(HEADERS) == Some(&THAW);
        accepted("thaw", &ic.insist("thaw", &body(THAW), thaw).await?)
    }

    /// Check, freeze, a time for the backup, thaw.
    async fn checkpoint<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        hold: Duration,
    ) -> Result<Outcome, Failure> {
        freezes(ic)?;
        let begun = Instant::now();
        let checked = self.check(ic).await.map(|_| ());
        let mut steps = vec![step("check", checked, begun)];
        if steps[0].result.is_ok() {
            let begun = Instant::now();
            self.thaw_due = true;
            let frozen = self.freeze(ic).await;
            let held = if frozen.is_ok() { hold } else { Duration::ZERO };
            steps.push(step("freeze", frozen, begun));
            sleep(held).await;
            let begun = Instant::now();
            let thawed = self.thaw(ic).await;
            self.thaw_due = false;
            steps.push(step("thaw", thawed, begun));
        }
        if steps.iter().all(|step| step.result.is_ok()) {
            Ok(Outcome::Checkpoint(steps))
        } else {
            Err(Failure::Checkpoint(steps))
        }
    }
}

fn step(name: &'static str, result: Result<(), Failure>, begun: Instant) -> Step {
    Step { name, result: result.map(|()| Status::OK), took: begun.elapsed() }
}

fn accepted(what: &str, reply: &Reply) -> Result<(), Failure> {
    let status = reply.status;
    if status.is_ok() { Ok(()) } else { Err(Failure::Refused { what: what.to_owned(), status }) }
}

/// A host's own rule: what the guest does not know is not sent.
fn freezes<L: PacketLink>(ic: &Ic<L>) -> Result<(), Failure> {
    let agreed = ic.agreed().ok_or(IcError::NotNegotiated)?.message;
    if agreed >= FREEZES {
        return Ok(());
    }
    let why = format!("freeze and thaw need vss messages {FREEZES}, the guest agreed to {agreed}");
    let hint = format!("the guest must know {FREEZES}, and --versions vss=LIST must offer it");
    Err(Failure::Rule(Why::from(why).hint(hint)))
}

impl Service for Vss {
    async fn negotiated<L: PacketLink>(&mut self, _ic: &mut Ic<L>) -> Result<(), Failure> {
        Ok(())
    }

    async fn verb<L: PacketLink>(&mut self, ic: &mut Ic<L>, verb: &Verb) -> Result<Outcome, Failure> {
        let done = |what: &str| Outcome::Done(what.to_owned());
        match verb {
            Verb::VssCheck => self.check(ic).await.map(Outcome::VssCheck),
            Verb::VssFreeze => self.freeze(ic).await.map(|()| done("the guest is frozen")),
            Verb::VssThaw => self.thaw(ic).await.map(|()| done("the guest is thawed")),
            Verb::CheckpointVm { hold } => self.checkpoint(ic, *hold).await,
            _ => Err(Failure::Usage("this verb is not for the vss service".into())),
        }
    }

    async fn leave<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Option<String> {
        if !std::mem::take(&mut self.thaw_due) {
            return None;
        }
        Some(match self.thaw(ic).await {
            Ok(()) => "a checkpoint was cut short, the guest is thawed".to_owned(),
            Err(why) => {
                format!("a checkpoint was cut short and the guest may be frozen, vss-thaw it: {why}")
            }
        })
    }
}

#[cfg(test)]
mod tests;
