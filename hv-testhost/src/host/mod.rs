//! The host: which services it offers, and what an administrator can have done on them.
//!
//! ```text
//!   verbs ── Host ──order──▶ Station ── Ic ── PacketLink ── guest
//!                 ◀─state───    │
//!                            Service (kvp, heartbeat, shutdown, timesync, vss, fcopy)
//! ```
//! A [`Host`] runs one station per service. Nothing below it knows where verbs come from.

pub mod check;
pub mod fcopy;
pub mod heartbeat;
pub mod kvp;
pub mod shutdown;
pub mod status;
pub mod timesync;
pub mod vss;

mod ic;
mod options;
mod place;
mod problem;
mod service;
mod station;
mod vm;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hv_utils_core::wire::Ic as IcKind;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

pub(crate) use ic::PROBE_ID;
pub use ic::{Heard, Ic, IcError, IcOptions, TransactionIds};
pub use options::{DEFAULT_RING_BYTES, HostOptions};
pub use place::Place;
pub use problem::{Problem, Violation};
pub use service::Service;
pub use station::Phase;

use crate::failure::{Failure, Why};
use crate::link::Port;
use crate::outcome::{Outcome, Report, ServiceState};
use crate::packet::{Contact, PacketPort};
use crate::sim::SimPort;
use crate::verb::Verb;
use fcopy::FileCopy;
use heartbeat::Heartbeat;
use kvp::Kvp;
use shutdown::Shutdown;
use station::{Order, Station, StationOptions};
use timesync::TimeSync;
use vss::Vss;

/// The services that work here: all there are.
pub const OFFERABLE: &[IcKind] =
    &[IcKind::Kvp, IcKind::Heartbeat, IcKind::Shutdown, IcKind::TimeSync, IcKind::Vss, IcKind::FileCopy];

/// A host at work. [`Host::shut_down`] ends it in order; dropping it begins the same, and waits for nothing.
#[derive(Debug)]
pub struct Host {
    stations: Vec<Handle>,
    options: HostOptions,
    quit: Notify,
    ending: watch::Sender<bool>,
    /// Verbs under way.
    busy: AtomicUsize,
}

#[derive(Debug)]
struct Handle {
    ic: IcKind,
    place: Place,
    /// What is known of a virtual machine's side.
    contact: Option<Contact>,
    orders: mpsc::Sender<Order>,
    /// Its sender goes with the station.
    state: watch::Receiver<ServiceState>,
}

impl Host {
    /// Offers the services. Needs a tokio runtime.
    ///
    /// # Errors
    /// A socket cannot be made or reached by any path, or another host sits in the directory.
    pub fn start(options: HostOptions) -> io::Result<Host> {
        let mut stations = Vec::new();
        let (ending, ended) = watch::channel(false);
        for ic in options.ics.iter().copied() {
            stations.push(match &options.place {
                Place::Sim { dir, ring_bytes } => {
                    start_service(&options, ic, SimPort::new(dir, ic, *ring_bytes)?, ended.clone())
                }
                Place::PacketLink { dir } => {
                    let port = PacketPort::new(dir, ic)?;
                    let contact = Some(port.contact());
                    Handle { contact, ..start_service(&options, ic, port, ended.clone()) }
                }
            });
        }
        Ok(Host { stations, options, quit: Notify::new(), ending, busy: AtomicUsize::new(0) })
    }

    /// Does what a verb says and reports. `timeout` is the time for a guest to come and for each of its answers;
    /// the host's own where absent.
    pub async fn execute(&self, verb: &Verb, timeout: Option<Duration>) -> Report {
        let _busy = Busy::with(&self.busy);
        let limit = timeout.unwrap_or(self.options.timeout);
        match verb {
            Verb::GetIntegrationServices => Report::of(Ok(Outcome::Services(self.states()))),
            Verb::GetVm => Report::of(Ok(Outcome::Vm(self.vm()))),
            Verb::Quit => {
                self.quit.notify_one();
                Report::of(Ok(Outcome::Done("the host ends".to_owned())))
            }
            Verb::WaitGuest { name: None } => self.wait_all(limit).await,
            verb => match self.station(verb) {
                Ok(station) => station.order(verb, limit, timeout).await,
                Err(failure) => Report::of(Err(failure)),
            },
        }
    }

    /// Where each service stands now.
    pub fn states(&self) -> Vec<ServiceState> {
        self.stations.iter().map(|station| station.state.borrow().clone()).collect()
    }

    /// Waits until each service that is offered has met its guest, or for `limit`.
    pub async fn settled(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        for station in &self.stations {
            // What has become of it by then is told by the states.
            let _ = station.reachable(deadline).await;
        }
    }

    /// Waits until somebody has executed `quit`.
    pub async fn quit(&self) {
        self.quit.notified().await;
    }

    /// Whether verbs are being carried out.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Ends the services and waits until that is done: verbs under way are cut short, a guest that a checkpoint has
    /// frozen is thawed, devices that are this host's own are rescinded, and those of a virtual machine that were taken
    /// away are offered again.
    pub async fn shut_down(&self) {
        self.ending.send_replace(true);
        for station in &self.stations {
            let mut state = station.state.clone();
            while state.changed().await.is_ok() {}
        }
    }

