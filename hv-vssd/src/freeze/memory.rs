//! The daemon's memory, locked as long as anybody here needs it: no page of the program, its heap or its stacks is to be
//! fetched while the disk it would come from is frozen.
//!
//! What is there when it is locked stays; what is asked for later is not locked beforehand.

use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use std::sync::{Mutex, PoisonError};

/// How many need it.
static HOLDERS: Mutex<usize> = Mutex::new(0);

/// As long as it lives the memory is locked. Without the privilege the kernel keeps as much of it as it likes.
#[derive(Debug)]
pub struct Locked(());

impl Locked {
    /// Locks what there is by now, also what has come since it was locked last.
    #[must_use]
    pub fn now() -> Locked {
        let mut holders = HOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        *holders += 1;
        if let Err(error) = mlockall(MlockAllFlags::CURRENT) {
            tracing::debug!(%error, "memory is not locked");
        }
        Locked(())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut holders = HOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        *holders = holders.saturating_sub(1);
        if *holders == 0 {
            // What was not locked needs no unlocking.
            let _ = munlockall();
        }
    }
}
