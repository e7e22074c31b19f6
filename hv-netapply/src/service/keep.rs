//! An injection that stays: its way back is kept, the history knows it, and what it replaced is forgotten. And taking it back.
//!
//! Everything here can be cut short and done again: the journal says that it stays, and goes last.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::{Kind, Outcome, Record};
use tokio::time::{Instant, sleep, timeout};

use super::back::Undone;
use super::transaction::Applied;
use super::workshop::Workshop;
use crate::backend::netlink::Netlink;
use crate::backend::{Backend, Readiness};
use crate::cloud_init;
use crate::error::Error;
use crate::readback::Reader;
use crate::state::{Phase, Transaction, Undo, WayBack, is_same, stands};

/// How often a manager is told that what it holds for a way back can go.
const COMMITS: u32 = 5;
/// How long addresses that came back may be tested for duplicates.
const QUIET: Duration = Duration::from_secs(3);
/// How long bringing something back may take when somebody asks for it.
const REVERT_PATIENCE: Duration = Duration::from_secs(45);

impl Workshop {
    /// Goes through with what was promised.
    pub(super) async fn finish(self: &Rc<Self>, applied: Applied) {
        let Applied { transaction, backend, .. } = &applied;
        match self.keep(transaction, &**backend).await {
            Ok(record) => self.tell(record),
            Err(error) => {
                tracing::error!("{}: it stays, but {error}", transaction.back.target.interface);
                self.try_again(transaction.clone());
            }
        }
        if transaction.reverting {
            return;
        }
        let WayBack { target, backend, .. } = &transaction.back;
        tracing::info!("{}: configured as the host wants, by {backend}", target.interface);
        if transaction.pending {
            self.watch(transaction.back.clone());
        }
        if self.world.settings.disable_cloud_init {
            cloud_init::disable(&self.world.roots.etc);
        }
    }

    /// Everything that makes a promised transaction one of the past.
    pub(super) async fn keep(
        &self,
        transaction: &Transaction,
        backend: &dyn Backend,
    ) -> Result<Record, Error> {
        let WayBack { target, record, .. } = &transaction.back;
        let adapter = &target.adapter;
        commit(backend, &self.current(target).unwrap_or_else(|| target.clone())).await;
        let settled = if transaction.reverting {
            self.keep_reverted(transaction)?
        } else {
            self.keep_undo(&transaction.back)?;
            if transaction.pending {
                self.state.add_pending(&transaction.back)?;
            } else {
                self.state.drop_pending(adapter)?;
            }
            let outcome = if transaction.pending { Outcome::Pending } else { Outcome::Applied };
            self.state.settle(record, outcome, "")
        };
        self.state.end(adapter)?;
        Ok(settled)
    }

    /// The way back from an injection that repeats the last one is that one's, unless somebody has changed something since.
    fn keep_undo(&self, back: &WayBack) -> Result<(), Error> {
        let adapter = &back.target.adapter;
        let mut undos = self.state.undos(adapter);
        undos.retain(|undo| !is_same(&undo.back.record, &back.record));
        let left = back.snapshot.files_now();
        let repeats = undos.last_mut().filter(|last| {
            last.back.record.injection == back.record.injection && last.left == back.snapshot.files_then()
        });
        match repeats {
            Some(last) => last.left = left,
            None => undos.push(Undo { back: back.clone(), left }),
        }
        self.state.set_undos(adapter, &undos)
    }

    /// Brings back what was before the last injection that stands.
    ///
    /// # Errors
    /// There is none, or it cannot be: then all is as it was.
    pub(super) async fn revert(self: &Rc<Self>, interface: Option<&str>) -> Result<(), Error> {
        let bench = self.claim().await?;
        let undo = self.last_undo(interface)?;
        self.revert_to(undo.back, bench).await
    }

    /// What was promised in a conversation that was cut, and that the host was not told.
    ///
    /// # Errors
    /// As for a revert.
    pub(super) async fn cancel_cut(self: &Rc<Self>) -> Result<(), Error> {
        let bench = self.claim().await?;
        let nothing = || Error::new(Kind::NothingPromised, "nothing was promised that could be cancelled");
        let record = self.cut.take().ok_or_else(nothing)?;
        let undos = self.state.undos(&record.injection.adapter);
        let undo = undos.into_iter().next_back().ok_or_else(nothing)?;
        self.revert_to(undo.back, bench).await
    }

