//! The last requests, in memory for the bus and in `STATE_DIR/hv-shutdownd/history.json` for who looks after the restart.
//!
//! The file is one JSON document, replaced as a whole by a thread that lives only while there is something to write. Only what
//! was accepted has it written: what a host is refused over and over must not keep the disk busy. A file that cannot be used is
//! set aside and said once.

mod file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use hv_utils_core::wire::shutdown::Request;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

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
pub type Rows = Arc<[Row]>;

/// The last requests. One value owns them; the bus follows it ([`History::subscribe`]).
#[derive(Debug)]
pub struct History {
    known: watch::Sender<Rows>,
    saver: Arc<Saver>,
}

impl History {
    /// What an instance before this one has left at `path`, or nothing. What cannot be used is renamed to `history.damaged`,
    /// with a warning.
    #[must_use]
    pub fn open(path: &Path) -> History {
        let rows = bounded(file::open(path));
        let saver = Saver { path: path.to_owned(), state: Mutex::default(), busy: watch::Sender::new(false) };
        History { known: watch::Sender::new(rows.into()), saver: Arc::new(saver) }
    }

    /// The newest; in memory only.
    pub fn push(&self, row: Row) {
        let mut rows = self.rows().to_vec();
        rows.push(row);
        self.known.send_replace(bounded(rows).into());
    }

    /// One that was refused; in memory only. A host that repeats itself fills one row.
    pub fn refused(&self, row: Row) {
        let mut rows = self.rows().to_vec();
        match rows.last_mut() {
            Some(last) if row == (Row { when: row.when, ..last.clone() }) => last.when = row.when,
            _ => rows.push(row),
        }
        self.known.send_replace(bounded(rows).into());
    }

    /// More is known of the request that came then; in memory only.
    pub fn update(&self, row: &Row) {
        let mut rows = self.rows().to_vec();
        if let Some(known) = rows.iter_mut().rev().find(|known| known.when == row.when) {
            known.clone_from(row);
            self.known.send_replace(rows.into());
        }
    }

    /// All of them, the oldest first.
    #[must_use]
    pub fn rows(&self) -> Rows {
        Arc::clone(&self.known.borrow())
    }

    /// All of them at any time.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Rows> {
        self.known.subscribe()
    }

    /// Has all of them written, and returns at once. Of several writes that wait only the last is done.
    pub fn save(&self) {
        Saver::save(&self.saver, self.rows());
    }

    /// Waits until what [`save`](Self::save) was called for is durable, or has failed, which was said. The caller sets a
    /// limit: a disk may not answer.
    pub async fn saved(&self) {
        let mut busy = self.saver.busy.subscribe();
        // The sender is our own.
        let _ = busy.wait_for(|busy| !busy).await;
    }
}

fn bounded(mut rows: Vec<Row>) -> Vec<Row> {
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

/// What writes the file.
#[derive(Debug)]
struct Saver {
    path: PathBuf,
    state: Mutex<State>,
    busy: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// There is a thread, and it will look again for what waits.
    running: bool,
    waiting: Option<Rows>,
    /// It has been said that the file cannot be written.
    said: bool,
}

impl Saver {
    fn save(this: &Arc<Saver>, rows: Rows) {
        let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting = Some(rows);
        if state.running {
            return;
        }
        state.running = true;
        this.busy.send_replace(true);
        drop(state);
        let saver = Arc::clone(this);
        let thread = Builder::new().name("history".to_owned());
        if let Err(error) = thread.spawn(move || saver.work()) {
            this.outcome(Err(format!("no thread could be started: {error}")));
            this.state.lock().unwrap_or_else(PoisonError::into_inner).running = false;
            this.busy.send_replace(false);
        }
    }

    fn work(&self) {
        while let Some(rows) = self.next() {
            self.outcome(file::write(&self.path, &rows).map_err(|failure| failure.to_string()));
        }
    }

    /// What is to be written now; with nothing, the thread ends.
    fn next(&self) -> Option<Rows> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = state.waiting.take();
        if waiting.is_none() {
            // Under the lock, so that it is not told after the next one has begun.
            state.running = false;
            self.busy.send_replace(false);
        }
        waiting
    }

    fn outcome(&self, outcome: Result<(), String>) {
        let failed = outcome.is_err();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let said = std::mem::replace(&mut state.said, failed);
        drop(state);
        if let (Err(error), false) = (outcome, said) {
            tracing::warn!("the history is kept in memory only: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
