//! What all conversations share: the state, the world, and that there is one transaction at a time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::netapply::{Kind, Record};
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use super::transaction::Bench;
use crate::backend::{Backend, detect};
use crate::error::Error;
use crate::hooks::Hooks;
use crate::state::State;
use crate::world::World;

/// How long short work of our own may keep somebody waiting.
const CLAIM_PATIENCE: Duration = Duration::from_secs(1);

/// The one place where work is done.
pub struct Workshop {
    pub(super) world: Rc<World>,
    pub(super) state: State,
    hooks: Hooks,
    /// Held during a transaction.
    bench: Arc<Mutex<()>>,
    /// What is watched over: by the time and the adapter of its record.
    pub(super) watched: RefCell<BTreeSet<(u64, String)>>,
    /// What the last instance had promised in a conversation that was cut.
    pub(super) cut: Cell<Option<Record>>,
    /// Conversations, and tasks that wait for a manager.
    at_work: Rc<Cell<u32>>,
    changed: Rc<Notify>,
    ending: Cell<bool>,
    end: Notify,
}

impl fmt::Debug for Workshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workshop").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Somebody has something to do: until this goes, nobody goes home.
#[derive(Debug)]
pub(super) struct Busy {
    at_work: Rc<Cell<u32>>,
    changed: Rc<Notify>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.at_work.set(self.at_work.get() - 1);
        self.changed.notify_one();
    }
}

impl Workshop {
    /// A workshop over what was kept.
    #[must_use]
    pub fn new(world: World, state: State) -> Self {
        let world = Rc::new(world);
        Self {
            hooks: Hooks::new(Rc::clone(&world)),
            world,
            state,
            bench: Arc::default(),
            watched: RefCell::default(),
            cut: Cell::new(None),
            at_work: Rc::default(),
            changed: Rc::default(),
            ending: Cell::new(false),
            end: Notify::new(),
        }
    }

    /// The right to change something, soon or not at all.
    ///
    /// # Errors
    /// Another transaction is under way.
    pub(super) async fn claim(&self) -> Result<Bench, Error> {
        let busy = |_| Error::new(Kind::Busy, "another change of the network is under way: try again");
        timeout(CLAIM_PATIENCE, self.wait()).await.map_err(busy)
    }

    /// The right to change something, when it is free.
    pub(super) async fn wait(&self) -> Bench {
        Arc::clone(&self.bench).lock_owned().await
    }

    /// The backend of that name.
    ///
    /// # Errors
    /// A name that an earlier version knew.
    pub(super) fn backend(&self, name: &str) -> Result<Box<dyn Backend>, Error> {
        let known = detect::named(name, &self.world, &self.state);
        known.ok_or_else(|| Error::not_undone(format!("nothing here is called {name}")))
    }

    /// Has the administrator's hooks told, without anybody waiting for them.
    pub(super) fn tell(self: &Rc<Self>, record: Record) {
        let (workshop, busy) = (Rc::clone(self), self.busy());
        self.hooks.tell(record);
        tokio::task::spawn_local(async move {
            workshop.hooks.finish().await;
            drop(busy);
        });
    }

    pub(super) fn busy(&self) -> Busy {
        self.at_work.set(self.at_work.get() + 1);
        Busy { at_work: Rc::clone(&self.at_work), changed: Rc::clone(&self.changed) }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.at_work.get() == 0
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whoever waits for something stops, undoes what is not confirmed, and goes home.
    pub(super) async fn end(&self) {
        self.ending.set(true);
        self.end.notify_waiters();
        let _all_done = self.bench.lock().await;
        // Who is told of the last thing must not be cut off in the middle; each of them is limited.
        self.hooks.finish().await;
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        let end = self.end.notified();
        if !self.ending.get() {
            end.await;
        }
    }
}
