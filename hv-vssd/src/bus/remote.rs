//! The line between the bus and the service's loop: what is shown, what is asked, and who answers.
//!
//! The service publishes [`Shown`] and takes each [`Ask`]; it never waits for anybody here. The bus reads what is shown at
//! any time, and what it asks is bounded: anyone may ask for the plan and the history, so that those who do can neither fill
//! the line, nor the memory, nor keep out who wants to thaw. What finds no room is [`Error::Busy`].

use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::bus::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::freezers::Freezers;
use super::rows::PlanRow;
use crate::history::Records;
use crate::report::{FreezeReport, Origin};

/// What the service may have before it that it has not looked at.
const MOST_ASKS: usize = 16;
/// Plans that are being made, or asked for, at a time.
const MOST_PLANS: usize = 4;
/// Histories that are on their way to whoever asked: each is as large as what hooks have written.
const MOST_HISTORIES: usize = 4;

/// Where the service stands, as `State` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShownState {
    /// Nothing is frozen.
    #[default]
    Thawed,
    /// Hooks, writing of dirty data, freezing.
    Freezing,
    /// All is frozen that is to be.
    Frozen,
    /// Thawing, hooks.
    Thawing,
    /// Something could not be thawed, and is being tried again.
    Failed,
}

impl ShownState {
    /// As D-Bus spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thawed => "thawed",
            Self::Freezing => "freezing",
            Self::Frozen => "frozen",
            Self::Thawing => "thawing",
            Self::Failed => "failed",
        }
    }

    /// Whether a freeze is under way: another one would have to wait.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        !matches!(self, Self::Thawed)
    }
}

/// What Vss1 shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Where the service stands.
    pub state: ShownState,
    /// Who has asked for the freeze that is under way, until its hooks are done; `None` while nothing is.
    pub origin: Option<Origin>,
    /// What is frozen, in the order in which it was.
    pub frozen_mounts: Arc<[String]>,
    /// When the first of them began to freeze: µs of CLOCK_REALTIME; 0 while nothing is frozen. Names the freeze.
    pub frozen_since: u64,
    /// When they are thawed whatever happens: µs of CLOCK_REALTIME; 0 while nothing is frozen.
    pub deadline: u64,
    /// The last freeze whose filesystems are thawed; while its hooks run more may be added to it.
    pub last: Option<Arc<FreezeReport>>,
}

impl Shown {
    /// Whether a freeze is under way, or anything is frozen.
    pub(super) fn is_under_way(&self) -> bool {
        self.state.is_under_way() || self.frozen_since != 0
    }
}

/// What Vss1 asks of the service's loop. Whoever asked may have gone: then an answer goes nowhere.
#[derive(Debug)]
pub enum Ask {
    /// What would be frozen now.
    Plan(oneshot::Sender<Result<Vec<PlanRow>, Error>>),
    /// To freeze. Who asks is allowed to. Answered when all is frozen, or has failed; what is then shown is published
    /// before the answer, since by [`Shown::frozen_since`] it is remembered whose freeze it is.
    Freeze {
        /// For how long at most; `None` for as long as is configured.
        time: Option<Duration>,
        /// [`Error::Busy`] while another freeze is under way, [`Error::Failed`] with the report's sentence.
        answer: oneshot::Sender<Result<(), Error>>,
    },
    /// To thaw. Who asks is allowed to. Answered when all is thawed; [`Error::NotFrozen`] if nothing was.
    Thaw(oneshot::Sender<Result<(), Error>>),
}

/// The service's end of the line.
#[derive(Debug)]
pub struct Desk {
    /// What is shown. Dropped, all that is asked fails.
    pub shown: watch::Sender<Shown>,
    /// What is asked.
    pub asks: mpsc::Receiver<Ask>,
}

/// The bus's end: of every object on every connection that the daemon has in its life. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Remote {
    asks: mpsc::Sender<Ask>,
    shown: watch::Receiver<Shown>,
    history: watch::Receiver<Records>,
    plans: Arc<Semaphore>,
    histories: Arc<Semaphore>,
    pub(super) freezers: Arc<Freezers>,
}

/// A line, and the records that are shown besides.
#[must_use]
pub fn remote(history: watch::Receiver<Records>) -> (Remote, Desk) {
    let (asking, asks) = mpsc::channel(MOST_ASKS);
    let (showing, shown) = watch::channel(Shown::default());
    let plans = Arc::new(Semaphore::new(MOST_PLANS));
    let histories = Arc::new(Semaphore::new(MOST_HISTORIES));
    let remote = Remote { asks: asking, shown, history, plans, histories, freezers: Arc::default() };
    (remote, Desk { shown: showing, asks })
}

impl Remote {
    /// What is shown, now and whenever it differs.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Shown> {
        self.shown.clone()
    }

    /// What is shown now.
    pub(super) fn shown(&self) -> Shown {
        self.shown.borrow().clone()
    }

    /// All records, the newest last, and the room that they take until they are sent.
    pub(super) fn records(&self) -> Result<(Records, OwnedSemaphorePermit), Error> {
        let room = Arc::clone(&self.histories).try_acquire_owned();
        let room = room.map_err(|_| busy("too many ask for the history at this moment"))?;
        Ok((Arc::clone(&self.history.borrow()), room))
    }

    /// To find out what would be frozen, files and devices are looked at: not while anything may be frozen.
    pub(super) async fn plan(&self) -> Result<Vec<PlanRow>, Error> {
        if self.shown().is_under_way() {
            return Err(Error::Busy(
                "while a freeze is under way nothing is looked at: hvctl vss status says what is frozen"
                    .into(),
            ));
        }
        let Ok(_permit) = self.plans.try_acquire() else {
            return Err(busy("too many ask for the plan at this moment"));
        };
        self.ask(Ask::Plan).await
    }

    pub(super) async fn freeze(&self, time: Option<Duration>) -> Result<(), Error> {
        self.ask(|answer| Ask::Freeze { time, answer }).await
    }

    pub(super) async fn thaw(&self) -> Result<(), Error> {
        self.ask(Ask::Thaw).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Ask) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.asks.try_send(ask(answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => busy("the daemon has not caught up with what it was asked"),
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopping()))
    }
}

fn busy(why: &str) -> Error {
    Error::Busy(format!("{why}: try again"))
}

fn stopping() -> Error {
    Error::Failed("the daemon is stopping".to_owned())
}
