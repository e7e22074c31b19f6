//! The shell around the engine: answers the host, hears systemd and applications, and shows how things are.
//!
//! A heartbeat is answered from what is known: nothing is asked of anybody for it, and nothing here waits.

use std::time::Duration;

use hv_utils_core::bus::{Authority, Error};
use hv_utils_core::channel::{ChannelState, Link, OncePer, Request};
use hv_utils_core::daemon::{CommonArgs, Context, Failure, Service, config};
use hv_utils_core::wire::heartbeat::{self, ApplicationState};
use hv_utils_core::wire::{Ic, Status};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use zbus::Connection;

use crate::bus::heartbeat1::refusal;
use crate::bus::{Ask, Board, Heartbeat1, Publisher, Reporting, Shown};
use crate::config::{Args, Settings};
use crate::engine::{Engine, Source};
use crate::leases::{Full, Guard, Holder, Leases, Leaving, MOST_LEASES, Report};
use crate::systemd::{Seen, Wanted, Watch};
use crate::telling::Telling;

/// How often the same is said.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);

/// The daemon.
#[derive(Debug)]
pub struct Heartbeatd {
    authority: Authority,
    settings: Settings,
    engine: Engine,
    leases: Leases<Guard>,
    watch: Option<Watch>,
    /// What that one asks.
    asked: Wanted,
    bus: Option<Connection>,
    /// Which connection to the bus this is; grows.
    line: u64,
    channel: ChannelState,
    board: Board,
    asks: mpsc::Receiver<Ask>,
    publisher: Option<Publisher>,
    log: OncePer,
    telling: Telling,
}

/// What this daemon waits for besides the host.
#[derive(Debug)]
pub enum Event {
    /// systemd says something else.
    Systemd(Seen),
    /// Somebody on the bus wants something.
    Ask(Ask),
    /// The log may be told what was held back.
    Due,
}

impl Service for Heartbeatd {
    const IC: Ic = Ic::Heartbeat;
    const NAME: &'static str = "hv-heartbeatd";
    const ABOUT: &'static str = "Hyper-V Heartbeat service for a Linux guest";
    const BUS_NAME: &'static str = "org.hvutils.Heartbeat1";
    const OBJECT: &'static str = "/org/hvutils/Heartbeat1";
    const TABLE: &'static str = "heartbeat";
    type Args = Args;
    type Settings = Settings;
    type Event = Event;

    fn settings(table: &mut config::Table<'_>, _: &Args, _: &CommonArgs) -> Settings {
        Settings::read(table)
    }

    async fn start(context: &Context, settings: Settings) -> Result<Heartbeatd, Failure> {
        let mut daemon = Heartbeatd::new(context.authority, settings);
        daemon.settle();
        Ok(daemon)
    }

    async fn attach(&mut self, bus: &Connection) -> zbus::Result<()> {
        // Whoever had reported something was on another bus.
        self.line += 1;
        self.leases.clear();
        self.bus = Some(bus.clone());
        // Over this bus from now on; what was seen stands until systemd says something else.
        self.asked = Wanted::default();
        self.settle();
        let heartbeat1 = Heartbeat1::new(self.board.clone(), self.authority, self.line);
        bus.object_server().at(Self::OBJECT, heartbeat1).await?;
        self.publisher = Some(Publisher::start(bus.clone(), Self::OBJECT, &self.board));
        Ok(())
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        if let Err(problem) = heartbeat::parse(link.body(&request)) {
            self.odd(&problem);
            return link.reject(&request, problem.status());
        }
        link.answer(&request, Status::OK, |body| self.engine.answer(body));
        self.board.count(self.engine.sequence());
    }

    fn channel(&mut self, link: &mut Link) {
        self.channel = link.status().state;
        self.settle();
    }

    async fn event(&mut self) -> Event {
        let due = self.telling.due(self.state());
        tokio::select! {
            Some(ask) = self.asks.recv() => Event::Ask(ask),
            seen = seen(&mut self.watch) => Event::Systemd(seen),
            () = reached(due) => Event::Due,
        }
    }

    fn handle(&mut self, event: Event, _: &mut Link) {
        self.hear(event);
    }

    async fn reload(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        self.settle();
        Ok(())
    }

    async fn stop(&mut self, _: &mut Link) {
        self.end();
    }
}

impl Heartbeatd {
    /// That has heard of nothing and nobody yet.
    fn new(authority: Authority, settings: Settings) -> Heartbeatd {
        let (board, asks) = Board::new();
        Heartbeatd {
            authority,
            settings,
            engine: Engine::default(),
            leases: Leases::default(),
            watch: None,
            asked: Wanted::default(),
            bus: None,
            line: 0,
            channel: ChannelState::Closed,
            board,
            asks,
            publisher: None,
            log: OncePer::new(LOG_INTERVAL),
            telling: Telling::default(),
        }
    }

