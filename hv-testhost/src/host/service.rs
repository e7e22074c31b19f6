//! What every service of the host offers to the station that runs it.
//!
//! A service knows its own messages and nothing of sockets, offers or negotiation: those are the station's.

use std::future::Future;
use std::time::Duration;

use super::ic::Ic;
use crate::link::PacketLink;
use crate::outcome::{Failure, Outcome};
use crate::verb::Verb;

/// One service of the host.
pub trait Service: Send {
    /// The guest has negotiated; what a host sends unasked goes now.
    fn negotiated<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Does what an administrator asks.
    fn verb<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        verb: &Verb,
    ) -> impl Future<Output = Result<Outcome, Failure>> + Send;

    /// How long after an answer [`Service::tick`] is due; `None` for a service that is only asked.
    fn period(&self) -> Option<Duration> {
        None
    }

    /// What a host sends from time to time.
    fn tick<L: PacketLink>(&mut self, _ic: &mut Ic<L>) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// The host ends, perhaps in the middle of a verb: says to the guest what must not stay unsaid. What came of it, for
    /// the administrator; `None` if nothing was due.
    fn leave<L: PacketLink>(&mut self, _ic: &mut Ic<L>) -> impl Future<Output = Option<String>> + Send {
        async { None }
    }

    /// Last sequence number that was answered, for services that count.
    fn sequence(&self) -> u64 {
        0
    }

    /// State of the guest's applications as it was last reported, for the service that knows.
    fn application(&self) -> Option<u32> {
        None
    }

    /// Things worth telling the administrator since the last call.
    fn take_notes(&mut self) -> Vec<String> {
        Vec::new()
    }
}
