//! One service at work: offers the device, waits for a guest, negotiates, carries out orders, offers again.
//!
//! A task of its own per service, written once for every link and every service. Whoever wants something sends an
//! [`Order`]; what became of the service is published in a watch, so that waiting for a guest needs no polling.

mod device;
mod ending;
mod order;
mod raw;

use std::io;
use std::time::Duration;

use hv_utils_core::wire::{self, Agreed};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, interval, sleep};

use super::ic::{Heard, Ic, IcError};
use super::problem::Violation;
use super::service::Service;
use crate::link::{PacketLink, Port};
use crate::outcome::{Failure, Outcome, Report, ServiceState};
use crate::record::Recorded;
use crate::verb::Verb;
use ending::over;
pub use order::Phase;
pub(super) use order::{Order, StationOptions};
use raw::raw;

/// Pause after the system refused a connection (no descriptors left, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// Broken rules and notes that wait for the next report; more are dropped.
const MAX_PENDING: usize = 64;

/// One service at work.
pub(super) struct Station<P, S> {
    port: P,
    service: S,
    ic: wire::Ic,
    options: StationOptions,
    orders: mpsc::Receiver<Order>,
    state: watch::Sender<ServiceState>,
    /// Whether the host ends, or is gone.
    ending: watch::Receiver<bool>,
    violations: Vec<Violation>,
}

/// What ends an open channel.
enum End {
    /// The guest closed it, or it cannot be used any more.
    Closed,
    /// The administrator took the device away.
    Rescinded,
    /// The host ends.
    Quit,
}

impl<P: Port, S: Service> Station<P, S> {
    pub(super) fn new(
        ic: wire::Ic,
        port: P,
        service: S,
        options: StationOptions,
        ending: watch::Receiver<bool>,
    ) -> (Station<P, S>, mpsc::Sender<Order>, watch::Receiver<ServiceState>) {
        let (sender, orders) = mpsc::channel(1);
        let (state, watcher) = watch::channel(ServiceState::new(ic));
        let violations = Vec::new();
        (Station { port, service, ic, options, orders, state, ending, violations }, sender, watcher)
    }

    /// Works until the host ends, which cuts short whatever is under way.
    pub(super) async fn run(mut self) {
        let mut ending = self.ending.clone();
        loop {
            let link = tokio::select! {
                link = self.closed() => link,
                () = over(&mut ending) => None,
            };
            let Some(link) = link else { break };
            let recorded = Recorded::new(link, self.ic, self.options.records.clone());
            let mut ic = Ic::new(recorded, self.ic, self.options.ic.clone());
            let end = tokio::select! {
                end = self.open(&mut ic) => end,
                () = over(&mut ending) => End::Quit,
            };
            if let End::Quit = end {
                self.leave(&mut ic).await;
            }
            self.collect(&mut ic);
            drop(ic);
            self.state.send_modify(|state| (state.phase, state.since) = (Phase::Waiting, None));
            match end {
                End::Quit => break,
                End::Rescinded => {}
                End::Closed => self.reoffer(),
            }
        }
        self.port.end().await;
    }

