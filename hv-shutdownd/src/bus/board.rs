//! The line from the service to the bus: what is shown. Nothing waits, and nothing grows.

use std::sync::Arc;

use tokio::sync::watch;

use crate::history::{History, Row, Rows};

/// The state of things; published as a whole after each event that changed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// A request was accepted, and is not over.
    pub pending: bool,
    /// The last request since the daemon started, with what became of it.
    pub last: Option<Row>,
    /// The kernel serves the channel: nothing can be inhibited here.
    pub kernel: bool,
    /// The administrator lets the host have the guest hibernate.
    pub hibernate: bool,
}

/// Both ends of the line. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board {
    shown: Arc<watch::Sender<Shown>>,
    rows: watch::Receiver<Rows>,
}

impl Board {
    /// Nothing is shown yet; what was before is the history's.
    #[must_use]
    pub fn new(history: &History) -> Board {
        Board { shown: Arc::default(), rows: history.subscribe() }
    }

    /// This is how things are now.
    pub fn publish(&self, shown: Shown) {
        self.shown.send_if_modified(|known| {
            let differs = *known != shown;
            *known = shown;
            differs
        });
    }

    /// What is shown now.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.shown.borrow().clone()
    }

    /// The last requests, the oldest first.
    #[must_use]
    pub fn rows(&self) -> Rows {
        Arc::clone(&self.rows.borrow())
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Shown> {
        self.shown.subscribe()
    }
}
