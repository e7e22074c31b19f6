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

    /// Adds a record, or changes the one of the same time, adapter and injection.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(&self, record: &Record) -> Result<(), Error> {
        let mut history = self.history();
        let same = |known: &&mut Record| {
            known.time == record.time && known.injection.adapter == record.injection.adapter
        };
        match history.records.iter_mut().find(same) {
            Some(known) => *known = record.clone(),
            None => history.records.push(record.clone()),
        }
        let surplus = history.records.len().saturating_sub(MOST_RECORDS);
        history.records.drain(..surplus);
        let text = serde_json::to_vec_pretty(&history)
            .map_err(|error| Error::not_applied(format!("cannot write the history: {error}")))?;
        Ok(replace(&self.directory.join(HISTORY), &text, 0o644)?)
    }

    /// Notes what became of an injection; a history that cannot be written is no reason to fail.
    pub fn settle(&self, record: &Record, outcome: Outcome, message: &str) -> Record {
        let settled = Record { outcome, message: message.to_owned(), settled: now(), ..record.clone() };
        if let Err(error) = self.note(&settled) {
            tracing::warn!("{error}");
        }
        settled
    }
}

/// µs of CLOCK_REALTIME.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
