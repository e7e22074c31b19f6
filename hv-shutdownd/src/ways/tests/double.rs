//! Doubles of logind and of systemd's manager, on a bus of the test's own: what they are asked, and everything that they can
//! answer. No machine goes down.

mod logind;
mod manager;

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc;

pub(super) use logind::{Logind, Refusal};
pub(super) use manager::{Manager, job};

/// What logind knows of flags and inhibitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// No methods with flags, and root passes everything.
    Old,
    /// Flag 1.
    Middle,
    /// Flag 16, and inhibitors in the way of root.
    New,
}

/// What both of them have in mind.
#[derive(Debug)]
pub(super) struct Mind {
    pub(super) age: Age,
    /// logind does not answer.
    pub(super) hangs: bool,
    /// logind refuses everything with this.
    pub(super) refuses: Option<fn() -> Refusal>,
    /// systemd refuses to start targets.
    pub(super) no_targets: bool,
    pub(super) inhibitors: Vec<(&'static str, &'static str)>,
    pub(super) can_hibernate: &'static str,
    pub(super) preparing: bool,
    pub(super) scheduled: String,
    pub(super) unit_file: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Double {
    mind: Arc<Mutex<Mind>>,
    calls: mpsc::UnboundedSender<String>,
}

impl Double {
    /// With this in mind; what it is asked goes to `calls`.
    pub(super) fn new(mind: Mind, calls: mpsc::UnboundedSender<String>) -> Double {
        Double { mind: Arc::new(Mutex::new(mind)), calls }
    }

    /// What it has in mind, to be changed.
    pub(super) fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }

    /// It was asked this.
    pub(super) fn told(&self, call: String) {
        // A test may have ended.
        let _ = self.calls.send(call);
    }
}