    fn station(&self, verb: &Verb) -> Result<&Handle, Failure> {
        let ic = verb.target().unwrap_or(IcKind::Kvp);
        self.stations.iter().find(|station| station.ic == ic).ok_or_else(|| not_offered(ic))
    }

    async fn wait_all(&self, limit: Duration) -> Report {
        let deadline = Instant::now() + limit;
        let mut report = Report::of(Err(Failure::Rule("this host offers nothing".into())));
        for station in &self.stations {
            let verb = Verb::WaitGuest { name: Some(station.ic) };
            report = station.order(&verb, deadline.saturating_duration_since(Instant::now()), None).await;
            if report.result.is_err() {
                break;
            }
        }
        report
    }
}

/// A verb under way, for as long as it is.
struct Busy<'a>(&'a AtomicUsize);

impl Busy<'_> {
    fn with(count: &AtomicUsize) -> Busy<'_> {
        count.fetch_add(1, Ordering::Relaxed);
        Busy(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Told when the host ends.
type Ended = watch::Receiver<bool>;

fn start_service<P: Port + 'static>(options: &HostOptions, ic: IcKind, port: P, ended: Ended) -> Handle {
    match ic {
        IcKind::Heartbeat => {
            start_station(options, ic, port, Heartbeat::new(options.heartbeat_period), ended)
        }
        IcKind::Shutdown => start_station(options, ic, port, Shutdown, ended),
        IcKind::TimeSync => {
            let service = TimeSync::new(options.time_period).with_offset(options.time_offset);
            start_station(options, ic, port, service, ended)
        }
        IcKind::Vss => start_station(options, ic, port, Vss::default(), ended),
        IcKind::FileCopy => start_station(options, ic, port, FileCopy::default(), ended),
        IcKind::Kvp => start_station(options, ic, port, Kvp::new(options.host_items.clone()), ended),
    }
}

fn start_station<P, S>(options: &HostOptions, ic: IcKind, port: P, service: S, ended: Ended) -> Handle
where
    P: Port + 'static,
    S: Service + 'static,
{
    let station_options = StationOptions {
        ic: options.ic_options(ic),
        // The others stay when their channels are closed.
        reoffer_on_close: options.reoffer_on_close && ic == IcKind::Kvp,
        records: options.records.clone(),
        events: options.events.clone(),
    };
    let (station, orders, state) = Station::new(ic, port, service, station_options, ended);
    tokio::spawn(station.run());
    Handle { ic, place: options.place.clone(), contact: None, orders, state }
}

impl Handle {
    /// Has a verb done on this service: at once if it needs no guest, else as soon as one has negotiated.
    async fn order(&self, verb: &Verb, limit: Duration, timeout: Option<Duration>) -> Report {
        let deadline = Instant::now() + limit;
        loop {
            if verb.service().is_some()
                && let Err(failure) = self.reachable(deadline).await
            {
                return Report::of(Err(failure));
            }
            let (answer, report) = oneshot::channel();
            let order = Order { verb: verb.clone(), timeout, answer };
            if self.orders.send(order).await.is_err() {
                return Report::of(Err(ended()));
            }
            match report.await {
                Ok(Some(report)) => return report,
                // The guest left between the waiting and the order.
                Ok(None) => {}
                Err(_) => return Report::of(Err(ended())),
            }
        }
    }

    /// Waits until something can be asked of a guest.
    async fn reachable(&self, deadline: Instant) -> Result<(), Failure> {
        let mut state = self.state.clone();
        let settled = |state: &ServiceState| {
            !state.enabled || !matches!(state.phase, Phase::Waiting | Phase::Negotiating)
        };
        let waited = timeout_at(deadline, state.wait_for(settled)).await.map(|seen| seen.map(|_| ()));
        let state = state.borrow().clone();
        match waited {
            Ok(Err(_)) => Err(ended()),
            Ok(Ok(())) if state.enabled => Ok(()),
            Ok(Ok(())) => {
                let why = Why::from(format!("{} is disabled", self.ic));
                Err(Failure::Rule(why.hint(format!("enable-service {} offers it again", self.ic))))
            }
            Err(_) => Err(self.out_of_time(&state)),
        }
    }

    /// No guest could be asked within the time limit.
    fn out_of_time(&self, state: &ServiceState) -> Failure {
        let why = Why::from(format!("{}: {} in time", self.ic, state.detail()));
        Failure::NoAnswer(match state.phase {
            Phase::Waiting => why.hint(self.place.hint(self.ic, self.contact.as_ref())),
            _ => why.hint("look at the log of the guest's daemon, or wait longer with --timeout SECS"),
        })
    }
}

fn not_offered(ic: IcKind) -> Failure {
    let why = Why::from(format!("this host does not offer {ic}"));
    Failure::Rule(why.hint(format!("start the host with --ic {ic}")))
}

fn ended() -> Failure {
    Failure::Host("the service has ended".into())
}

#[cfg(test)]
mod golden_tests;
