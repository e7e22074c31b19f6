//! Guest Shutdown: power off, restart and hibernate, as `Stop-VM` and its sisters ask for them.
//!
//! The guest answers first and goes down afterwards, so an answer is expected here as for anything else; whether it
//! then goes down is not watched. Whether there are such things as restart and hibernation depends on the version.

use hv_utils_core::wire::{Agreed, Version};

use super::ic::{Ic, IcError};
use super::service::Service;
use crate::link::PacketLink;
use crate::outcome::{Failure, Outcome, Why};
use crate::verb::{ShutdownAsk, Verb};

/// Bytes of the body: reason (4), timeout in seconds (4), flags (4), message (2048).
const BODY: usize = 12 + MESSAGE;
/// Bytes of the message.
const MESSAGE: usize = 2048;
/// Bit 0 of the flags: without asking the programs.
const FORCE: u32 = 1;

/// What is to become of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Power off.
    PowerOff,
    /// Restart: messages 3.1.
    Restart,
    /// Hibernate: messages 3.2.
    Hibernate,
}

impl Action {
    /// Its bit of the flags.
    fn flag(self) -> u32 {
        match self {
            Action::PowerOff => 0,
            Action::Restart => 2,
            Action::Hibernate => 4,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Action::PowerOff => "power off",
            Action::Restart => "restart",
            Action::Hibernate => "hibernate",
        }
    }

    /// The first version that has it.
    fn since(self) -> Version {
        match self {
            Action::PowerOff => Version::new(0, 0),
            Action::Restart => Version::new(3, 1),
            Action::Hibernate => Version::new(3, 2),
        }
    }

    /// A host's own rule: what the guest does not know is not sent.
    fn known(self, agreed: Agreed) -> Result<(), Failure> {
        let (since, agreed) = (self.since(), agreed.message);
        if agreed >= since {
            return Ok(());
        }
        let why = format!("{} needs shutdown messages {since}, the guest agreed to {agreed}", self.name());
        let hint = format!("the guest must know {since}, and --versions shutdown=LIST must offer it");
        Err(Failure::Rule(Why::from(why).hint(hint)))
    }
}

/// The body of a request. The message is UTF-16LE and ends with a NUL: public descriptions do not say how it is
/// encoded, so this is a guess after the other texts on these channels.
///
/// # Errors
/// `Usage`: the message does not fit.
pub fn body(action: Action, ask: &ShutdownAsk) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::with_capacity(BODY);
    let flags = action.flag() | if ask.force { FORCE } else { 0 };
    for word in [ask.reason, ask.grace, flags] {
        body.extend_from_slice(&word.to_le_bytes());
    }
    for unit in ask.message.as_deref().unwrap_or_default().encode_utf16() {
        body.extend_from_slice(&unit.to_le_bytes());
    }
    if body.len() > BODY - 2 {
        let (units, most) = ((body.len() - 12) / 2, MESSAGE / 2 - 1);
        return Err(Failure::Usage(
            format!("the message has {units} UTF-16 units, at most {most} fit").into(),
        ));
    }
    body.resize(BODY, 0);
    Ok(body)
}

/// The service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shutdown;

impl Shutdown {
    /// Asks the guest to go down and waits for its answer, not for its going.
    ///
    /// # Errors
    /// The guest refused, there is no usable answer, or the agreed version has no such request.
    pub async fn ask<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        action: Action,
        ask: &ShutdownAsk,
    ) -> Result<(), Failure> {
        action.known(ic.agreed().ok_or(IcError::NotNegotiated)?)?;
        let status = ic.exchange(action.name(), &body(action, ask)?).await?.status;
        if status.is_ok() { Ok(()) } else { Err(Failure::Refused { what: action.name().to_owned(), status }) }
    }
}

impl Service for Shutdown {
    async fn negotiated<L: PacketLink>(&mut self, _ic: &mut Ic<L>) -> Result<(), Failure> {
        Ok(())
    }

    async fn verb<L: PacketLink>(&mut self, ic: &mut Ic<L>, verb: &Verb) -> Result<Outcome, Failure> {
        let (action, ask) = match verb {
            Verb::StopVm(ask) => (Action::PowerOff, ask),
            Verb::RestartVm(ask) => (Action::Restart, ask),
            Verb::HibernateVm(ask) => (Action::Hibernate, ask),
            _ => return Err(Failure::Usage("this verb is not for the shutdown service".into())),
        };
        self.ask(ic, action, ask).await?;
        Ok(Outcome::Done(format!("the guest has agreed to {}", action.name())))
    }
}

#[cfg(test)]
mod tests;
