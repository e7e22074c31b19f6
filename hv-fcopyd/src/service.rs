//! The shell around the engine: does what it decides, keeps what waits for an answer, and shows it.
//!
//! Nothing here touches a disk or waits for one; that is the [`Worker`]'s. [`requests`] goes from a message to what is
//! done, [`copies`] is the memory of what was begun and tells of it.

mod copies;
mod requests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::channel::{ChannelState, Link, OncePer, Request};
use hv_utils_core::daemon::{CommonArgs, Context, Failure, Service, config};
use hv_utils_core::wire::{Ic, Status};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::bus::{Board, FileCopy1, Publisher};
use crate::chatter::Chatter;
use crate::config::{Args, Settings};
use crate::engine::{Engine, Id, Limits};
use crate::escape::printable;
use crate::gather::Gather;
use crate::rate::Rate;
use crate::worker::{Disk, Done, Files, Ground, Worker};
use copies::Copies;

/// How often the same is said.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);
/// How long the end of the daemon waits until nothing of a copy is left.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer through the char device may wait for the disk. The kernel waits 30 seconds (Linux
/// `drivers/hv/hv_fcopy.c`, `HV_UTIL_TIMEOUT`), then tells the host that it failed, and takes no answer any more; so before
/// that it is failed here, and what the host is told is what becomes of the file.
const KERNEL_PATIENCE: Duration = Duration::from_secs(25);

/// The daemon.
#[derive(Debug)]
pub struct Fcopyd {
    engine: Engine,
    ground: Arc<Ground>,
    ledger: PathBuf,
    worker: Worker,
    gather: Gather,
    rate: Rate,
    copies: Copies,
    /// The request that waits for its answer.
    held: Option<Held>,
    /// Negotiations that were seen.
    negotiations: u64,
    board: Board,
    publisher: Option<Publisher>,
    log: OncePer,
    chatter: Chatter,
}

/// A request, and what its answer waits for.
#[derive(Debug)]
struct Held {
    request: Request,
    until: Until,
    /// When it is too late.
    limit: Option<Instant>,
}

/// What an answer waits for.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// There is room for the file.
    Began(Id),
    /// It is complete, or cannot be.
    Finished(Id),
    /// Nothing is left of it.
    Removed(Id),
    /// The disk has taken what is here of this copy, and then it is so late.
    Room(Id, Option<Instant>),
    /// It is so late.
    Due(Id, Instant),
}

/// What this daemon waits for besides the host.
#[derive(Debug)]
pub enum Event {
    /// The thread has done something.
    Done(Done),
    /// The answer has waited long enough, or too long.
    Due,
}

impl Service for Fcopyd {
    const IC: Ic = Ic::FileCopy;
    const NAME: &'static str = "hv-fcopyd";
    const ABOUT: &'static str = "Hyper-V Guest Service Interface (file copy) for a Linux guest";
    const BUS_NAME: &'static str = "org.hvutils.FileCopy1";
    const OBJECT: &'static str = "/org/hvutils/FileCopy1";
    const TABLE: &'static str = "file-copy";
    type Args = Args;
    type Settings = Settings;
    type Event = Event;

    fn settings(table: &mut config::Table<'_>, _: &Args, common: &CommonArgs) -> Settings {
        Settings::read(table, common)
    }

    async fn start(context: &Context, settings: Settings) -> Result<Fcopyd, Failure> {
        let ledger = context.state_dir()?.join("incoming");
        let daemon = Fcopyd::on(Disk { ledger: ledger.clone() }, &settings, ledger)?;
        if !settings.enabled {
            tracing::info!("file copy is switched off; enabled = true in [file-copy] switches it on");
        }
        Ok(daemon)
    }

    async fn attach(&mut self, bus: &zbus::Connection) -> zbus::Result<()> {
        bus.object_server().at(Self::OBJECT, FileCopy1::new(self.board.clone())).await?;
        self.publisher = Some(Publisher::start(bus.clone(), Self::OBJECT, self.board.clone()));
        Ok(())
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        // Whoever asks anew has given up waiting: the kernel, after 30 seconds.
        self.held = None;
        self.serve(request, link);
    }

    fn channel(&mut self, link: &mut Link) {
        let status = link.status();
        let anew = std::mem::replace(&mut self.negotiations, status.negotiations) != status.negotiations;
        let why = match status.state {
            ChannelState::Ready if anew => "the host negotiated anew",
            ChannelState::Ready => return,
            _ => "the channel to the host was lost",
        };
        self.held = None;
        let ended = self.engine.host_gone(why);
        self.end(ended);
    }

    async fn event(&mut self) -> Event {
        tokio::select! {
            // What was done in time is not given up because it is looked at late.
            biased;
            done = self.worker.done() => Event::Done(done),
            () = due(self.held.as_ref()) => Event::Due,
        }
    }

    fn handle(&mut self, event: Event, link: &mut Link) {
        match event {
            Event::Done(done) => self.done(done, link),
            Event::Due if matches!(self.held, Some(Held { until: Until::Due(..), .. })) => {
                self.answer_held(Status::OK, link);
            }
            Event::Due => self.give_up(link),
        }
    }

    async fn reload(&mut self, settings: Settings) -> Result<(), Failure> {
        let ended = self.engine.set_limits(limits(&settings));
        self.end(ended);
        self.ground = Arc::new(Ground::new(&settings, &self.ledger));
        self.rate.set(settings.max_rate);
        self.show(&settings);
        self.log = OncePer::new(LOG_INTERVAL);
        Ok(())
    }

    async fn stop(&mut self, link: &mut Link) {
        let ended = self.engine.host_gone("the daemon was stopped");
        self.end(ended);
        let limit = Instant::now() + STOP_PATIENCE;
        while !self.copies.is_empty() {
            match timeout_at(limit, self.worker.done()).await {
                Ok(done) => self.done(done, link),
                Err(_) => {
                    tracing::warn!("the disk does not answer; what was begun is removed at the next start");
                    break;
                }
            }
        }
        self.answer_held(Status::ABORTED, link);
    }
}

impl Fcopyd {
    /// Over a disk, or what stands for it.
    fn on(files: impl Files, settings: &Settings, ledger: PathBuf) -> Result<Fcopyd, Failure> {
        let worker = Worker::start(files)
            .map_err(|error| Failure::internal(format!("cannot start the thread for files: {error}")))?;
        let daemon = Fcopyd {
            engine: Engine::new(limits(settings)),
            ground: Arc::new(Ground::new(settings, &ledger)),
            ledger,
            worker,
            gather: Gather::default(),
            rate: Rate::new(settings.max_rate),
            copies: Copies::default(),
            held: None,
            negotiations: 0,
            board: Board::default(),
            publisher: None,
            log: OncePer::new(LOG_INTERVAL),
            chatter: Chatter::default(),
        };
        daemon.show(settings);
        Ok(daemon)
    }

    fn show(&self, settings: &Settings) {
        let roots = settings.roots.iter().map(|root| printable(&root.to_string_lossy()).into_owned());
        self.board.configured(settings.enabled, roots.collect());
    }
}

const fn limits(settings: &Settings) -> Limits {
    Limits { enabled: settings.enabled, max_file: settings.max_file }
}

async fn due(held: Option<&Held>) {
    let due = held.and_then(|held| match held.until {
        Until::Due(_, due) => Some(due),
        _ => held.limit,
    });
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