    async fn revert_to(
        self: &Rc<Self>,
        back: WayBack,
        bench: super::transaction::Bench,
    ) -> Result<(), Error> {
        self.finish_earlier(&back.target.adapter).await?;
        let backend = self.backend(&back.backend)?;
        let target = self.current(&back.target).ok_or_else(|| {
            Error::not_applied(format!(
                "{} is not there: there is nothing to bring back",
                back.target.interface
            ))
        })?;
        let live = backend.readiness(&target).await == Readiness::Ready;
        let mut snapshot = backend.snapshot(&target).await?;
        Netlink::remember(&self.state, &mut snapshot, &target.adapter)?;
        let here = WayBack { target: target.clone(), snapshot, ..back.clone() };
        let mut transaction =
            Transaction { phase: Phase::Applying, pending: !live, reverting: true, back: here };
        self.state.journal(&transaction)?;
        let restored = timeout(REVERT_PATIENCE, backend.restore(&target, &back.snapshot, live)).await;
        let restored = restored.unwrap_or_else(|_| Err(Error::not_applied("it took too long")));
        let restored = restored.and_then(|()| Netlink::bring_back(&back.snapshot));
        transaction.phase = Phase::Promised;
        if let Err(error) = restored.and_then(|()| self.state.journal(&transaction)) {
            transaction.phase = Phase::Applying;
            let promised_by = Instant::now();
            let applied = Applied { transaction, backend, bench, promised_by };
            return match self.start_back(applied, error.to_string()).await {
                Ok(Undone::NotWhole(left)) => Err(Error::not_undone(format!("{error}; and {left}"))),
                _ => Err(error),
            };
        }
        let settled = self.keep(&transaction, &*backend).await?;
        // Whoever asked looks at it next.
        Reader::open(&self.world.roots.sysfs)?.until_quiet(&target, Instant::now() + QUIET).await?;
        tracing::info!("{}: what was there before the host's configuration is back", target.interface);
        self.tell(settled);
        Ok(())
    }

    /// What stood since then has been taken back.
    fn keep_reverted(&self, transaction: &Transaction) -> Result<Record, Error> {
        let WayBack { target, record, .. } = &transaction.back;
        let mut undos = self.state.undos(&target.adapter);
        undos.retain(|undo| undo.back.record.time < record.time);
        self.state.drop_pending(&target.adapter)?;
        let settled = Record { outcome: Outcome::Reverted, settled: crate::state::now(), ..record.clone() };
        self.state.change(|records| {
            let later = |known: &&mut Record| {
                known.injection.adapter == target.adapter && known.time >= record.time && stands(known)
            };
            for known in records.iter_mut().filter(later) {
                known.outcome = Outcome::Reverted;
                known.settled = settled.settled;
            }
        })?;
        self.state.set_undos(&target.adapter, &undos)?;
        Ok(settled)
    }

    fn last_undo(&self, interface: Option<&str>) -> Result<Undo, Error> {
        let history = self.state.history();
        let meant = |record: &&Record| interface.is_none_or(|interface| record.interface == interface);
        let standing = history.records.iter().rev().filter(|record| stands(record)).filter(meant);
        let mut undos = standing.filter_map(|record| self.state.undos(&record.injection.adapter).pop());
        undos.next().ok_or_else(|| {
            let on = interface.map(|interface| format!(" on {interface}")).unwrap_or_default();
            let text = format!("no configuration of the host stands{on} that could be taken back");
            Error::new(Kind::NothingToRevert, text)
        })
    }
}

async fn commit(backend: &dyn Backend, target: &crate::backend::Target) {
    for attempt in 1..=COMMITS {
        let Err(error) = backend.commit(target).await else { return };
        // Its own way back would end what is right.
        tracing::warn!("{}: {error}", target.interface);
        if attempt < COMMITS {
            sleep(Duration::from_secs(1)).await;
        }
    }
}
