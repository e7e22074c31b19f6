//! The loop of a daemon: the host, the service's own events, signals, the bus, the watchdog.
//!
//! [`Daemon::turn`] waits for whatever comes first, [`Daemon::take`] hands it to the method that deals with it;
//! neither does more. The host comes first in every respect: it is served before and without the bus, and nothing
//! here waits for the bus or the service manager.

use super::args::Parsed;
use super::calm::{Calm, Say};
use super::run::report;
use super::settings::{Loaded, load};
use super::signals::{Asked, Signals};
use super::{Context, Failure, Service, config, log::Log, notify, setup};
use crate::bus::log_control::{self, LogControl};
use crate::bus::presence::{self, Presence};
use crate::bus::service1::{self, Counters, Question, Service1, State};
use crate::channel::{self, Link};
use crate::wire::Version;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep, timeout};
use zbus::Connection;

/// How long "ready" waits for the bus: one that answers late must not hold up the boot.
const BUS_PATIENCE: Duration = Duration::from_secs(2);

/// How long the last answers may take to fit into the ring.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

/// What ended the wait.
enum Turn<E> {
    Link(channel::Event),
    Service(E),
    Bus(presence::Event),
    Asked(Asked),
    Question(Question),
    Watchdog,
    Impatient,
}

/// Whether the loop goes on.
enum Flow {
    On,
    Stop,
}

/// A daemon at work.
pub(super) struct Daemon<S: Service> {
    parsed: Parsed<S::Args>,
    context: Context,
    log: Log,
    service: S,
    link: Link,
    max_version: Option<Version>,
    signals: Signals,
    presence: Option<Presence>,
    publisher: Option<JoinHandle<()>>,
    state: watch::Sender<State>,
    calm: Calm,
    questions: (mpsc::Sender<Question>, mpsc::Receiver<Question>),
    watchdog: Option<Interval>,
    /// Runs until the daemon has said that it is ready.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S: Service> Daemon<S> {
    /// Starts, serves until asked to stop, and stops.
    pub(super) async fn run(
        parsed: Parsed<S::Args>,
        loaded: Loaded<S::Settings>,
        log: Log,
    ) -> Result<(), Failure> {
        let mut daemon = Box::new(Self::start(parsed, loaded, log).await?);
        let result = daemon.serve().await;
        daemon.stop().await;
        result
    }

    async fn start(parsed: Parsed<S::Args>, loaded: Loaded<S::Settings>, log: Log) -> Result<Self, Failure> {
        let signals = Signals::new()?;
        let context = setup::context::<S>(&parsed, &log);
        let link = setup::link::<S>(&parsed, loaded.max_version)?;
        let service = Box::pin(S::start(&context, loaded.own)).await?;
        let presence = setup::presence::<S>(&parsed.common.bus)?;
        let state = watch::Sender::new(State::from(link.status()));
        let patience = Some(if presence.is_some() { BUS_PATIENCE } else { Duration::ZERO });
        Ok(Self {
            parsed,
            context,
            log,
            service,
            link,
            max_version: loaded.max_version,
            signals,
            presence,
            publisher: None,
            state,
            calm: Calm::new(),
            questions: mpsc::channel(1),
            watchdog: notify::watchdog_interval().map(ticking),
            patience: patience.map(|patience| Box::pin(sleep(patience))),
        })
    }

    async fn serve(&mut self) -> Result<(), Failure> {
        loop {
            let turn = self.turn().await;
            if let Flow::Stop = self.take(turn).await? {
                return Ok(());
            }
        }
    }

    /// Waits. Every branch is cancel safe.
    async fn turn(&mut self) -> Turn<S::Event> {
        tokio::select! {
            event = self.link.next() => Turn::Link(event),
            event = self.service.event() => Turn::Service(event),
            event = bus_event(&mut self.presence) => Turn::Bus(event),
            asked = self.signals.next() => Turn::Asked(asked),
            Some(question) = self.questions.1.recv() => Turn::Question(question),
            () = tick(&mut self.watchdog) => Turn::Watchdog,
            () = elapsed(&mut self.patience) => Turn::Impatient,
        }
    }

    async fn take(&mut self, turn: Turn<S::Event>) -> Result<Flow, Failure> {
        match turn {
            Turn::Link(channel::Event::Request(request)) => self.service.request(request, &mut self.link),
            Turn::Link(channel::Event::Changed) => {
                self.service.channel(&mut self.link);
                self.publish();
            }
            Turn::Service(event) => self.service.handle(event, &mut self.link),
            Turn::Bus(event) => self.bus(event).await?,
            Turn::Asked(Asked::Stop) => return Ok(Flow::Stop),
            Turn::Asked(Asked::Reload) => self.reload().await,
            // Whoever asked may have gone away.
            Turn::Question(Question::Counters(asker)) => drop(asker.send(Counters::from(self.link.status()))),
            Turn::Question(Question::Release(time, asker)) => drop(asker.send(self.release(time).await)),
            Turn::Watchdog => self.context.notify.watchdog(),
            Turn::Impatient => self.ready(),
        }
        Ok(Flow::On)
    }