    /// Waits for a guest; `None` when the host ends.
    async fn closed(&mut self) -> Option<P::Link> {
        loop {
            tokio::select! {
                link = self.port.opened() => match link {
                    Ok(link) => return Some(link),
                    Err(error) if error.kind() == io::ErrorKind::Unsupported => self.keep(&error),
                    Err(error) => {
                        self.tell(&format!("cannot open a channel for a guest: {error}"));
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                order = self.orders.recv() => {
                    let order = order?;
                    let report = self.without_guest(&order.verb);
                    let _ = order.answer.send(report);
                }
            }
        }
    }

    /// An open channel, until it ends.
    async fn open<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> End {
        self.tell("a guest has opened the channel");
        self.state.send_modify(|state| {
            state.phase = Phase::Negotiating;
            state.openings += 1;
            state.since = Some(Instant::now());
        });
        if let Err(error) = ic.offer().await {
            self.tell(&format!("NEGOTIATE could not be sent: {error}"));
            return End::Closed;
        }
        let mut beat = self.service.period().map(interval);
        restart(&mut beat);
        loop {
            tokio::select! {
                heard = ic.listen() => match heard {
                    Heard::Agreed(agreed) => {
                        self.agreed(ic, agreed).await;
                        restart(&mut beat);
                    }
                    Heard::Packet => self.publish(ic),
                    Heard::Closed => {
                        self.tell("the channel was closed");
                        return End::Closed;
                    }
                },
                order = self.orders.recv() => match order {
                    None => return End::Quit,
                    Some(order) => if let Some(end) = self.obey(ic, order).await {
                        return end;
                    }
                },
                () = due(&mut beat), if ic.agreed().is_some() && ic.dead().is_none() => {
                    let result = self.service.tick(ic).await;
                    self.after(ic, result.err().as_ref());
                    restart(&mut beat);
                }
            }
        }
    }

    /// The guest has answered NEGOTIATE.
    async fn agreed<L: PacketLink>(&mut self, ic: &mut Ic<L>, agreed: Result<Agreed, IcError>) {
        match agreed {
            Ok(agreed) => {
                self.tell(&format!("negotiated framework {}, messages {}", agreed.framework, agreed.message));
                let result = self.service.negotiated(ic).await;
                self.after(ic, result.err().as_ref());
            }
            Err(IcError::NoCommonVersion) => {
                self.tell(&IcError::NoCommonVersion.to_string());
                self.state.send_modify(|state| state.phase = Phase::NoCommonVersion);
                self.collect(ic);
            }
            Err(error) => {
                self.tell(&error.to_string());
                self.publish(ic);
            }
        }
    }

    /// Carries an order out; `Some` ends the channel.
    async fn obey<L: PacketLink>(&mut self, ic: &mut Ic<L>, order: Order) -> Option<End> {
        if let Verb::DisableService { .. } = order.verb {
            let report = self.without_guest(&order.verb);
            let ended = report.as_ref().is_some_and(|report| report.result.is_ok());
            let _ = order.answer.send(report);
            return ended.then_some(End::Rescinded);
        }
        if let Verb::EnableService { .. } = order.verb {
            let _ = order.answer.send(self.without_guest(&order.verb));
            return None;
        }
        if self.state.borrow().phase == Phase::Negotiating {
            let _ = order.answer.send(None);
            return None;
        }
        ic.set_timeout(order.timeout.unwrap_or(self.options.ic.timeout));
        let result = self.carry_out(ic, &order.verb).await;
        self.after(ic, result.as_ref().err());
        ic.set_timeout(self.options.ic.timeout);
        let violations = std::mem::take(&mut self.violations);
        let report = Report { result, violations, notes: self.service.take_notes() };
        let _ = order.answer.send(Some(report));
        None
    }

    async fn carry_out<L: PacketLink>(&mut self, ic: &mut Ic<L>, verb: &Verb) -> Result<Outcome, Failure> {
        match verb {
            Verb::Renegotiate { .. } => {
                let agreed = ic.negotiate().await;
                self.agreed(ic, agreed.clone()).await;
                Ok(outcome(self.ic, agreed?))
            }
            Verb::Raw { hex, body, size, .. } => raw(ic, &hex.join(" "), *body, *size).await,
            _ if self.state.borrow().phase == Phase::NoCommonVersion => Err(IcError::NoCommonVersion.into()),
            Verb::WaitGuest { .. } => {
                ic.alive()?;
                let agreed = ic.agreed().ok_or(IcError::NotNegotiated)?;
                Ok(outcome(self.ic, agreed))
            }
            verb => self.service.verb(ic, verb).await,
        }
    }

    /// Publishes where the service stands after something was done on the channel.
    fn after<L: PacketLink>(&mut self, ic: &mut Ic<L>, failure: Option<&Failure>) {
        let (sequence, application) = (self.service.sequence(), self.service.application());
        // Before the phase: who waits for that looks at these, too.
        self.state.send_modify(|state| (state.sequence, state.application) = (sequence, application));
        self.publish(ic);
        let lost = matches!(failure, Some(Failure::NoAnswer(_)));
        self.state.send_modify(|state| {
            if let (true, Phase::Ready(agreed)) = (lost, &state.phase) {
                state.phase = Phase::Lost(*agreed);
            }
        });
    }

    fn publish<L: PacketLink>(&mut self, ic: &mut Ic<L>) {
        self.collect(ic);
        let phase = match (ic.dead(), ic.agreed()) {
            (Some(problem), _) => Phase::Failed(problem.clone()),
            (None, Some(agreed)) => Phase::Ready(agreed),
            (None, None) if self.state.borrow().phase == Phase::NoCommonVersion => return,
            (None, None) => Phase::Negotiating,
        };
        self.state.send_if_modified(|state| {
            let changed = state.phase != phase;
            state.phase = phase;
            changed
        });
    }

    /// Takes over what was found on the channel: told at once, kept for the next report.
    fn collect<L: PacketLink>(&mut self, ic: &mut Ic<L>) {
        for violation in ic.take_violations() {
            self.tell(&format!("violation: {}: {}", violation.during, violation.problem));
            if self.violations.len() < MAX_PENDING {
                self.violations.push(violation);
            }
        }
    }

    fn tell(&self, what: &str) {
        if let Some(events) = &self.options.events {
            let _ = events.send(format!("{}: {what}", self.ic));
        }
    }
}

fn outcome(ic: wire::Ic, agreed: Agreed) -> Outcome {
    Outcome::Agreed { ic, framework: agreed.framework, message: agreed.message }
}

/// The next beat comes a period after the last answer, whatever that took.
fn restart(beat: &mut Option<Interval>) {
    if let Some(beat) = beat {
        beat.reset();
    }
}

async fn due(beat: &mut Option<Interval>) {
    match beat {
        Some(beat) => {
            beat.tick().await;
        }
        None => std::future::pending().await,
    }
}
