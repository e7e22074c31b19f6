//! The line between the service and the bus: what is shown, and what is asked. The service waits for nobody here; what is
//! asked is bounded, and whoever asks waits for the service.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hv_utils_core::bus::Error;
use hv_utils_core::wire::heartbeat::ApplicationState;
use tokio::sync::{mpsc, oneshot, watch};

use crate::engine::Source;
use crate::leases::{Holder, Leaving, Report};

/// What the service may have before it that it has not looked at.
const MOST_ASKS: usize = 16;

/// Whether reports are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reporting {
    /// They are.
    #[default]
    Open,
    /// The administrator does not want them.
    Off,
    /// The kernel answers heartbeats, and has no word for applications.
    Kernel,
}

/// The state of things, published as a whole whenever it changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// What the host is told, or would take nothing for.
    pub state: ApplicationState,
    /// Who says what.
    pub sources: Vec<Source>,
    /// Whether reports are taken.
    pub reporting: Reporting,
}

/// What the service is asked, or told.
#[derive(Debug)]
pub enum Ask {
    /// Somebody reports something.
    Report(Holder, Report, Leaving, oneshot::Sender<Result<(), Error>>),
    /// Somebody has nothing more to say, by the call of this number.
    Withdraw(Holder, NonZeroU32, oneshot::Sender<()>),
    /// Somebody has left the bus.
    Gone(Holder),
}

/// The bus's end of the line. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board {
    shown: Arc<watch::Sender<Shown>>,
    sequence: Arc<AtomicU64>,
    asks: mpsc::Sender<Ask>,
}

impl Board {
    /// A line, and where the service hears what is asked.
    #[must_use]
    pub fn new() -> (Board, mpsc::Receiver<Ask>) {
        let (asks, heard) = mpsc::channel(MOST_ASKS);
        let (shown, sequence) = (Arc::new(watch::Sender::new(Shown::default())), Arc::default());
        (Board { shown, sequence, asks }, heard)
    }

    /// This is how things are now.
    pub fn publish(&self, shown: Shown) {
        self.shown.send_if_modified(|known| {
            let differs = *known != shown;
            *known = shown;
            differs
        });
    }

    /// A heartbeat was answered with this number.
    pub fn count(&self, sequence: u64) {
        self.sequence.store(sequence, Ordering::Relaxed);
    }

    /// What is shown now.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.shown.borrow().clone()
    }

    /// The last number.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Shown> {
        self.shown.subscribe()
    }

    /// Has the service take a report; what it shows afterwards has it.
    pub(super) async fn report(&self, holder: Holder, report: Report, leaving: Leaving) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Report(holder, report, leaving, answer)).await;
        answered.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Has the service forget what was reported.
    pub(super) async fn withdraw(&self, holder: Holder, call: NonZeroU32) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Withdraw(holder, call, answer)).await;
        answered.await.map_err(|_| ending())
    }

    /// Tells the service something. A service that has ended needs not know.
    pub async fn ask(&self, ask: Ask) {
        let _ = self.asks.send(ask).await;
    }
}

fn ending() -> Error {
    Error::Failed("the daemon is ending".to_owned())
}
