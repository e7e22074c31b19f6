//! Backup: asks whether a guest can be backed up, freezes and thaws its filesystems, or does it all as a checkpoint.
//!
//! Between freeze and thaw of a checkpoint disks may be copied, or somebody may look at what is frozen. A thaw is sent
//! whatever became of the freeze, even if its answer is still due, and also if the host ends in between.

mod checkpoint;
mod operation;
mod snapshot;

use hv_utils_core::wire::Version;
use hv_utils_core::wire::vss::{FREEZES, Operation};

use super::check::{HEADERS, Reply, u32_at};
use super::ic::{Ic, IcError};
use super::problem::Problem;
use super::service::Service;
use crate::link::{Packet, PacketLink};
use crate::outcome::{Asked, Failure, Outcome, VssAnswer, Why};
use crate::verb::Verb;
use operation::{SHORT, body};

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
        let reply = ic.exchange("check", &body(Operation::HOT_BACKUP)).await?;
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
        accepted("freeze", &ic.exchange("freeze", &body(Operation::FREEZE)).await?)
    }

    /// THAW, also while the answer to an earlier request is still due.
    ///
    /// # Errors
    /// The guest refused, or there is no usable answer.
    pub async fn thaw<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        freezes(ic)?;
        let thaw = |answer: &Packet| answer.payload.get(HEADERS) == Some(&Operation::THAW.0);
        accepted("thaw", &ic.insist("thaw", &body(Operation::THAW), thaw).await?)
    }

    /// Any operation, with a body of its size; what its answer says.
    ///
    /// # Errors
    /// The agreed version does not have it, the guest refused, or there is no usable answer.
    pub async fn operation<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        wanted: Operation,
    ) -> Result<VssAnswer, Failure> {
        let name = operation::name(wanted);
        has(ic, &name, operation::since(wanted))?;
        if wanted == Operation::THAW {
            self.thaw(ic).await?;
            return Ok(VssAnswer { operation: name, ..VssAnswer::default() });
        }
        let reply = ic.exchange(&name, &body(wanted)).await?;
        accepted(&format!("do {name}"), &reply)?;
        Ok(operation::answer(wanted, &reply))
    }
}

fn accepted(what: &str, reply: &Reply) -> Result<(), Failure> {
    let status = reply.status;
    if status.is_ok() {
        Ok(())
    } else {
        Err(Failure::Refused { what: what.to_owned(), status, asked: Asked::Backup })
    }
}

/// A host's own rule: what the guest does not know is not sent.
fn freezes<L: PacketLink>(ic: &Ic<L>) -> Result<(), Failure> {
    has(ic, "freeze and thaw", FREEZES)
}

fn has<L: PacketLink>(ic: &Ic<L>, what: &str, since: Version) -> Result<(), Failure> {
    let agreed = ic.agreed().ok_or(IcError::NotNegotiated)?.message;
    if agreed >= since {
        return Ok(());
    }
    let need = if what.contains(' ') { "need" } else { "needs" };
    let why = format!("{what} {need} vss messages {since}, the guest agreed to {agreed}");
    let hint = format!("the guest must know {since}, and --versions vss=LIST must offer it");
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
            Verb::VssOperation { operation } => self.operation(ic, *operation).await.map(Outcome::VssAnswer),
            Verb::CheckpointVm(ask) => self.checkpoint(ic, ask).await,
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
