//! One injection: journal, write, activate, read back, promise; or, at any point before the promise, the way back.
//!
//! The journal is durable before anything is changed. Until the promise a death leads back, after it a death leads on:
//! whoever is told that it is there may rely on it.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::{Injection, Kind, Outcome, Record, Step};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use super::workshop::Workshop;
use crate::backend::netlink::Netlink;
use crate::backend::{Backend, Readiness, Target, detect};
use crate::engine::Budget;
use crate::error::Error;
use crate::readback::Reader;
use crate::state::{Phase, Transaction, WayBack, now};
use crate::target;

/// The right to change something.
pub(super) type Bench = OwnedMutexGuard<()>;

/// An injection that was read back.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) transaction: Transaction,
    pub(super) backend: Box<dyn Backend>,
    pub(super) bench: Bench,
    /// Until then it has to be promised.
    pub(super) promised_by: Instant,
}

impl Applied {
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
    /// Applies `injection`. `gone` ends when there is no use in going on. An answer comes in time also where the way back
    /// takes longer: that goes on by itself.
    ///
    /// # Errors
    /// It did not come to be; all is as before, or will be, or the error says that it is not.
    pub(super) async fn apply(
        self: &Rc<Self>,
        injection: &Injection,
        started: Instant,
        within: Duration,
        bench: Bench,
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
        let way = match self.prepare_in_time(&mut record, started + budget.there).await {
            Ok(way) => way,
            Err(error) => return Err(self.refused(&record, error)),
        };
        if let Err(error) = self.state.journal(&way.transaction) {
            return Err(self.refused(&record, error));
        }
        self.supersede(&record);
        let forgotten = match way.backend.name() {
            "netlink" => Ok(()),
            // What is kept for a link without an owner is not put over what its owner has.
            _ => Netlink::forget(&self.state, &injection.adapter),
        };
        let (way, result) = match forgotten {
            Ok(()) => go(way, injection, started + budget.there, gone).await,
            Err(error) => (way, Err(error)),
        };
        let Way { transaction, backend, .. } = way;
        let promised_by = started + budget.confirmed;
        match result {
            Ok(()) => Ok(Applied { transaction, backend, bench, promised_by }),
            Err(error) => {
                let due = started + within.max(budget.there);
                Err(self.go_back(Applied { transaction, backend, bench, promised_by }, error, due).await)
            }
        }
    }

    /// Nothing was changed.
    fn refused(self: &Rc<Self>, record: &Record, error: Error) -> Error {
        tracing::error!("adapter {}: {error}", record.injection.adapter);
        let record = self.state.settle(record, Outcome::Failed, &error.to_string());
        self.tell(record);
        error
    }

    async fn prepare_in_time(&self, record: &mut Record, deadline: Instant) -> Result<Way, Error> {
        if let Some(why) = self.world.refusal {
            return Err(Error::not_supported(why));
        }
        record.injection.check().map_err(|why| Error::new(Kind::Invalid, why))?;
        self.finish_earlier(&record.injection.adapter).await?;
        let late = |_| Error::not_applied("the manager of the link did not say in time what it has there");
        timeout_at(deadline, self.prepare(record)).await.map_err(late)?
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
        let mut snapshot = backend.snapshot(&target).await?;
        Netlink::remember(&self.state, &mut snapshot, &target.adapter)?;
        if let Some(pending) =
            self.state.pending(&target.adapter).filter(|known| known.backend == backend.name())
        {
            // What nobody has seen in force is nothing to go back to.
            let mut before = pending.snapshot;
            before.files.extend(
                snapshot
                    .files
                    .into_iter()
                    .filter(|new| before.files.iter().all(|old| old.path != new.path))
                    .collect::<Vec<_>>(),
            );
            snapshot = before;
        }
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

    /// What is pending on this adapter is not any more: another injection takes its place.
    fn supersede(&self, record: &Record) {
        let adapter = &record.injection.adapter;
        let Some(pending) = self.state.pending(adapter) else { return };
        self.state.settle(
            &pending.record,
            Outcome::Failed,
            "another configuration came before it was in force",
        );
        let mut undos = self.state.undos(adapter);
        undos.retain(|undo| undo.back.record.time != pending.record.time);
        let dropped = self.state.drop_pending(adapter).and_then(|()| self.state.set_undos(adapter, &undos));
        if let Err(error) = dropped {
            tracing::warn!("{error}");
        }
    }

    /// It stays from here on, whoever dies.
    ///
    /// # Errors
    /// That cannot be noted: then it does not.
    pub(super) fn promise(&self, applied: &mut Applied) -> Result<(), Error> {
        applied.transaction.phase = Phase::Promised;
        self.state.journal(&applied.transaction)
    }

    /// The same adapter under the name and number it has now; `None` while it is not there.
    pub(super) fn current(&self, target: &Target) -> Option<Target> {
        let sysfs = &self.world.roots.sysfs;
        let found =
            Reader::open(sysfs).and_then(|mut reader| target::find(&target.adapter, sysfs, reader.table()?));
        found.ok()
    }
}

async fn go(
    mut way: Way,
    injection: &Injection,
    deadline: Instant,
    gone: impl Future<Output = &'static str>,
) -> (Way, Result<(), Error>) {
    let slow = Error::not_applied(format!(
        "{} did not put it into force in the time there was",
        way.transaction.back.backend
    ));
    let there = timeout_at(deadline, way.walk(injection, deadline));
    let result = tokio::select! {
        biased;
        there = there => there.unwrap_or(Err(slow)),
        why = gone => Err(Error::not_applied(why)),
    };
    (way, result)
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
