//! What readers see of a pool: its index, and whether the file may have moved on.
//!
//! The pool thread replaces or changes the index, after the file; readers hold the mutex for one look-up only.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::index::Index;
use super::medium::{Stat, stat_path};
use super::record::Texts;
use super::watch;

/// Texts of one page, in bytes: a message bus takes 32 MiB and throws out who sends more, and every caller gets a copy.
/// Many times the longest item, so that no page is empty for it.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// One pool, as shared between its thread and the readers.
#[derive(Debug)]
pub(crate) struct Shared {
    seen: Mutex<Seen>,
    revision: AtomicU64,
    path: PathBuf,
    watch: Option<Arc<OwnedFd>>,
}

/// The index and the state of the file that it was made from.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) index: Index,
    pub(crate) stat: Stat,
    /// A foreign change was noticed and could not be read yet.
    pub(crate) behind: bool,
}

impl Shared {
    pub(crate) fn new(path: PathBuf, watch: Option<Arc<OwnedFd>>) -> Shared {
        Shared { seen: Mutex::default(), revision: AtomicU64::new(0), path, watch }
    }

    /// Locks the index; to be held briefly.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        // Whoever panicked with the lock in hand did so between two consistent states.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a change of the items.
    pub(crate) fn changed(&self) {
        self.revision.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    pub(crate) fn watch(&self) -> Option<&Arc<OwnedFd>> {
        self.watch.as_ref()
    }

    /// True if the file may hold something that the index does not. One system call, no lock on the file.
    pub(crate) fn is_stale(&self) -> bool {
        match &self.watch {
            Some(fd) => watch::is_readable(fd) || self.seen().behind,
            None => {
                let now = stat_path(&self.path).unwrap_or_default();
                let seen = self.seen();
                seen.behind || now != seen.stat
            }
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<String> {
        self.seen().index.value(key.as_bytes()).map(text)
    }

    pub(crate) fn item(&self, position: u32) -> Option<(String, String)> {
        self.seen().index.item(position).map(pair)
    }

    pub(crate) fn len(&self) -> u32 {
        self.seen().index.len()
    }

    pub(crate) fn page(&self, first: u32, count: u32) -> (Vec<(String, String)>, bool) {
        let seen = self.seen();
        let end = first.saturating_add(count).min(seen.index.len());
        let mut items = Vec::new();
        let mut bytes = 0;
        for item in (first..end).filter_map(|position| seen.index.item(position).map(pair)) {
            bytes += item.0.len() + item.1.len();
            if bytes > PAGE_BYTES {
                break;
            }
            items.push(item);
        }
        let more = first.saturating_add(items.len() as u32) < seen.index.len();
        (items, more)
    }
}

/// Text for people and for the host: what is not UTF-8 appears as U+FFFD.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pair(texts: Texts<'_>) -> (String, String) {
    (text(texts.key), text(texts.value))
}