    /// What systemd is asked: nothing where nobody would be told.
    fn wanted(&self) -> Wanted {
        if self.channel == ChannelState::Kernel {
            return Wanted::default();
        }
        Wanted { system: self.settings.system_state, units: self.settings.units.clone() }
    }

    fn reporting(&self) -> Reporting {
        match self.channel {
            ChannelState::Kernel => Reporting::Kernel,
            _ if self.settings.applications => Reporting::Open,
            _ => Reporting::Off,
        }
    }

    /// Takes up what channel, bus and settings are now.
    fn settle(&mut self) {
        if self.reporting() != Reporting::Open {
            self.leases.clear();
        }
        let wanted = self.wanted();
        let asked = if self.bus.is_some() { wanted.clone() } else { Wanted::default() };
        if asked != self.asked {
            let before = self.seen();
            let bus = self.bus.clone().filter(|_| !asked.is_nothing());
            self.watch = bus.map(|bus| Watch::start(bus, asked.clone(), before));
            self.asked = asked;
        }
        self.engine.set_systemd(self.seen().sources(&wanted));
        self.show();
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Systemd(seen) => {
                let sources = seen.sources(&self.wanted());
                self.engine.set_systemd(sources);
            }
            Event::Ask(ask) => self.answer(ask),
            Event::Due => {}
        }
        self.show();
    }

    /// What systemd has said last.
    fn seen(&self) -> Seen {
        self.watch.as_ref().map(Watch::now).unwrap_or_default()
    }

    fn answer(&mut self, ask: Ask) {
        // Whoever asked may have ceased to wait.
        match ask {
            Ask::Report(holder, report, leaving, answer) => {
                let _ = answer.send(self.report(holder, report, leaving));
            }
            Ask::Withdraw(holder, call, answer) => {
                self.leases.withdraw(&holder, call);
                self.show();
                let _ = answer.send(());
            }
            Ask::Gone(holder) => {
                if self.leases.gone(&holder) {
                    tracing::debug!(application = holder.name, "has left the bus, and its state with it");
                }
            }
        }
    }

    fn report(&mut self, holder: Holder, report: Report, leaving: Leaving) -> Result<(), Error> {
        // It may have changed since the call was looked at.
        refusal(self.reporting())?;
        if holder.line != self.line {
            return Err(Error::Failed("the bus was started anew: try again".to_owned()));
        }
        let gone = {
            let (board, holder) = (self.board.clone(), holder.clone());
            async move { board.ask(Ask::Gone(holder)).await }
        };
        self.leases.report(holder, report, || leaving.then(gone)).map_err(|Full| {
            let what = format!("{MOST_LEASES} applications have reported their state, and no more can");
            if self.log.admit("too many leases").is_some() {
                tracing::warn!("{what}");
            }
            Error::Busy(what)
        })?;
        // Before the caller is answered, so that it finds what it has said.
        self.show();
        Ok(())
    }

    /// What the host is told; where nobody says anything, what it would take that for.
    fn state(&self) -> ApplicationState {
        self.engine.word().unwrap_or_default()
    }

    /// Has the bus show how things are, and tells the log what is news.
    fn show(&mut self) {
        self.engine.set_applications(self.leases.sources());
        let state = self.state();
        if self.telling.admit(state, Instant::now()) {
            self.tell(state);
        }
        let sources = self.engine.sources().cloned().collect();
        self.board.publish(Shown { state, sources, reporting: self.reporting() });
    }

    /// Nothing is held back any longer.
    fn end(&mut self) {
        let state = self.state();
        if self.telling.end(state) {
            self.tell(state);
        }
    }

    fn tell(&self, state: ApplicationState) {
        match self.engine.worst() {
            Some(Source { name, why, .. }) => {
                let why = if why.is_empty() { String::new() } else { format!(": {why:?}") };
                tracing::info!("the host is told that applications are {state}: {name}{why}");
            }
            None => tracing::info!("the host is told nothing of applications any more"),
        }
    }

    fn odd(&mut self, problem: &dyn std::fmt::Display) {
        if let Some(before) = self.log.admit("no heartbeat") {
            tracing::warn!(
                unlogged_before = (before > 0).then_some(before),
                "answered with an error: {problem}"
            );
        }
    }
}

/// Never for a daemon that asks nothing.
async fn seen(watch: &mut Option<Watch>) -> Seen {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Never where nothing is due: then there is no timer.
async fn reached(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
