//! One injection: journal, write, activate, read back; and then one of two ends, confirmed or undone.
//!
//! The journal is durable before anything is changed, and goes after everything is settled. Whatever happens in between,
//! here or to this program, leads back.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::{Injection, Kind, Outcome, Record, Step};
use tokio::time::{Instant, timeout, timeout_at};

use super::workshop::Workshop;
use crate::backend::{Backend, Readiness, Target, detect};
use crate::cloud_init;
use crate::engine::Budget;
use crate::error::Error;
use crate::readback::Reader;
use crate::state::{Phase, Transaction, WayBack, now};
use crate::target;

/// How long a way back may take. Managers answer within seconds; one that hangs must not hold us for ever.
const RESTORE_PATIENCE: Duration = Duration::from_secs(20);

/// An injection that was read back and waits for its confirmation.
#[derive(Debug)]
pub(super) struct Applied {
    transaction: Transaction,
    backend: Box<dyn Backend>,
    confirmed_by: Instant,
}

/// How undoing went.
#[derive(Debug)]
pub(super) enum Undone {
    /// All is as before.
    Whole,
    /// Not all is.
    NotWhole(Error),
}

impl Applied {
    pub(super) fn new(transaction: Transaction, backend: Box<dyn Backend>, confirmed_by: Instant) -> Self {
        Self { transaction, backend, confirmed_by }
    }

    pub(super) fn confirmed_by(&self) -> Instant {
        self.confirmed_by
    }

    /// What whoever asked is told.
    pub(super) fn step(&self) -> Step {
        Step {
            interface: self.transaction.back.target.interface.clone(),
            backend: self.transaction.back.backend.clone(),
            pending: self.transaction.pending,
        }
    }
}

/// What is needed on the way there.
struct Way {
    target: Target,
    backend: Box<dyn Backend>,
    reader: Reader,
    transaction: Transaction,
}

impl Workshop {
    /// Applies `injection`; the bench is the caller's. `gone` ends when there is no use in going on.
    ///
    /// # Errors
    /// It did not come to be, and all is as before, or the error says that it is not.
    pub(super) async fn apply(
        self: &Rc<Self>,
        injection: &Injection,
        started: Instant,
        within: Duration,
        gone: impl Future<Output = &'static str>,
    ) -> Result<Applied, Error> {
        let budget = Budget::new(within, self.world.settings.apply_timeout);
        let mut record = Record {
            time: now(),
            settled: 0,
            interface: String::new(),
            backend: String::new(),
            injection: injection.clone(),
            outcome: Outcome::Failed,
            message: String::new(),
        };
        let applied = self.try_apply(&mut record, started + budget.there, gone).await;
        match applied {
            Ok((transaction, backend)) => Ok(Applied::new(transaction, backend, started + budget.confirmed)),
            Err(error) => {
                tracing::error!("adapter {}: {error}", injection.adapter);
                let record = self.state.settle(&record, Outcome::Failed, &error.to_string());
                self.tell(record);
                Err(error)
            }
        }
    }

    async fn try_apply(
        &self,
        record: &mut Record,
        deadline: Instant,
        gone: impl Future<Output = &'static str>,
    ) -> Result<(Transaction, Box<dyn Backend>), Error> {
        self.finish_earlier().await?;
        if !self.world.settings.host_may_configure {
            let text =
                "the administrator does not let the host configure adapters ([network] host-may-configure)";
            return Err(Error::not_supported(text));
        }
        let late = |_| Error::not_applied("the manager of the link did not say in time what it has there");
        let mut way = timeout_at(deadline, self.prepare(record)).await.map_err(late)??;
        self.state.begin(&way.transaction)?;
        let there = timeout_at(deadline, way.walk(&record.injection, deadline));
        let result = tokio::select! {
            biased;
            there = there => there.unwrap_or_else(|_| Err(too_slow(&way.transaction.back))),
            why = gone => Err(Error::not_applied(why)),
        };
        let result = result.and_then(|()| {
            way.transaction.phase = Phase::Awaiting;
            self.state.begin(&way.transaction)
        });
        match result {
            Ok(()) => Ok((way.transaction, way.backend)),
            Err(error) => match self.lead_back(&way.transaction, &*way.backend).await {
                Undone::Whole => Err(error),
                Undone::NotWhole(left) => Err(Error::not_undone(format!("{error}; and {left}"))),
            },
        }
    }

