//! The shell around the engine: what it decides is done here, and what has happened is told it.
//!
//! Nothing here waits: plans, hooks and filesystems are at work elsewhere and come back as events. While anything is frozen
//! the log is held back, and nothing is written or opened; the answer to the host goes first, whatever else there is to do.

mod ends;
mod events;
mod host;
mod leftover;
mod stages;

use std::collections::HashSet;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::channel::{ChannelState, Framing, Link, OncePer, Receipt, Request};
use hv_utils_core::daemon::{CommonArgs, Context, Failure, Service, config};
use hv_utils_core::wire::Ic;
use hv_utils_core::wire::vss::{self, Operation};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, timeout};

use crate::backup::{Answer, Backup, Progress};
use crate::bus::{Desk, Publisher, Remote, Vss1, remote};
use crate::config::{Args, Settings};
use crate::engine::Engine;
use crate::freeze::{After, Debt, Freezer, Locked, recover};
use crate::history::History;
use crate::hooks::Hooks;
use crate::plan::Plan;
use crate::planning::Planning;
use crate::rescue::{boot_id, recover_only, roots};
use events::Event;

/// How long it may take until everything is frozen, hooks included: less than the 15 minutes after
/// which the kernel's driver gives up.
const FREEZING_LIMIT: Duration = Duration::from_secs(600);
/// How much longer than a freeze the service manager's watchdog has to wait.
const WATCHDOG_SLACK: Duration = Duration::from_secs(60);
/// How long the end of the daemon waits for the thaw and its hooks: less than `TimeoutStopSec=`.
const END_PATIENCE: Duration = Duration::from_secs(45);
/// How long it then waits for its history to be on the disk.
const HISTORY_PATIENCE: Duration = Duration::from_secs(5);
/// How often the same is said about filesystems that are left out.
const LOG_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// The daemon.
#[derive(Debug)]
pub struct Vssd {
    context: Context,
    settings: Settings,
    engine: Engine,
    planning: Planning,
    hooks: Hooks,
    freezer: Freezer,
    backup: Option<Backup>,
    /// Since the host has asked whether a freeze would succeed; for as long as one is likely to follow.
    ahead: Option<(Locked, Pin<Box<Sleep>>)>,
    /// Settings for the next freeze, that came during this one.
    next: Option<Settings>,
    /// The bus that the daemon is on.
    bus: watch::Sender<Option<zbus::Connection>>,
    /// The host's question whether a freeze would succeed.
    check: Option<Check>,
    /// What of the host's waits for the phase to change.
    held: Option<(Request, Operation)>,
    /// Callers on the bus who wait for the thaw.
    thawing: Vec<Answer>,
    /// Whether the host has been told that everything is frozen.
    receipt: Option<(Receipt, Heard)>,
    limit: Option<Pin<Box<Sleep>>>,
    /// While something that was left frozen does not thaw.
    rescue: Option<JoinHandle<()>>,
    debt: Debt,
    boot_id: String,
    history: Arc<History>,
    remote: Remote,
    desk: Desk,
    stuck: bool,
    publisher: Option<Publisher>,
    log: OncePer,
    /// Types of filesystems that the kernel has refused to freeze.
    refused_types: Vec<String>,
    /// Filesystems of which it was said that they are left out.
    left_out: HashSet<String>,
}

/// A question of the host's, and the plan that answers it.
type Check = (Request, Operation, JoinHandle<Result<Plan, String>>);

/// What an answer tells the host that it must hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Everything is frozen.
    Frozen,
    /// What it froze did not last.
    Spoiled,
}

impl Service for Vssd {
    const IC: Ic = Ic::Vss;
    const NAME: &'static str = "hv-vssd";
    const ABOUT: &'static str = "Hyper-V Backup (VSS) service for a Linux guest";
    const BUS_NAME: &'static str = "org.hvutils.Vss1";
    const OBJECT: &'static str = "/org/hvutils/Vss1";
    const TABLE: &'static str = "vss";
    type Args = Args;
    type Settings = Settings;
    type Event = Event;

    fn instead(args: &Args, common: &CommonArgs) -> Option<ExitCode> {
        args.recover.then(|| recover_only(common))
    }

    fn settings(table: &mut config::Table<'_>, _args: &Args, common: &CommonArgs) -> Settings {
        Settings::read(table, common)
    }

