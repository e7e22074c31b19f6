//! The shell around the engine: looks at what surrounds a request, answers, and does what was promised, in this order.
//!
//! [`answering`] goes from a message to its answer, and sees that leave; [`doing`] goes from there through hooks to whoever brings
//! the machine down, and follows what becomes of it. Nothing here waits: all that takes time is a task that comes back as an event.

mod answering;
mod doing;
mod means;
mod task;

use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::bus::Authority;
use hv_utils_core::channel::{ChannelState, Framing, Link, OncePer, Request};
use hv_utils_core::daemon::{CommonArgs, Context, Failure, Service, config};
use hv_utils_core::hooks::Hooks;
use hv_utils_core::wire::{Ic, Status};
use tokio::time::timeout;

use crate::bus::{Board, Capable, Publisher, Shown, Shutdown1};
use crate::config::{Args, Settings};
use crate::engine::{Engine, Seen};
use crate::history::{History, Row};
use crate::inhibit::Inhibitors;
use crate::ways::{self, Ways};
use answering::{Answer, Look};
use doing::Done;
use means::Means;
use task::Task;

/// How often the same refusal is said.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);
/// How long the end of the daemon waits for what was promised to be begun: less than `TimeoutStopSec=`.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// How long it then waits for its history to be on the disk.
const HISTORY_PATIENCE: Duration = Duration::from_secs(5);
/// Where it is on the bus.
const OBJECT: &str = "/org/hvutils/Shutdown1";

/// The daemon.
#[derive(Debug)]
pub struct Shutdownd<M = Ways> {
    common: Option<CommonArgs>,
    authority: Authority,
    settings: Settings,
    engine: Engine,
    means: M,
    hooks: Hooks,
    inhibitors: Inhibitors,
    history: Arc<History>,
    board: Board,
    bus: Option<zbus::Connection>,
    publisher: Option<Publisher>,
    /// Settings for when nothing runs any more, and what they make of the rest.
    next: Option<(Settings, M)>,
    /// What surrounds a request is being looked at.
    look: Option<Look>,
    /// An answer is on its way out.
    answer: Option<Answer>,
    /// Hooks, or whoever is asked to act.
    work: Option<Task<Done>>,
    /// Whether what was begun is called off.
    watch: Option<Task<()>>,
    /// What was begun is a delay that goes on in here, and nowhere else.
    waits_here: bool,
    /// The last request, or the one that runs.
    last: Option<Row>,
    kernel: bool,
    /// How long a host has to take an answer that lies there.
    patience: Duration,
    log: OncePer,
}

/// What this daemon waits for besides the host.
#[derive(Debug)]
#[expect(private_interfaces, reason = "the shell only hands events back to this module")]
pub enum Event {
    /// What surrounds a request was looked at.
    Seen(Seen),
    /// Whether the answer is where the host finds it.
    Told(bool),
    /// It is time to see whether the host has taken it.
    Taken,
    /// Hooks, or an attempt to act, have come to their end.
    Done(Done),
    /// What was begun is called off, or over.
    Over,
}

impl Service for Shutdownd<Ways> {
    const IC: Ic = Ic::Shutdown;
    const NAME: &'static str = "hv-shutdownd";
    const ABOUT: &'static str = "Hyper-V Guest Shutdown service for a Linux guest";
    const BUS_NAME: &'static str = "org.hvutils.Shutdown1";
    const OBJECT: &'static str = OBJECT;
    const TABLE: &'static str = "shutdown";
    type Args = Args;
    type Settings = Settings;
    type Event = Event;

    fn settings(table: &mut config::Table<'_>, args: &Args, common: &CommonArgs) -> Settings {
        Settings::read(table, args, common)
    }

    async fn start(context: &Context, settings: Settings) -> Result<Self, Failure> {
        let common = context.common.clone();
        let history = History::open(&context.state_dir()?.join("history.json"));
        let means = Ways::new(options(&settings, &common));
        if settings.print {
            tracing::info!("nothing is done to this machine: it is said what would be (--act)");
        }
        let daemon = Shutdownd::new(settings, means, history, context.authority);
        Ok(Shutdownd { common: Some(common), ..daemon })
    }

    async fn attach(&mut self, bus: &zbus::Connection) -> zbus::Result<()> {
        self.attach_to(bus).await
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        self.asked(request, link);
    }

    fn channel(&mut self, link: &mut Link) {
        self.channel_is(link.status().state);
    }

    async fn event(&mut self) -> Event {
        self.next_event().await
    }

    fn handle(&mut self, event: Event, link: &mut Link) {
        self.happened(event, link);
    }

    async fn reload(&mut self, settings: Settings) -> Result<(), Failure> {
        let Some(common) = &self.common else { return Ok(()) };
        let ways = Ways::new(options(&settings, common));
        self.change(settings, ways);
        Ok(())
    }

