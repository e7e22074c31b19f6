//! The host's side of one channel: negotiate, ask one thing at a time, check every answer.
//!
//! Generic over the link and ignorant of what the services ask. It remembers the one request that is
//! outstanding, so that an answer which comes too late is not taken for the next one; and once a guest has broken
//! a rule over which a real host gives up, it asks nothing more on this channel.

mod heard;
mod options;

use std::time::Duration;

use hv_utils_core::wire::negotiate::Offer;
use hv_utils_core::wire::{self, Agreed, IcHeader, PacketHeader};
use tokio::time::{Instant, timeout_at};

use super::check::{self, Reply};
use super::problem::{Problem, Violation};
pub use heard::Heard;
use heard::at_once;
pub(crate) use options::PROBE_ID;
pub use options::{IcError, IcOptions, TransactionIds};

use crate::link::{LinkError, Packet, PacketLink};

/// More broken rules than this on one channel are not collected.
const MAX_VIOLATIONS: usize = 64;

/// One open channel.
#[derive(Debug)]
pub struct Ic<L> {
    link: L,
    ic: wire::Ic,
    options: IcOptions,
    agreed: Option<Agreed>,
    dead: Option<Problem>,
    /// The NEGOTIATE that waits for its answer.
    offered: Option<Packet>,
    /// Requests that wait for their answers: one at most, unless somebody breaks the rules.
    outstanding: u32,
    next_id: u8,
    violations: Vec<Violation>,
}

impl<L: PacketLink> Ic<L> {
    /// A channel that was just opened; nothing is sent yet.
    pub fn new(link: L, ic: wire::Ic, options: IcOptions) -> Ic<L> {
        Ic {
            link,
            ic,
            options,
            agreed: None,
            dead: None,
            offered: None,
            outstanding: 0,
            next_id: 0,
            violations: Vec::new(),
        }
    }

    /// Which service this is.
    pub fn ic(&self) -> wire::Ic {
        self.ic
    }

    /// What was agreed, if anything.
    pub fn agreed(&self) -> Option<Agreed> {
        self.agreed
    }

    /// The rule over which the service was given up.
    pub fn dead(&self) -> Option<&Problem> {
        self.dead.as_ref()
    }

    /// The link itself, for those who want to break the rules.
    pub fn link(&mut self) -> &mut L {
        &mut self.link
    }

