//! What has been injected, as hv-netapply keeps it: read here, shown on the bus, never written.
//!
//! The file is replaced as a whole, and inotify on its directory says when. It is root's and not the host's, but still
//! read with bounds: what is damaged is said once, and until it can be read again what was known last is shown. Where it
//! cannot be read or followed it is looked at again, after pauses that grow.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hv_utils_core::daemon::{PathWatch, read_small};
use hv_utils_core::netapply::{HISTORY, History, MOST_RECORDS};
use tokio::sync::watch;

use super::pauses::Pauses;

/// The records at any time.
#[derive(Debug)]
pub(crate) struct Records {
    path: PathBuf,
    known: watch::Sender<History>,
    /// It has been said that the file cannot be read.
    said: AtomicBool,
}

impl Records {
    /// Reads what is in hv-netapply's `directory` now, and goes on doing so whenever it is replaced. Needs a tokio
    /// runtime.
    pub(crate) fn follow(directory: &Path) -> Arc<Records> {
        let path = directory.join(HISTORY);
        let records =
            Arc::new(Records { path, known: watch::Sender::default(), said: AtomicBool::new(false) });
        records.read();
        tokio::spawn(watching(Arc::downgrade(&records), records.path.clone()));
        records
    }

    /// The records, now and whenever they differ.
    pub(crate) fn subscribe(&self) -> watch::Receiver<History> {
        self.known.subscribe()
    }

    /// Reads the file now: for whoever knows that it is new.
    pub(crate) fn read(&self) {
        self.look();
    }

    /// Reads the file; tells whether that could be done.
    fn look(&self) -> bool {
        let history = match read(&self.path) {
            Ok(history) => history,
            Err(error) => {
                if !self.said.swap(true, Ordering::Relaxed) {
                    let path = self.path.display();
                    tracing::warn!(
                        "{path} cannot be read ({error}): what the host has configured since is not shown"
                    );
                }
                return false;
            }
        };
        self.said.store(false, Ordering::Relaxed);
        self.known.send_if_modified(|known| {
            let differs = *known != history;
            *known = history;
            differs
        });
        true
    }
}

async fn watching(records: std::sync::Weak<Records>, path: PathBuf) {
    let mut pauses = Pauses::new();
    loop {
        // Before the look, so that nothing that comes after it is missed.
        let watch = PathWatch::new(&path);
        let Some(records) = records.upgrade() else { return };
        let read = records.look();
        drop(records);
        let news = async { watch?.changed().await };
        pauses.wait(read, news, &path).await;
    }
}

/// The records in the file, at most as many as are kept; none without a file. 64 of the longest lists are a small file.
fn read(path: &Path) -> io::Result<History> {
    let text = match read_small(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
        Err(error) => return Err(error),
    };
    let mut history: History = serde_json::from_slice(&text)?;
    let surplus = history.records.len().saturating_sub(MOST_RECORDS);
    history.records.drain(..surplus);
    Ok(history)
}

#[cfg(test)]
mod tests;
