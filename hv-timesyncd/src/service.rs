//! The shell around the engine: looks at the clocks, tells the engine, does what it decides, and shows it.
//!
//! [`samples`] goes from a message, or a look at the PTP clock, to what is done; [`surroundings`] knows who else keeps the
//! clock, what the channel is, and where pairs come from. Nothing here waits.

mod samples;
mod surroundings;

use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::channel::{ChannelState, Framing, Link, OncePer, Request};
use hv_utils_core::daemon::{CommonArgs, Context, Failure, PathWatch, Service, config};
use hv_utils_core::wire::{Ic, Status};
use tokio::time::{Instant, sleep_until, timeout};

use crate::bus::{Board, Publisher, Shown, TimeSync1};
use crate::clock::{Clock, Imitated, Kernel, PtpClock};
use crate::config::{Args, ClockChoice, Settings};
use crate::counter::{Counter, Looks, pairs};
use crate::engine::Engine;
use crate::refclock::{SharedClock, Socket};
use crate::ruler::{Clients, Evidence, Watch};
use crate::state::{Keeper, Kept, Mark};

/// How often the same is said.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);
/// What a change of frequency is worth a write of, at the end of the daemon, ppm.
const WORTH_KEEPING: f64 = 0.01;
/// How long the end of the daemon waits for that.
const KEEP_PATIENCE: Duration = Duration::from_secs(5);

/// Looks at the PTP clock, and when the next is due.
#[derive(Debug)]
struct Poll {
    looks: Looks,
    due: Instant,
}

/// The daemon.
#[derive(Debug)]
pub struct Timesyncd {
    context: Context,
    settings: Settings,
    clock: Arc<dyn Clock>,
    engine: Engine,
    counter: Counter,
    keeper: Keeper,
    mark: Mark,
    /// When the frequency was kept last, on the raw clock.
    kept_at: i64,
    source: Source,
    /// Channel and PTP clock as last seen.
    channel: ChannelState,
    ptp: Option<PtpClock>,
    /// Waits for the PTP clock where there should be one.
    ptp_watch: Option<PathWatch>,
    /// While the PTP clock is looked at again and again.
    poll: Option<Poll>,
    /// Waits for the helper's pairs.
    pairs_watch: Option<PathWatch>,
    watch: Option<Watch>,
    /// NTP clients as last told of; `None` before that.
    clients: Option<Clients>,
    /// What was seen of who keeps the clock.
    evidence: Evidence,
    /// When something is to be found out that nothing announces.
    again: Option<Instant>,
    /// Steps that were logged since there were too many.
    steps_said: u32,
    /// When this daemon started, on the raw clock.
    started: i64,
    socket: Socket,
    shared: Option<SharedClock>,
    fed: Fed,
    board: Board,
    shown: Shown,
    publisher: Option<Publisher>,
    log: OncePer,
}

/// Where samples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// From nowhere.
    None,
    /// Messages of the host.
    Channel,
    /// The kernel's PTP clock.
    Ptp,
}

/// Which clients have taken the last sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fed {
    chrony: bool,
    shared: bool,
}

/// What this daemon waits for besides the host.
#[derive(Debug)]
pub enum Event {
    /// Other NTP clients run now.
    Clients(Clients),
    /// The helper has left pairs.
    Pairs,
    /// Look at the PTP clock.
    Look,
    /// Something happened where the PTP clock should be.
    Ptp,
    /// Time has passed that tells who keeps the clock.
    Again,
}

impl Service for Timesyncd {
    const IC: Ic = Ic::TimeSync;
    const NAME: &'static str = "hv-timesyncd";
    const ABOUT: &'static str = "Hyper-V Time Synchronization service for a Linux guest";
    const BUS_NAME: &'static str = "org.hvutils.TimeSync1";
    const OBJECT: &'static str = "/org/hvutils/TimeSync1";
    const TABLE: &'static str = "timesync";
    type Args = Args;
    type Settings = Settings;
    type Event = Event;

    fn settings(table: &mut config::Table<'_>, args: &Args, common: &CommonArgs) -> Settings {
        Settings::read(table, args, &common.channel)
    }

