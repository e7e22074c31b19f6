//! Opening all pools at start, and clearing them if they came from another machine.
//!
//! The stamp of the new machine is written only when every pool is durably cleared, so that a crash in between leads
//! to the same again. What cannot be cleared (read-only filesystem) is not served either.

use std::time::Instant;

use super::Pool;
use super::aside::Aside;
use super::error::PoolError;
use super::identity::{Identity, boot_id, boot_time, is_fresh_telemetry};
use super::journal::BootId;
use super::store::Store;
use super::types::{PoolOptions, Report, ReportKind};

/// Opens and reads the five pools.
///
/// # Errors
/// The first pool that cannot be served.
pub(crate) fn open(options: &PoolOptions) -> Result<(Vec<Store>, Vec<Report>), PoolError> {
    let boot = BootId(boot_id(&options.proc_root));
    let mut stores = Vec::new();
    let mut reports = Vec::new();
    for pool in Pool::ALL {
        let mut store = Store::new(pool, options, boot);
        let outcome = with_locks(&mut store, options, Store::refresh)?;
        reports.extend(outcome.reports);
        outcome.result?;
        stores.push(store);
    }
    check_identity(&mut stores, options, &mut reports)?;
    for store in &mut stores {
        // Creating the files of one pool was seen by the watches of the others; what is foreign is read at once.
        if !store.is_quiet() {
            let outcome = with_locks(store, options, Store::refresh)?;
            reports.extend(outcome.reports);
            outcome.result?;
        }
    }
    Ok((stores, reports))
}

/// Waits for the locks, does the work, gives them back.
fn with_locks<T>(
    store: &mut Store,
    options: &PoolOptions,
    work: impl FnOnce(&mut Store) -> T,
) -> Result<T, PoolError> {
    let start = Instant::now();
    let mut pause = std::time::Duration::from_millis(1);
    while !store.enter(false)? {
        if start.elapsed() >= options.lock_timeout {
            return Err(PoolError::Busy { path: store.path().to_owned(), waited: start.elapsed() });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(std::time::Duration::from_millis(50));
    }
    let done = work(store);
    store.leave();
    Ok(done)
}

fn check_identity(
    stores: &mut [Store],
    options: &PoolOptions,
    reports: &mut Vec<Report>,
) -> Result<(), PoolError> {
    let current = Identity::current(options);
    let remembered = Identity::remembered(&options.state_dir);
    let mut cleared = true;
    if let Some(part) = remembered.as_ref().and_then(|remembered| remembered.difference(&current)) {
        for store in stores {
            cleared &= clear(store, options, part, reports)?;
        }
    }
    let stamp = current.or(remembered.clone());
    if !cleared || remembered.as_ref() == Some(&stamp) || stamp == Identity::default() {
        return Ok(());
    }
    if let Err(error) = stamp.remember(&options.state_dir) {
        let text = format!("the identity of this machine could not be remembered: {error}");
        reports.push(Report::new(None, ReportKind::State, text));
    }
    Ok(())
}

/// Clears one pool of another machine's data; false if that was not possible, then it is empty in memory only.
fn clear(
    store: &mut Store,
    options: &PoolOptions,
    part: &str,
    reports: &mut Vec<Report>,
) -> Result<bool, PoolError> {
    let pool = store.pool();
    let copies = Aside::new(&options.state_dir, "cloned");
    let started = boot_time(&options.proc_root);
    let is_own = |key: &[u8]| is_fresh_telemetry(key, started);
    let result = with_locks(store, options, |store| {
        let copy = store.keep_clone(&copies, is_own)?;
        store.clear_except(is_own).map(|_| copy)
    })?;
    match result {
        Ok(None) => Ok(true),
        Ok(Some(copy)) => {
            let text = format!(
                "came from another machine ({part} differs) and was cleared, a copy is in {}",
                copy.display()
            );
            reports.push(Report::new(pool, ReportKind::Cloned, text));
            Ok(true)
        }
        Err(error) => {
            store.hide(&error);
            let text = format!(
                "came from another machine ({part} differs) and is hidden, it cannot be cleared: {error}"
            );
            reports.push(Report::new(pool, ReportKind::Cloned, text));
            Ok(false)
        }
    }
}