    async fn start(context: &Context, settings: Settings) -> Result<Vssd, Failure> {
        let (common, roots) = (&context.common, roots(&context.common));
        let boot_id = boot_id(common)?;
        // Before anything is read from a disk: it may be frozen.
        let leftover = recover(&common.run_dir, &roots, &boot_id, After::Forget).unwrap_or_else(|why| {
            tracing::error!("{why}");
            None
        });
        let debt = Debt::new(&common.run_dir);
        let owed = debt.is_owed(&boot_id);
        let freezer = Freezer::start(&common.run_dir, roots.clone(), boot_id.clone())
            .map_err(|error| Failure::internal(format!("cannot start the guardian: {error}")))?;
        let history = Arc::new(History::open(&context.state_dir()?.join("history.json")));
        let (remote, desk) = remote(history.subscribe());
        let mut vssd = Vssd {
            context: context.clone(),
            engine: Engine::new(owed),
            planning: Planning::new(roots),
            hooks: stages::hooks(&settings, &common.run_dir, &boot_id),
            settings,
            freezer,
            backup: None,
            ahead: None,
            next: None,
            bus: watch::Sender::new(None),
            check: None,
            held: None,
            thawing: Vec::new(),
            receipt: None,
            limit: None,
            rescue: None,
            debt,
            boot_id,
            history,
            remote,
            desk,
            stuck: false,
            publisher: None,
            log: OncePer::new(LOG_INTERVAL),
            refused_types: Vec::new(),
            left_out: HashSet::new(),
        };
        vssd.recovered(leftover);
        vssd.publish();
        Ok(vssd)
    }

    async fn attach(&mut self, bus: &zbus::Connection) -> zbus::Result<()> {
        let object = Vss1::new(self.remote.clone(), self.context.authority);
        bus.object_server().at(Self::OBJECT, object).await?;
        self.hooks.over(bus.clone());
        self.bus.send_replace(Some(bus.clone()));
        self.publisher = Some(Publisher::start(bus.clone(), Self::OBJECT, self.remote.subscribe()));
        Ok(())
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        // The host has given up what it asked before.
        (self.held, self.check) = (None, None);
        self.catch_up(link);
        let body = link.body(&request);
        let parsed = match request.framing {
            Framing::Raw { version } => vss::parse(body, version),
            Framing::CharDevice => vss::parse_chardev(body),
        };
        match parsed {
            Ok(operation) => self.serve(request, operation, link),
            Err(problem) => {
                tracing::debug!(why = %problem, "request refused");
                link.reject(&request, problem.status());
            }
        }
    }

    fn channel(&mut self, link: &mut Link) {
        self.catch_up(link);
        if let ChannelState::Closed | ChannelState::Failed = link.status().state {
            self.engine.host_gone();
            self.follow("the channel to the host was lost", link);
        }
    }

    async fn event(&mut self) -> Event {
        self.next_event().await
    }

    fn handle(&mut self, event: Event, link: &mut Link) {
        match event {
            Event::Freezer(event) => self.frozen(event, link),
            Event::Progress(Progress::Planned(plan)) => self.planned(plan, link),
            Event::Progress(Progress::Hooked(round)) => self.hooked(round, link),
            Event::Checked(plan) => self.answer_check(plan, link),
            Event::Ask(ask) => self.asked(ask, link),
            Event::Told(true) => self.heard(),
            Event::Told(false) => self.unheard(link),
            Event::NoFreeze => self.ahead = None,
            Event::Rescued => {
                self.rescue = None;
                tracing::info!("what an instance before this one has left frozen is thawed");
                self.publish();
            }
            Event::TooLong => {
                self.limit = None;
                let limit = FREEZING_LIMIT.as_secs();
                self.give_up(&format!("not everything was frozen after {limit} s"), link);
            }
        }
    }

    async fn reload(&mut self, settings: Settings) -> Result<(), Failure> {
        // The freeze that is under way ends as it began.
        if self.backup.is_some() {
            self.next = Some(settings);
        } else {
            self.apply(settings);
        }
        Ok(())
    }

    async fn stop(&mut self, link: &mut Link) {
        self.engine.stop();
        self.give_up("the daemon was stopped", link);
        let thawed = async {
            while self.backup.is_some() {
                let event = self.event().await;
                self.handle(event, link);
            }
        };
        if timeout(END_PATIENCE, thawed).await.is_err() {
            tracing::error!(
                "not everything is thawed, or its hooks have not ended, and the daemon ends all the same"
            );
        }
        self.desk.asks.close();
        self.context.log.release();
        if timeout(HISTORY_PATIENCE, self.history.saved()).await.is_err() {
            tracing::warn!("the history cannot be written: the disk does not answer");
        }
        self.freezer.end();
    }
}
