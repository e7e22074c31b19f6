//! The history: one record for each injection, the last ones of them.

use std::time::{SystemTime, UNIX_EPOCH};

use hv_utils_core::daemon::replace;
use hv_utils_core::netapply::{HISTORY, History, MOST_RECORDS, Outcome, Record};

use super::{State, read};
use crate::error::Error;

impl State {
    /// All records.
    #[must_use]
    pub fn history(&self) -> History {
        read(&self.directory.join(HISTORY)).unwrap_or_default()
    }

    /// Adds a record, or changes the one of the same time and adapter.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(&self, record: &Record) -> Result<(), Error> {
        self.change(|records| {
            let same = |known: &&mut Record| is_same(known, record);
            match records.iter_mut().find(same) {
                Some(known) => *known = record.clone(),
                None => records.push(record.clone()),
            }
        })
    }

    /// Changes the records; those that are too many go, the oldest first, but what stands stays longest.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Record>)) -> Result<(), Error> {
        let mut history = self.history();
        change(&mut history.records);
        while history.records.len() > MOST_RECORDS {
            let gone = history.records.iter().position(|record| !stands(record)).unwrap_or(0);
            history.records.remove(gone);
        }
        // Not for people to read: 64 of the longest take half the room that way.
        let text = serde_json::to_vec(&history)
            .map_err(|error| Error::not_applied(format!("cannot write the history: {error}")))?;
        Ok(replace(&self.directory.join(HISTORY), &text, 0o644)?)
    }

    /// Notes what became of an injection; a history that cannot be written is no reason to fail.
    pub fn settle(&self, record: &Record, outcome: Outcome, message: &str) -> Record {
        let settled = Record {
            outcome,
            message: message.chars().take(MOST_MESSAGE).collect(),
            settled: now(),
            ..record.clone()
        };
        if let Err(error) = self.note(&settled) {
            tracing::warn!("{error}");
        }
        settled
    }
}

/// What is kept of a message.
const MOST_MESSAGE: usize = 1000;

/// Whether an injection is in force, or will be.
#[must_use]
pub fn stands(record: &Record) -> bool {
    matches!(record.outcome, Outcome::Applied | Outcome::Pending)
}

/// Whether both are of the same injection.
#[must_use]
pub fn is_same(one: &Record, other: &Record) -> bool {
    one.time == other.time && one.injection.adapter == other.injection.adapter
}

/// µs of CLOCK_REALTIME.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
