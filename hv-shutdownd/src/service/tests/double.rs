//! What the service has in place of the ways here: it says what it is told to, and remembers what it was asked.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hv_utils_core::wire::shutdown::Action;
use tokio::sync::{Notify, watch};

use crate::service::means::Means;
use crate::ways::{Begun, Objection, Order, Way};

/// See the module. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Double(pub(super) Arc<Inner>);

/// What it says, and what it was asked.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) objections: Mutex<Vec<Objection>>,
    pub(super) hibernation: Mutex<Result<(), String>>,
    pub(super) busy: Mutex<Option<String>>,
    /// Whether questions are answered at all.
    pub(super) answers: watch::Sender<bool>,
    /// What next attempts come to; without one they are good.
    pub(super) attempts: Mutex<VecDeque<Result<(), String>>>,
    /// Whether attempts come to an end.
    pub(super) acts: watch::Sender<bool>,
    pub(super) calls_off: Notify,
    /// Who does it.
    pub(super) by: Mutex<Way>,
    /// What it was asked to begin, in order: the order, whether the host had its answer, whether this file was there.
    pub(super) acted: Mutex<Vec<(Order, bool, bool)>>,
    /// Whether the host has read the last answer.
    pub(super) host_knows: Mutex<bool>,
    pub(super) file: Mutex<PathBuf>,
    /// Attempts that have ended.
    ended: Mutex<usize>,
}

impl Inner {
    /// How many attempts have ended.
    pub(super) fn attempts_ended(&self) -> usize {
        *self.ended.lock().unwrap()
    }
}

impl Default for Inner {
    fn default() -> Inner {
        Inner {
            objections: Mutex::default(),
            hibernation: Mutex::new(Ok(())),
            busy: Mutex::default(),
            answers: watch::Sender::new(true),
            attempts: Mutex::default(),
            acts: watch::Sender::new(true),
            calls_off: Notify::new(),
            by: Mutex::new(Way::Logind),
            acted: Mutex::default(),
            host_knows: Mutex::new(false),
            file: Mutex::default(),
            ended: Mutex::default(),
        }
    }
}

impl Double {
    /// What it was asked to begin.
    pub(super) fn orders(&self) -> Vec<Order> {
        self.0.acted.lock().unwrap().iter().map(|(order, ..)| order.clone()).collect()
    }

    /// Somebody inhibits.
    pub(super) fn objects(&self, who: &str) {
        let objection = Objection { who: who.to_owned(), why: "a reason".to_owned() };
        self.0.objections.lock().unwrap().push(objection);
    }

    async fn answer(&self) {
        let _ = self.0.answers.subscribe().wait_for(|answers| *answers).await;
    }
}

impl Means for Double {
    fn over(&self, _: zbus::Connection) {}

    async fn objections(&self, _: Action) -> Vec<Objection> {
        self.answer().await;
        self.0.objections.lock().unwrap().clone()
    }

    async fn hibernation(&self) -> Result<(), String> {
        self.answer().await;
        self.0.hibernation.lock().unwrap().clone()
    }

    async fn busy(&self) -> Option<String> {
        self.answer().await;
        self.0.busy.lock().unwrap().clone()
    }

    async fn act(&self, order: Order) -> Result<Begun, String> {
        let knows = *self.0.host_knows.lock().unwrap();
        let file = self.0.file.lock().unwrap().exists();
        self.0.acted.lock().unwrap().push((order.clone(), knows, file));
        let _ = self.0.acts.subscribe().wait_for(|acts| *acts).await;
        let attempt = self.0.attempts.lock().unwrap().pop_front().unwrap_or(Ok(()));
        *self.0.ended.lock().unwrap() += 1;
        attempt.map(|()| Begun { action: order.action, by: *self.0.by.lock().unwrap(), delay: order.delay })
    }

    async fn cancelled(&self) {
        self.0.calls_off.notified().await;
    }
}
