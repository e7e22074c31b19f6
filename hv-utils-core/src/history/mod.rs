//! What a daemon has done last: in memory for the bus, and in a file of its state directory for the next start.
//!
//! The file is one JSON document, replaced as a whole by a thread that lives only while there is something to write: should
//! the disk not answer, it waits and nobody waits for it. Nothing is written but by [`History::save`]; when that is right, what
//! a row is and how many there may be is the daemon's to know ([`Remembered`]). A file that cannot be used is set aside and
//! said once.

mod file;
mod saver;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::daemon::MOST_SMALL_BYTES;
use saver::Saver;

/// Bytes of the whole file.
pub const MOST_BYTES: usize = MOST_SMALL_BYTES;

/// One thing that is remembered.
pub trait Remembered: Serialize + DeserializeOwned + fmt::Debug + Send + Sync + 'static {
    /// What the list of them is called in the file.
    const LIST: &'static str;

    /// What is kept of these, the oldest first: as many, and each as short, that the file stays below [`MOST_BYTES`].
    fn bounded(rows: Vec<Arc<Self>>) -> Vec<Arc<Self>>;
}

/// Rows, the newest last. Cheap to clone.
pub type Rows<R> = Arc<[Arc<R>]>;

/// The last of what a daemon has done. One value owns it; the bus follows it ([`History::subscribe`]).
#[derive(Debug)]
pub struct History<R: Remembered> {
    known: watch::Sender<Rows<R>>,
    saver: Arc<Saver<R>>,
}

impl<R: Remembered> History<R> {
    /// What an instance before this one has left at `path`, or nothing. Never fails: what cannot be used gets the extension
    /// `damaged`, with a warning.
    #[must_use]
    pub fn open(path: &Path) -> History<R> {
        let rows = R::bounded(file::open(path));
        History { known: watch::Sender::new(rows.into()), saver: Arc::new(Saver::new(path)) }
    }

    /// Adds the newest; in memory only.
    pub fn push(&self, row: R) {
        self.change(|rows| {
            rows.push(Arc::new(row));
            true
        });
    }

    /// Changes what is known, which is then brought within its bounds; in memory only. `change` says whether it has changed
    /// anything: else nobody is told.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Arc<R>>) -> bool) {
        let mut rows = self.rows().to_vec();
        if change(&mut rows) {
            self.known.send_replace(R::bounded(rows).into());
        }
    }

    /// All of them, the newest last.
    #[must_use]
    pub fn rows(&self) -> Rows<R> {
        Arc::clone(&self.known.borrow())
    }

    /// All of them at any time.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Rows<R>> {
        self.known.subscribe()
    }

    /// Has all of them written, and returns at once. While a write is under way the next one waits for it, and of several that
    /// wait only the last is done.
    pub fn save(&self) {
        Saver::save(&self.saver, self.rows());
    }

    /// Waits until what [`save`](Self::save) was called for is durable, or has failed, which was said. The caller sets a
    /// limit: a disk may not answer, and a filesystem may be frozen meanwhile.
    pub async fn saved(&self) {
        self.saver.rests().await;
    }
}

#[cfg(test)]
mod tests;