    /// Everything up to the first change.
    async fn prepare(&self, record: &mut Record) -> Result<Way, Error> {
        let mut reader = Reader::open(&self.world.roots.sysfs)?;
        let target = target::find(&record.injection.adapter, &self.world.roots.sysfs, reader.table()?)?;
        record.interface.clone_from(&target.interface);
        let backend = detect::choose(&self.world, &self.state, &target).await?;
        backend.name().clone_into(&mut record.backend);
        let readiness = backend.readiness(&target).await;
        if let Readiness::NotYet(why) = &readiness {
            tracing::info!("{}: written for {} only: {why}", target.interface, backend.name());
        }
        let snapshot = backend.snapshot(&target).await?;
        let back = WayBack {
            target: target.clone(),
            backend: backend.name().to_owned(),
            snapshot,
            record: record.clone(),
        };
        let pending = readiness != Readiness::Ready;
        let transaction = Transaction { phase: Phase::Applying, pending, reverting: false, back };
        Ok(Way { target, backend, reader, transaction })
    }

    /// It stays. The bench is the caller's.
    ///
    /// # Errors
    /// It could not be made to stay, and was undone.
    pub(super) async fn confirm(self: &Rc<Self>, applied: Applied) -> Result<(), Error> {
        let Applied { transaction, backend, .. } = &applied;
        let WayBack { target, record, .. } = &transaction.back;
        let kept = self.keep_way_back(&transaction.back).and_then(|()| {
            if transaction.pending { self.state.add_pending(&transaction.back) } else { Ok(()) }
        });
        if let Err(error) = kept {
            self.undo(applied, &error.to_string()).await;
            return Err(error);
        }
        if let Err(error) = backend.commit(target).await {
            // Its own way back would only end what is right.
            tracing::warn!("{}: {error}", target.interface);
        }
        let outcome = if transaction.pending { Outcome::Pending } else { Outcome::Applied };
        let settled = self.state.settle(record, outcome, "");
        if !transaction.pending {
            self.state.drop_pending(&target.adapter)?;
        }
        self.state.end()?;
        tracing::info!("{}: configured as the host wants, by {}", target.interface, transaction.back.backend);
        if self.world.settings.disable_cloud_init {
            cloud_init::disable(&self.world.roots.etc);
        }
        if transaction.pending {
            self.watch(transaction.back.clone());
        }
        self.tell(settled);
        Ok(())
    }

    /// The way back from an injection that repeats the one that stands is that one's.
    fn keep_way_back(&self, back: &WayBack) -> Result<(), Error> {
        let known = self.state.undo(&back.target.adapter);
        if known.is_some_and(|known| known.record.injection == back.record.injection) {
            return Ok(());
        }
        self.state.set_undo(back)
    }

    /// It does not stay. The bench is the caller's.
    pub(super) async fn undo(self: &Rc<Self>, applied: Applied, why: &str) -> Undone {
        let Applied { transaction, backend, .. } = applied;
        let undone = self.lead_back(&transaction, &*backend).await;
        if !transaction.reverting {
            let message = match &undone {
                Undone::Whole => format!("undone: {why}"),
                Undone::NotWhole(error) => format!("{why}; and {error}"),
            };
            tracing::error!("{}: {message}", transaction.back.target.interface);
            let settled = self.state.settle(&transaction.back.record, Outcome::Failed, &message);
            self.tell(settled);
        }
        undone
    }