    async fn start(context: &Context, settings: Settings) -> Result<Timesyncd, Failure> {
        let common = &context.common;
        let clock: Arc<dyn Clock> = match settings.clock {
            ClockChoice::Auto | ClockChoice::Kernel => Arc::new(Kernel::new(&common.etc_root)),
            ClockChoice::Imitated { offset_ms, drift_ppm } => {
                tracing::info!(
                    "the clock is one of this process's own; the machine's is left alone (--clock)"
                );
                Arc::new(Imitated::of_this_machine(offset_ms.saturating_mul(1_000_000), drift_ppm))
            }
        };
        let now =
            clock.read().map_err(|error| Failure::internal(format!("cannot read the clocks: {error}")))?;
        let mut kept = Kept::new(&context.state_dir()?, &pairs::clocksource(&common.sysfs_root));
        let prior = kept.load().unwrap_or_else(|error| {
            tracing::warn!("the frequency of the last run is not used: {error}");
            None
        });
        let max_delay = surroundings::nanos(settings.max_delay);
        let mut daemon = Timesyncd {
            engine: Engine::new(settings.rules, prior),
            counter: Counter::new(max_delay),
            keeper: Keeper::new(kept),
            mark: Mark::new(&common.run_dir),
            kept_at: now.raw,
            source: Source::None,
            channel: ChannelState::Closed,
            ptp: None,
            ptp_watch: None,
            poll: None,
            pairs_watch: None,
            watch: None,
            clients: None,
            evidence: Evidence::default(),
            again: None,
            steps_said: 0,
            started: now.raw,
            socket: Socket::new(settings.chrony_socket.clone()),
            shared: settings.shm_unit.map(SharedClock::new),
            fed: Fed::default(),
            board: Board::default(),
            shown: Shown::default(),
            publisher: None,
            log: OncePer::new(LOG_INTERVAL),
            context: context.clone(),
            clock,
            settings,
        };
        daemon.read_pairs();
        daemon.settle();
        Ok(daemon)
    }

    async fn attach(&mut self, bus: &zbus::Connection) -> zbus::Result<()> {
        bus.object_server().at(Self::OBJECT, TimeSync1::new(self.board.clone())).await?;
        self.publisher = Some(Publisher::start(bus.clone(), Self::OBJECT, self.board.clone()));
        match &mut self.watch {
            Some(watch) => watch.over(bus.clone()),
            None => self.watch = Some(Watch::start(bus.clone())),
        }
        Ok(())
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        // Before anything else: what is measured is when it came.
        let received = self.clock.read();
        let Framing::Raw { version } = request.framing else { return link.reject(&request, Status::FAIL) };
        match received {
            Ok(received) => self.message(&request, version, received, link),
            Err(error) => {
                self.warn("cannot read the clocks", &error);
                link.answer(&request, Status::FAIL, |_| {});
            }
        }
    }

    fn channel(&mut self, link: &mut Link) {
        self.channel = link.status().state;
        if self.channel != ChannelState::Ready {
            // What comes next may come after a restore.
            self.counter.doubt();
        }
        self.settle();
    }

    async fn event(&mut self) -> Event {
        tokio::select! {
            clients = clients(&mut self.watch) => Event::Clients(clients),
            () = changed(&mut self.pairs_watch) => Event::Pairs,
            () = at(self.again) => Event::Again,
            () = changed(&mut self.ptp_watch) => Event::Ptp,
            () = due(self.poll.as_ref()) => Event::Look,
        }
    }

    fn handle(&mut self, event: Event, _link: &mut Link) {
        match event {
            Event::Clients(clients) => self.other_clients(clients),
            Event::Pairs => self.read_pairs(),
            Event::Look => self.look(),
            Event::Ptp | Event::Again => self.settle(),
        }
    }

    async fn reload(&mut self, settings: Settings) -> Result<(), Failure> {
        self.engine.set_rules(settings.rules);
        self.counter.set_max_delay(surroundings::nanos(settings.max_delay));
        if settings.chrony_socket != self.settings.chrony_socket {
            self.socket = Socket::new(settings.chrony_socket.clone());
        }
        if settings.shm_unit != self.settings.shm_unit {
            self.shared = settings.shm_unit.map(SharedClock::new);
        }
        if !matches!(settings.clock, ClockChoice::Imitated { .. }) {
            // What the RTC is set to may be another now.
            self.clock = Arc::new(Kernel::new(&self.context.common.etc_root));
        }
        self.fed = Fed::default();
        // The time between looks may be another.
        self.poll = None;
        self.settings = settings;
        self.settle();
        Ok(())
    }

    async fn stop(&mut self, _link: &mut Link) {
        self.keep_frequency(WORTH_KEEPING);
        if timeout(KEEP_PATIENCE, self.keeper.done()).await.is_err() {
            tracing::warn!("the frequency is not kept: the disk does not answer");
        }
    }
}

async fn at(again: Option<Instant>) {
    match again {
        Some(again) => sleep_until(again).await,
        None => std::future::pending().await,
    }
}

/// Never for a daemon that is on no bus.
async fn clients(watch: &mut Option<Watch>) -> Clients {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// A watch that fails tells no more.
async fn changed(watch: &mut Option<PathWatch>) {
    if let Some(some) = watch {
        if some.changed().await.is_ok() {
            return;
        }
        *watch = None;
    }
    std::future::pending::<()>().await;
}

async fn due(poll: Option<&Poll>) {
    match poll {
        Some(poll) => sleep_until(poll.due).await,
        None => std::future::pending().await,
    }
}