    /// Tells the bus, the service manager and the log what the channel has become.
    fn publish(&mut self) {
        let state = State::from(self.link.status());
        if self.state.send_replace(state) != state {
            let line = state.line();
            match self.calm.change() {
                Say::News => tracing::info!("{line}"),
                Say::Last => tracing::info!("{line}; it changes often: more of this at level debug only"),
                Say::Detail => tracing::debug!("{line}"),
            }
            self.context.notify.status(&line);
        }
    }

    /// Lets go of the raw channel, after the last answers; `false` if there is none.
    async fn release(&mut self, time: Duration) -> bool {
        if timeout(FLUSH_PATIENCE, self.link.flush()).await.is_err() {
            tracing::warn!("the host does not take the last answers; closing the channel without them");
        }
        let released = self.link.release(time);
        if released {
            tracing::info!("the channel is let go of for {} s: its driver is to be changed", time.as_secs());
        }
        released
    }

    /// Says once that the daemon serves.
    fn ready(&mut self) {
        if self.patience.take().is_some() {
            self.context.notify.status(&self.state.borrow().line());
            self.context.notify.ready();
            tracing::debug!("ready");
        }
    }

    async fn bus(&mut self, event: presence::Event) -> Result<(), Failure> {
        match event {
            presence::Event::Connected(bus) => self.attach(&bus).await?,
            presence::Event::Named => {
                match self.patience {
                    Some(_) => tracing::debug!(name = S::BUS_NAME, "on the bus"),
                    // It was said that the bus is not there, or gone.
                    None => tracing::info!(name = S::BUS_NAME, "on the bus"),
                }
                self.ready();
            }
            presence::Event::Absent(reason) => {
                let bus = &self.parsed.common.bus;
                // No warning: a daemon that the boot waits for starts before the bus.
                tracing::info!("{bus} is not there ({reason}); serving the host without it until it comes");
                self.ready();
            }
            presence::Event::Refused(failure) if self.patience.is_some() => return Err(failure),
            presence::Event::Refused(failure) => {
                tracing::error!("{failure}; serving the host without the bus");
            }
            presence::Event::Lost => {
                tracing::warn!("the bus is gone; serving the host without it until it comes back");
                self.detach();
            }
        }
        Ok(())
    }

    /// Registers all objects on a new connection.
    async fn attach(&mut self, bus: &Connection) -> Result<(), Failure> {
        self.detach();
        if let Err(error) = self.register(bus).await {
            // A connection that ended meanwhile is replaced in any case.
            if !bus.is_closed() {
                return Err(Failure::internal(format!("cannot register the D-Bus interfaces: {error}")));
            }
        }
        let publishing = service1::publish(bus.clone(), S::OBJECT, self.state.subscribe());
        self.publisher = Some(tokio::spawn(publishing));
        if let Some(presence) = &self.presence {
            presence.registered();
        }
        Ok(())
    }

    async fn register(&mut self, bus: &Connection) -> zbus::Result<()> {
        let objects = bus.object_server();
        let log_control = LogControl::new(self.log.clone(), self.context.authority);
        objects.at(log_control::PATH, log_control).await?;
        Box::pin(self.service.attach(bus)).await?;
        // The last: whoever reads its counters keeps the tree of objects locked until this loop answers, and this
        // loop would wait for the tree.
        let service1 =
            Service1::new(self.state.subscribe(), self.questions.0.clone(), self.context.authority);
        objects.at(S::OBJECT, service1).await?;
        Ok(())
    }

    fn detach(&mut self) {
        if let Some(publisher) = self.publisher.take() {
            publisher.abort();
        }
    }

    /// SIGHUP: new settings if they are good, else the old ones.
    async fn reload(&mut self) {
        self.context.notify.reloading();
        let loaded = load::<S>(&self.parsed);
        report(&loaded.findings);
        if config::usable(&loaded.findings) {
            self.apply(loaded).await;
        } else {
            tracing::error!("the configuration cannot be used; going on with the one before");
        }
        if let Some(presence) = &self.presence {
            presence.retry();
        }
        self.context.notify.status(&self.state.borrow().line());
        self.context.notify.ready();
    }

    async fn apply(&mut self, loaded: Loaded<S::Settings>) {
        if let Err(error) = self.log.configure(loaded.level, loaded.format) {
            tracing::warn!("{error}; logging as before");
        }
        if loaded.max_version != self.max_version {
            tracing::warn!("max-message-version has changed: restart {} to apply it", S::NAME);
        }
        match Box::pin(self.service.reload(loaded.own)).await {
            Ok(()) => tracing::info!("configuration read again"),
            Err(failure) => tracing::error!("{failure}; going on with the settings before"),
        }
    }

    async fn stop(mut self: Box<Self>) {
        self.context.notify.stopping();
        self.service.stop(&mut self.link).await;
        if timeout(FLUSH_PATIENCE, self.link.flush()).await.is_err() {
            tracing::warn!("the host does not take the last answers; closing the channel without them");
        }
        self.link.close().await;
        self.detach();
    }
}

fn ticking(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn bus_event(presence: &mut Option<Presence>) -> presence::Event {
    match presence {
        Some(presence) => presence.next().await,
        None => std::future::pending().await,
    }
}

async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

async fn elapsed(sleep: &mut Option<Pin<Box<Sleep>>>) {
    match sleep {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}
