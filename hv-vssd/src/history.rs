//! The last freezes, in memory for the bus and in `STATE_DIR/hv-vssd/history.json` for the next start.
//!
//! The file is one JSON document, replaced as a whole by a thread that lives only while there is something to write:
//! should a filesystem be frozen while it writes, it waits and nobody waits for it. [`History::save`] is for when all is
//! thawed; nothing else here writes. A file that cannot be used is set aside and said once. All of it stays below
//! [`MOST_BYTES`]: what hooks have written goes first, then the oldest reports (`bounds`).

mod bounds;
mod file;

pub use bounds::{MOST_BYTES, MOST_RECORDS};

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use tokio::sync::watch;

use crate::report::FreezeReport;

/// Reports, the newest last. Cheap to clone.
pub type Records = Arc<[Arc<FreezeReport>]>;

/// Enough for the deepest call with room to spare; buffers are on the heap.
const STACK: usize = 256 * 1024;

/// The last freezes. One value owns them; the bus follows it ([`History::subscribe`]).
#[derive(Debug)]
pub struct History {
    known: watch::Sender<Records>,
    saver: Arc<Saver>,
}

impl History {
    /// What an instance before this one has left at `path`, or nothing. Reads: not to be called before what was left frozen
    /// is thawed. Never fails: what cannot be used is renamed to `history.damaged`, with a warning.
    #[must_use]
    pub fn open(path: &Path) -> History {
        let records = bounds::all(file::open(path));
        let saver = Saver { path: path.to_owned(), state: Mutex::default(), busy: watch::Sender::new(false) };
        History { known: watch::Sender::new(records.into()), saver: Arc::new(saver) }
    }

    /// Adds a report as the newest; in memory only. Texts are cut to their bounds.
    pub fn push(&self, report: FreezeReport) {
        let mut records = self.records().to_vec();
        records.push(Arc::new(report));
        self.known.send_replace(bounds::all(records).into());
    }

    /// All reports, the newest last.
    #[must_use]
    pub fn records(&self) -> Records {
        Arc::clone(&self.known.borrow())
    }

    /// The reports at any time.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Records> {
        self.known.subscribe()
    }

    /// Has all reports written, and returns at once. Only while nothing is frozen. While a write is under way the next one
    /// waits for it, and of several that wait only the last is written.
    pub fn save(&self) {
        Saver::save(&self.saver, self.records());
    }

    /// Waits until what [`save`](Self::save) was called for is durable, or has failed, which was said. A filesystem that
    /// was frozen meanwhile can hold it up without end: the caller sets a limit.
    pub async fn saved(&self) {
        let mut busy = self.saver.busy.subscribe();
        // The sender is our own.
        let _ = busy.wait_for(|busy| !busy).await;
    }
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
    waiting: Option<Records>,
    /// It has been said that the file cannot be written.
    said: bool,
}

impl Saver {
    fn save(this: &Arc<Saver>, records: Records) {
        let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting = Some(records);
        if state.running {
            return;
        }
        state.running = true;
        this.busy.send_replace(true);
        drop(state);
        let saver = Arc::clone(this);
        let thread = Builder::new().name("vss-history".to_owned()).stack_size(STACK);
        if let Err(error) = thread.spawn(move || saver.work()) {
            this.outcome(Err(format!("no thread could be started: {error}")));
            let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
            this.rest(&mut state);
        }
    }

    fn work(&self) {
        while let Some(records) = self.next() {
            let written = file::write(&self.path, &records);
            self.outcome(written.map_err(|failure| failure.to_string()));
        }
    }

    /// What is to be written now; with nothing, the thread ends.
    fn next(&self) -> Option<Records> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = state.waiting.take();
        if waiting.is_none() {
            self.rest(&mut state);
        }
        waiting
    }

    /// Nobody writes. Under the lock, so that it is not told after the next one has begun.
    fn rest(&self, state: &mut State) {
        state.running = false;
        self.busy.send_replace(false);
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
pub(crate) mod tests;
