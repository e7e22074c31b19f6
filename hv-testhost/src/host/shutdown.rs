//! Guest Shutdown: power off, restart and hibernate, as `Stop-VM` and its sisters ask for them.
//!
//! The guest answers first and goes down afterwards, so an answer is expected here as for anything else; whether it
//! then goes down is not watched. Whether there are such things as restart and hibernation depends on the version.

use hv_utils_core::wire::Agreed;
pub use hv_utils_core::wire::shutdown::Action;
use hv_utils_core::wire::shutdown::{Request, TEXT_BYTES, encode};

use super::ic::{Ic, IcError};
use super::service::Service;
use crate::link::PacketLink;
use crate::outcome::{Asked, Failure, Outcome, Why};
use crate::verb::{ShutdownAsk, SuspendAsk, Verb};

/// UTF-16 units that fit with their NUL.
const MOST_UNITS: usize = TEXT_BYTES / 2 - 1;

fn words(action: Action) -> &'static str {
    match action {
        Action::PowerOff => "power off",
        Action::Restart => "restart",
        Action::Hibernate => "hibernate",
    }
}

/// A host's own rule: what the guest does not know is not sent.
fn known(action: Action, agreed: Agreed) -> Result<(), Failure> {
    let (since, agreed) = (action.since(), agreed.message);
    if agreed >= since {
        return Ok(());
    }
    let why = format!("{} needs shutdown messages {since}, the guest agreed to {agreed}", words(action));
    let hint = format!("the guest must know {since}, and --versions shutdown=LIST must offer it");
    Err(Failure::Rule(Why::from(why).hint(hint)))
}

/// The body of a request. The message is UTF-16LE and ends with a NUL: public descriptions do not say how it is
/// encoded, so this is a guess after the other texts on these channels.
///
/// # Errors
/// `Usage`: the message does not fit.
pub fn body(action: Action, ask: &ShutdownAsk) -> Result<Vec<u8>, Failure> {
    let text = ask.message.clone().unwrap_or_default();
    let units = text.encode_utf16().count();
    if units > MOST_UNITS {
        let why = format!("the message has {units} UTF-16 units, at most {MOST_UNITS} fit");
        return Err(Failure::Usage(why.into()));
    }
    Ok(encode(&Request { action, force: ask.force, reason: ask.reason, timeout_secs: ask.grace, text }))
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
        known(action, ic.agreed().ok_or(IcError::NotNegotiated)?)?;
        let what = words(action);
        let status = ic.exchange(what, &body(action, ask)?).await?.status;
        if status.is_ok() {
            Ok(())
        } else {
            Err(Failure::Refused { what: what.to_owned(), status, asked: Asked::Shutdown })
        }
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
            Verb::SuspendVm(SuspendAsk { how: ask, .. }) | Verb::HibernateVm(ask) => (Action::Hibernate, ask),
            _ => return Err(Failure::Usage("this verb is not for the shutdown service".into())),
        };
        self.ask(ic, action, ask).await?;
        Ok(Outcome::Done(format!("the guest has agreed to {}", words(action))))
    }
}

#[cfg(test)]
mod tests;
