//! Opening all pools at start, and clearing them if they came from another machine.
//!
//! One bad pool does not stop the others: what cannot be read (locked by somebody, a link in its place) is served empty
//! and read when it can be. The stamp of a new machine is written only when every pool is durably cleared, so that a
//! crash in between leads to the same again. What cannot be cleared is not served either.

use std::time::{Duration, Instant};

use super::Pool;
use super::aside::Aside;
use super::error::PoolError;
use super::identity::{Identity, boot_id, boot_time, is_fresh_telemetry};
use super::journal::BootId;
use super::store::Store;
use super::types::{PoolOptions, Report, ReportKind};

/// Opens and reads the five pools.
pub(crate) fn open(options: &PoolOptions) -> (Vec<Store>, Vec<Report>) {
    let start = Start { options, begun: Instant::now() };
    let boot = BootId(boot_id(&options.proc_root));
    let mut stores: Vec<_> = Pool::ALL.iter().map(|&pool| Store::new(pool, options, boot)).collect();
    let mut reports = Vec::new();
    for store in &mut stores {
        start.read(store, &mut reports);
    }
    start.check_identity(&mut stores, &mut reports);
    for store in &mut stores {
        // Creating the files of one pool was seen by the watches of the others; what is foreign is read at once.
        if !store.is_behind() && !store.is_quiet() {
            start.read(store, &mut reports);
        }
        store.started();
    }
    (stores, reports)
}

/// One start: all waiting for locks ends at the same time.
struct Start<'a> {
    options: &'a PoolOptions,
    begun: Instant,
}

impl Start<'_> {
    fn read(&self, store: &mut Store, reports: &mut Vec<Report>) {
        let outcome = match self.with_locks(store, false, Store::refresh) {
            Ok(outcome) => outcome,
            Err(error) => store.outcome(Err(error)),
        };
        reports.extend(outcome.reports);
        if let Err(error) = outcome.result {
            let text = format!("cannot be read now and is empty until it can: {error}");
            reports.push(Report::new(store.pool(), ReportKind::Unavailable, text));
        }
    }

    /// Waits for the locks, does the work, gives them back.
    fn with_locks<T>(
        &self,
        store: &mut Store,
        to_write: bool,
        work: impl FnOnce(&mut Store) -> T,
    ) -> Result<T, PoolError> {
        let mut pause = Duration::from_millis(1);
        while !store.enter(to_write)? {
            let waited = self.begun.elapsed();
            if waited >= self.options.lock_timeout {
                return Err(PoolError::Busy { path: store.path().to_owned(), waited });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        let done = work(store);
        store.leave();
        Ok(done)
    }

    fn check_identity(&self, stores: &mut [Store], reports: &mut Vec<Report>) {
        let current = Identity::current(self.options);
        let remembered = Identity::remembered(&self.options.state_dir);
        let mut cleared = true;
        if let Some(part) = remembered.as_ref().and_then(|remembered| remembered.difference(&current)) {
            for store in stores {
                let report = self.clear(store, part);
                cleared &= report.as_ref().is_none_or(|report| report.kind == ReportKind::Cloned);
                reports.extend(report);
            }
        }
        let stamp = current.or(remembered.clone());
        if !cleared || remembered.as_ref() == Some(&stamp) || stamp == Identity::default() {
            return;
        }
        if let Err(error) = stamp.remember(&self.options.state_dir) {
            let text = format!("the identity of this machine could not be remembered: {error}");
            reports.push(Report::new(None, ReportKind::State, text));
        }
    }

    /// Clears one pool of another machine's data, or hides it where that is not possible.
    fn clear(&self, store: &mut Store, part: &str) -> Option<Report> {
        let pool = store.pool();
        let copies = Aside::new(&self.options.state_dir, "cloned");
        let started = boot_time(&self.options.proc_root);
        let is_own = |key: &[u8]| is_fresh_telemetry(key, started);
        let result = self.with_locks(store, true, |store| {
            store.catch_up()?;
            let copy = store.keep_clone(&copies, is_own)?;
            store.clear_except(is_own).map(|_| copy)
        });
        match result.and_then(|result| result) {
            Ok(copy) => copy.map(|copy| {
                let copy = copy.display();
                let text = format!(
                    "came from another machine ({part} differs) and was cleared, a copy is in {copy}"
                );
                Report::new(pool, ReportKind::Cloned, text)
            }),
            Err(error) => {
                store.hide(&error);
                let text = format!(
                    "came from another machine ({part} differs), cannot be cleared and is hidden until the next start: {error}"
                );
                Some(Report::new(pool, ReportKind::Hidden, text))
            }
        }
    }
}