    /// Brings back what was there. Where that fails the journal stays, and the next start tries again.
    pub(super) async fn lead_back(&self, transaction: &Transaction, backend: &dyn Backend) -> Undone {
        let WayBack { target, snapshot, .. } = &transaction.back;
        let target = self.current(target);
        let restored = timeout(RESTORE_PATIENCE, async {
            let live = backend.readiness(&target).await == Readiness::Ready;
            backend.restore(&target, snapshot, live).await
        });
        let result = restored.await.unwrap_or_else(|_| Err(Error::not_undone("it took too long")));
        match result.and_then(|()| self.state.end()) {
            Ok(()) => Undone::Whole,
            Err(error) => Undone::NotWhole(Error::not_undone(format!(
                "what was on {} before could not be brought back by {} ({error}); the next start of hv-netapply \
                 tries again",
                target.interface, transaction.back.backend
            ))),
        }
    }

    /// The same adapter under the name and number it has now, if it is there.
    pub(super) fn current(&self, target: &Target) -> Target {
        let found = Reader::open(&self.world.roots.sysfs)
            .and_then(|mut reader| target::find(&target.adapter, &self.world.roots.sysfs, reader.table()?));
        found.unwrap_or_else(|_| target.clone())
    }

    /// What an earlier transaction could not bring back comes first.
    async fn finish_earlier(&self) -> Result<(), Error> {
        let Some(transaction) = self.state.transaction() else { return Ok(()) };
        let backend = self.backend(&transaction.back.backend)?;
        match self.lead_back(&transaction, &*backend).await {
            Undone::Whole => Ok(()),
            Undone::NotWhole(error) => Err(error),
        }
    }

    /// Brings back what was before the last injection that stands.
    ///
    /// # Errors
    /// There is none, or it cannot be: then all is as it was.
    pub(super) async fn revert(self: &Rc<Self>, interface: Option<&str>) -> Result<(), Error> {
        let _bench = self.claim().await?;
        self.finish_earlier().await?;
        let back = self.way_back(interface)?;
        let backend = self.backend(&back.backend)?;
        let target = self.current(&back.target);
        let live = backend.readiness(&target).await == Readiness::Ready;
        let snapshot = backend.snapshot(&target).await?;
        let now = WayBack { target: target.clone(), snapshot, ..back.clone() };
        let transaction = Transaction { phase: Phase::Applying, pending: !live, reverting: true, back: now };
        self.state.begin(&transaction)?;
        let restored = timeout(RESTORE_PATIENCE, backend.restore(&target, &back.snapshot, live)).await;
        if let Err(error) = restored.unwrap_or_else(|_| Err(Error::not_applied("it took too long"))) {
            return match self.lead_back(&transaction, &*backend).await {
                Undone::Whole => Err(error),
                Undone::NotWhole(left) => Err(Error::not_undone(format!("{error}; and {left}"))),
            };
        }
        let committed = backend.commit(&target).await;
        self.state.drop_undo(&target.adapter)?;
        self.state.drop_pending(&target.adapter)?;
        let settled = self.state.settle(&back.record, Outcome::Reverted, "");
        self.state.end()?;
        tracing::info!("{}: what was there before the host's configuration is back", target.interface);
        self.tell(settled);
        committed
    }

    fn way_back(&self, interface: Option<&str>) -> Result<WayBack, Error> {
        let history = self.state.history();
        let stands = |record: &&Record| matches!(record.outcome, Outcome::Applied | Outcome::Pending);
        let meant = |record: &&Record| interface.is_none_or(|interface| record.interface == interface);
        let record = history.records.iter().rev().filter(stands).find(meant);
        let back = record.and_then(|record| self.state.undo(&record.injection.adapter));
        back.ok_or_else(|| {
            let on = interface.map(|interface| format!(" on {interface}")).unwrap_or_default();
            let text = format!("no configuration of the host stands{on} that could be taken back");
            Error::new(Kind::NothingToRevert, text)
        })
    }
}

impl Way {
    async fn walk(&mut self, injection: &Injection, deadline: Instant) -> Result<(), Error> {
        let back = &self.transaction.back;
        self.backend.write(&self.target, injection, &back.snapshot).await?;
        if self.transaction.pending {
            return Ok(());
        }
        self.backend.activate(&self.target).await?;
        self.reader.until_there(injection, &self.target, deadline).await
    }
}

fn too_slow(back: &WayBack) -> Error {
    Error::not_applied(format!("{} did not put it into force in the time there was", back.backend))
}