    /// Time for one answer from now on.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.options.timeout = timeout;
    }

    /// Versions to offer from now on.
    pub fn set_offer(&mut self, offer: Offer) {
        self.options.offer = offer;
    }

    /// Says that so many requests were sent past this type, whose answers may still come.
    pub fn owe(&mut self, answers: u32) {
        self.outstanding = self.outstanding.saturating_add(answers);
    }

    /// The broken rules found since the last call.
    pub fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }

    /// Records a broken rule; a fatal one ends the service on this channel.
    pub fn violated(&mut self, during: &str, problem: Problem) {
        if problem.is_fatal() {
            self.dead.get_or_insert_with(|| problem.clone());
        }
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation { ic: self.ic, during: during.to_owned(), problem });
        }
    }

    /// The NEGOTIATE with the versions on offer.
    pub fn negotiate_packet(&self) -> Packet {
        let mut payload = Vec::new();
        self.options.offer.encode(&mut payload);
        Packet { header: PacketHeader::in_band(0), payload }
    }

    /// A request of the agreed versions around `body`.
    ///
    /// # Errors
    /// Nothing is agreed.
    pub fn request_packet(&mut self, body: &[u8]) -> Result<Packet, IcError> {
        let agreed = self.agreed.ok_or(IcError::NotNegotiated)?;
        let mut header = IcHeader::request(agreed.framework, self.ic.message_type(), agreed.message);
        if self.options.ids == TransactionIds::Rising {
            // One number is kept for probes of scenarios.
            self.next_id = (self.next_id + 1) % PROBE_ID;
        }
        header.transaction_id = self.next_id;
        let mut payload = Vec::new();
        wire::encode(&header, body, &mut payload);
        Ok(Packet { header: PacketHeader::in_band(u64::from(self.next_id)), payload })
    }

    /// Sends NEGOTIATE; the answer is for [`Ic::listen`]. Nothing is agreed from here on.
    ///
    /// # Errors
    /// See [`IcError`].
    pub async fn offer(&mut self) -> Result<(), IcError> {
        self.alive()?;
        self.agreed = None;
        let sent = self.negotiate_packet();
        let deadline = Instant::now() + self.options.timeout;
        self.send(&sent, deadline).await?;
        self.offered = Some(sent);
        Ok(())
    }

    /// Offers the versions and waits for the guest's choice. Late answers to older requests are dropped meanwhile.
    ///
    /// # Errors
    /// See [`IcError`]; `NoCommonVersion` when the guest answers with counts of zero.
    pub async fn negotiate(&mut self) -> Result<Agreed, IcError> {
        let deadline = Instant::now() + self.options.timeout;
        self.offer().await?;
        loop {
            match timeout_at(deadline, self.listen()).await {
                Err(_) => return Err(IcError::NoAnswer(self.options.timeout)),
                Ok(Heard::Agreed(agreed)) => return agreed,
                Ok(Heard::Closed) => return Err(IcError::Closed),
                Ok(Heard::Packet) => self.alive()?,
            }
        }
    }

    /// Asks one thing and waits for its answer. `during` names it in what is reported.
    ///
    /// # Errors
    /// See [`IcError`]. After `NoAnswer` the request stays outstanding: the next call waits for its answer first.
    pub async fn exchange(&mut self, during: &str, body: &[u8]) -> Result<Reply, IcError> {
        self.alive()?;
        self.settle(during).await?;
        let sent = self.request_packet(body)?;
        let got = self.ask(during, &sent).await?;
        self.checked(during, &sent, got)
    }

    fn checked(&mut self, during: &str, sent: &Packet, got: Packet) -> Result<Reply, IcError> {
        let mut tolerated = Vec::new();
        let checked = check::reply(sent, got, &mut tolerated);
        for problem in tolerated {
            self.violated(during, problem);
        }
        checked.map_err(|problem| self.broken(during, problem))
    }

    /// Asks one thing even if older requests are unanswered or the service was given up: what has to be said whatever
    /// became of them. `mine` knows its answer where older ones are still due, which come before it; the first packet
    /// after them is the answer whatever it looks like. Errors as [`Ic::exchange`].
    pub async fn insist(
        &mut self,
        during: &str,
        body: &[u8],
        mine: impl Fn(&Packet) -> bool,
    ) -> Result<Reply, IcError> {
        if self.outstanding == 0 {
            // Takes out what nobody asked for. A link that fails here fails again below, and is told there.
            let _ = self.settle(during).await;
        }
        let sent = self.request_packet(body)?;
        let deadline = Instant::now() + self.options.timeout;
        self.send(&sent, deadline).await?;
        let mut older = self.outstanding;
        self.outstanding += 1;
        loop {
            let got = self.next(during, deadline).await?;
            if older == 0 || mine(&got) {
                // Whatever was asked before will not be answered any more.
                self.outstanding = 0;
                return self.checked(during, &sent, got);
            }
            older -= 1;
            self.outstanding -= 1;
        }
    }

    /// Sends a packet of any content and returns whatever comes next, unchecked.
    ///
    /// # Errors
    /// See [`IcError`].
    pub async fn raw(&mut self, packet: &Packet) -> Result<Packet, IcError> {
        self.settle("raw").await?;
        self.ask("raw", packet).await
    }

    /// Whether the service still works on this channel.
    ///
    /// # Errors
    /// The rule over which it was given up.
    pub fn alive(&self) -> Result<(), IcError> {
        self.dead.clone().map_or(Ok(()), |problem| Err(IcError::Dead(problem)))
    }

    fn broken(&mut self, during: &str, problem: Problem) -> IcError {
        self.violated(during, problem.clone());
        IcError::Dead(problem)
    }

    /// Clears the way for a request: waits for a late answer, takes out what nobody asked for.
    async fn settle(&mut self, during: &str) -> Result<(), IcError> {
        let deadline = Instant::now() + self.options.timeout;
        while self.outstanding > 0 {
            self.next(during, deadline).await?;
            self.outstanding -= 1;
        }
        for _ in 0..MAX_VIOLATIONS {
            match at_once(self.link.recv()).await {
                None => break,
                Some(Ok(_)) => self.unasked(during),
                Some(Err(error)) => return Err(self.failed(during, error)),
            }
        }
        Ok(())
    }

    async fn ask(&mut self, during: &str, packet: &Packet) -> Result<Packet, IcError> {
        let deadline = Instant::now() + self.options.timeout;
        self.send(packet, deadline).await?;
        self.outstanding += 1;
        let answer = self.next(during, deadline).await?;
        self.outstanding -= 1;
        Ok(answer)
    }

    async fn send(&mut self, packet: &Packet, deadline: Instant) -> Result<(), IcError> {
        match timeout_at(deadline, self.link.send(packet)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failed("sending", error)),
            Err(_) => Err(IcError::NotRead(self.options.timeout)),
        }
    }

    async fn next(&mut self, during: &str, deadline: Instant) -> Result<Packet, IcError> {
        match timeout_at(deadline, self.link.recv()).await {
            Ok(Ok(packet)) => Ok(packet),
            Ok(Err(error)) => Err(self.failed(during, error)),
            Err(_) => Err(IcError::NoAnswer(self.options.timeout)),
        }
    }

    fn failed(&mut self, during: &str, error: LinkError) -> IcError {
        match error {
            LinkError::Closed => IcError::Closed,
            LinkError::Packet(why) => self.broken(during, Problem::Unusable(why)),
            LinkError::Corrupt(why) => self.broken(during, Problem::Corrupt(why)),
            other => IcError::Link(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
