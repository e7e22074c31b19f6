//! What writes the file of a history: a thread, while there is something to write, and one write at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use tokio::sync::watch;

use super::{Remembered, Rows, file};

/// Bytes of the thread's stack: enough for the deepest call with room to spare, and little where memory is locked; buffers are
/// on the heap.
const STACK: usize = 256 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Saver<R> {
    path: PathBuf,
    state: Mutex<State<R>>,
    busy: watch::Sender<bool>,
}

#[derive(Debug)]
struct State<R> {
    /// There is a thread, and it will look again for what waits.
    running: bool,
    waiting: Option<Rows<R>>,
    /// It has been said that the file cannot be written.
    said: bool,
}

impl<R: Remembered> Saver<R> {
    /// For this file.
    pub(super) fn new(path: &Path) -> Saver<R> {
        let state = State { running: false, waiting: None, said: false };
        Saver { path: path.to_owned(), state: Mutex::new(state), busy: watch::Sender::new(false) }
    }

    /// Has these written, in place of what waits.
    pub(super) fn save(this: &Arc<Saver<R>>, rows: Rows<R>) {
        let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting = Some(rows);
        if state.running {
            return;
        }
        state.running = true;
        this.busy.send_replace(true);
        drop(state);
        let saver = Arc::clone(this);
        let thread = Builder::new().name("history".to_owned()).stack_size(STACK);
        if let Err(error) = thread.spawn(move || saver.work()) {
            this.outcome(Err(format!("no thread could be started: {error}")));
            let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
            this.rest(&mut state);
        }
    }

    /// Waits until nobody writes.
    pub(super) async fn rests(&self) {
        let mut busy = self.busy.subscribe();
        // The sender is our own.
        let _ = busy.wait_for(|busy| !busy).await;
    }

    fn work(&self) {
        while let Some(rows) = self.next() {
            let written = file::write(&self.path, &rows);
            self.outcome(written.map_err(|failure| failure.to_string()));
        }
    }

    /// What is to be written now; with nothing, the thread ends.
    fn next(&self) -> Option<Rows<R>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = state.waiting.take();
        if waiting.is_none() {
            self.rest(&mut state);
        }
        waiting
    }

    /// Nobody writes. Under the lock, so that it is not told after the next one has begun.
    fn rest(&self, state: &mut State<R>) {
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