    async fn stop(&mut self, link: &mut Link) {
        self.end(link).await;
    }
}

/// What the ways are told of all this.
fn options(settings: &Settings, common: &CommonArgs) -> ways::Options {
    ways::Options {
        sysfs_root: common.sysfs_root.clone(),
        proc_root: common.proc_root.clone(),
        run_dir: common.run_dir.clone(),
        print: settings.print,
        force_escalation: settings.force_escalation,
        ..ways::Options::default()
    }
}

impl<M: Means> Shutdownd<M> {
    fn new(settings: Settings, means: M, history: History, authority: Authority) -> Shutdownd<M> {
        Shutdownd {
            common: None,
            authority,
            engine: Engine::new(settings.rules),
            hooks: Hooks::new(settings.hooks.clone()),
            settings,
            means,
            inhibitors: Inhibitors::default(),
            board: Board::new(&history),
            history: Arc::new(history),
            bus: None,
            publisher: None,
            next: None,
            look: None,
            answer: None,
            work: None,
            watch: None,
            waits_here: false,
            last: None,
            kernel: false,
            patience: answering::TAKEN_PATIENCE,
            log: OncePer::new(LOG_INTERVAL),
        }
    }

    async fn attach_to(&mut self, bus: &zbus::Connection) -> zbus::Result<()> {
        self.means.over(bus.clone());
        self.hooks.over(bus.clone());
        let object =
            Shutdown1::new(self.board.clone(), self.inhibitors.clone(), self.capable(), self.authority);
        bus.object_server().at(OBJECT, object).await?;
        self.publisher = Some(Publisher::start(bus.clone(), OBJECT, &self.board, &self.inhibitors));
        self.bus = Some(bus.clone());
        Ok(())
    }

    /// Whether the guest could hibernate, for the bus. The configuration is that of the time of the question.
    fn capable(&self) -> Capable {
        let allowed = self.board.clone();
        let means = self.means.clone();
        Capable::new(move || {
            let (allowed, means) = (allowed.clone(), means.clone());
            async move {
                if allowed.shown().hibernate {
                    means.hibernation().await
                } else {
                    Err(crate::engine::OFF.to_owned())
                }
            }
        })
    }

    fn asked(&mut self, request: Request, link: &mut Link) {
        // The host has given up what it asked before.
        self.look = None;
        let Framing::Raw { version } = request.framing else { return link.reject(&request, Status::FAIL) };
        let (step, asked) = self.engine.receive(link.body(&request), version);
        self.follow(step, request, asked, link);
    }

    fn channel_is(&mut self, state: ChannelState) {
        self.kernel = state == ChannelState::Kernel;
        if matches!(state, ChannelState::Closed | ChannelState::Failed) {
            self.look = None;
        }
        self.publish();
    }

    async fn next_event(&mut self) -> Event {
        tokio::select! {
            biased;
            event = answering::next(&mut self.answer) => event,
            seen = answering::looked(&mut self.look) => Event::Seen(seen),
            done = task::next(&mut self.work) => Event::Done(done.unwrap_or(Done::Broken)),
            _ = task::next(&mut self.watch) => Event::Over,
        }
    }

    fn happened(&mut self, event: Event, link: &mut Link) {
        match event {
            Event::Seen(seen) => self.decide(seen, link),
            Event::Told(delivered) => self.told(delivered, link),
            Event::Taken => self.is_taken(link),
            Event::Done(done) => self.done(done),
            Event::Over => self.over(),
        }
        self.settle();
    }

    fn change(&mut self, settings: Settings, means: M) {
        self.engine.set_rules(settings.rules);
        self.next = Some((settings, means));
        self.settle();
        self.publish();
    }

    /// New settings are taken when nothing runs that began under others.
    fn settle(&mut self) {
        if self.engine.running().is_some() {
            return;
        }
        let Some((settings, means)) = self.next.take() else { return };
        self.hooks = Hooks::new(settings.hooks.clone());
        if let Some(bus) = &self.bus {
            means.over(bus.clone());
            self.hooks.over(bus.clone());
        }
        (self.settings, self.means) = (settings, means);
    }

    async fn end(&mut self, link: &mut Link) {
        self.leave(link);
        let begun = async {
            while self.work.is_some() {
                let event = self.next_event().await;
                self.happened(event, link);
            }
        };
        if timeout(END_PATIENCE, begun).await.is_err() {
            tracing::error!("what the host was promised is not begun, and the daemon ends all the same");
        }
        if timeout(HISTORY_PATIENCE, self.history.saved()).await.is_err() {
            tracing::warn!("the history is not kept: the disk does not answer");
        }
    }

    fn publish(&self) {
        self.board.publish(Shown {
            pending: self.engine.running().is_some(),
            last: self.last.clone(),
            kernel: self.kernel,
            hibernate: self.engine.rules().hibernate,
        });
    }
}

#[cfg(test)]
mod tests;
