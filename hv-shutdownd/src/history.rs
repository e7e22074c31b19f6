//! The last requests, in memory for the bus and in `STATE_DIR/hv-shutdownd/history.json` for who looks after the restart.
//!
//! How they are kept is the core's ([`hv_utils_core::history`]). Here is what of them, and how much. Only what was accepted has
//! the file written: what a host is refused over and over must not keep the disk busy.

use std::sync::Arc;

use hv_utils_core::history::{self, Remembered};
use hv_utils_core::wire::shutdown::Request;
use serde::{Deserialize, Serialize};

/// Requests that are remembered.
pub const MOST_ROWS: usize = 32;

/// Of these, refused ones: a host that asks for the impossible in ever new words must not push out what was done.
pub const MOST_REFUSED: usize = 16;
/// With what the outcome of a refused one begins.
pub(crate) const REFUSED: &str = "refused: ";

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Row {
    /// µs since 1970 when it came.
    pub when: u64,
    /// `poweroff`, `reboot` or `hibernate`.
    pub action: String,
    /// Whether it is forced.
    pub forced: bool,
    /// The reason code.
    pub reason: u32,
    /// The host's timeout, s.
    pub timeout: u32,
    /// The host's text.
    pub text: String,
    /// What became of it: a sentence; empty while nobody knows.
    pub outcome: String,
}

impl Row {
    /// A request that came then.
    #[must_use]
    pub fn new(when: u64, request: &Request) -> Row {
        Row {
            when,
            action: request.action.name().to_owned(),
            forced: request.force,
            reason: request.reason,
            timeout: request.timeout_secs,
            text: request.text.clone(),
            outcome: String::new(),
        }
    }
}

/// Rows, the newest last.
pub type Rows = history::Rows<Row>;

/// The last requests.
pub type History = history::History<Row>;

/// One that was refused; in memory only. A host that repeats itself fills one row.
pub(crate) fn refused(history: &History, row: Row) {
    history.change(|rows| {
        match rows.last_mut() {
            Some(last) if row == (Row { when: row.when, ..Row::clone(last) }) => *last = Arc::new(row),
            _ => rows.push(Arc::new(row)),
        }
        true
    });
}

/// More is known of the request that came then; in memory only.
pub(crate) fn update(history: &History, row: &Row) {
    history.change(|rows| {
        let known = rows.iter_mut().rev().find(|known| known.when == row.when);
        known.is_some_and(|known| {
            *known = Arc::new(row.clone());
            true
        })
    });
}

impl Remembered for Row {
    const LIST: &'static str = "requests";

    fn bounded(mut rows: Vec<Arc<Row>>) -> Vec<Arc<Row>> {
        let is_refused = |row: &Row| row.outcome.starts_with(REFUSED);
        let mut surplus = rows.iter().filter(|row| is_refused(row)).count().saturating_sub(MOST_REFUSED);
        rows.retain(|row| {
            let goes = surplus > 0 && is_refused(row);
            surplus -= usize::from(goes);
            !goes
        });
        rows.drain(..rows.len().saturating_sub(MOST_ROWS));
        rows
    }
}

#[cfg(test)]
mod tests;
