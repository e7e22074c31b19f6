//! What outlives this program: `STATE_DIR/hv-netapply`.
//!
//! | file | while | what for |
//! | --- | --- | --- |
//! | `journal/GUID.json` | an injection is under way | the next start undoes it, or goes through with what was promised |
//! | `pending/GUID.json` | an injection is written and its manager has not put it into force | undone if it never does |
//! | `undo/GUID.json` | injections stand | `Revert`, the last one first |
//! | `static/GUID.json` | an adapter without a manager is configured | applied again at each start |
//! | `history.json` | always, readable for all | `LastInjected`, `History()` |
//! | `resume` | any of the first, second or fourth is there | hv-kvpd then starts this program |
//!
//! Every file is replaced as a whole and durable before what it speaks of is done. All but the history are for root alone:
//! a manager's configuration can hold secrets.

mod records;

pub use records::{is_same, now, stands};

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::replace;
use hv_utils_core::netapply::{Injection, RESUME, Record};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::backend::Target;
use crate::error::Error;
use crate::saved::{Snapshot, remove};

/// This program's directory in the state directory.
const OWN: &str = "hv-netapply";
const JOURNAL: &str = "journal";
const PENDING: &str = "pending";
const UNDO: &str = "undo";
const STATIC: &str = "static";
/// Ways back that are kept for one adapter.
const MOST_UNDOS: usize = 8;

/// How far an injection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Something may have been changed: a death leads back.
    Applying,
    /// It stays: a death leads on.
    Promised,
}

/// A way back: who had the link, and what was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayBack {
    /// The link.
    pub target: Target,
    /// The backend's name.
    pub backend: String,
    /// What was there.
    pub snapshot: Snapshot,
    /// What leads there: for the history.
    pub record: Record,
}

/// A way back from an injection that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The way.
    pub back: WayBack,
    /// What the injection made of the files: while they are so, a repeated injection has the same way back.
    pub left: String,
}

/// An injection, or an undoing, under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// How far.
    pub phase: Phase,
    /// Written only, since its manager does not run.
    pub pending: bool,
    /// It brings something back (`Revert`): then there is no new record.
    pub reverting: bool,
    /// The way back.
    pub back: WayBack,
}

/// The directory.
#[derive(Debug, Clone)]
pub struct State {
    directory: PathBuf,
}

impl State {
    /// Makes the directory if need be.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(state_dir: &Path) -> Result<Self, Error> {
        let directory = state_dir.join(OWN);
        let make = |path: &Path, mode| {
            let made = DirBuilder::new().recursive(true).mode(mode).create(path);
            made.map_err(|error| Error::io("create", path, &error))
        };
        make(&directory, 0o755)?;
        for inner in [JOURNAL, PENDING, UNDO, STATIC] {
            make(&directory.join(inner), 0o700)?;
        }
        Ok(Self { directory })
    }

    fn file(&self, inner: &str, adapter: &str) -> PathBuf {
        // A GUID is a good name for a file; it is one of sysfs or of a checked request.
        self.directory.join(inner).join(format!("{adapter}.json"))
    }

    /// All that is under way.
    #[must_use]
    pub fn transactions(&self) -> Vec<Transaction> {
        all(&self.directory.join(JOURNAL))
    }

    /// What is under way on an adapter, if anything is.
    #[must_use]
    pub fn transaction(&self, adapter: &str) -> Option<Transaction> {
        read(&self.file(JOURNAL, adapter))
    }

    /// From here on the next start knows of `transaction`, as it is now.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn journal(&self, transaction: &Transaction) -> Result<(), Error> {
        self.mark()?;
        write(&self.file(JOURNAL, &transaction.back.target.adapter), transaction)
    }

    /// Nothing is under way on that adapter any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn end(&self, adapter: &str) -> Result<(), Error> {
        remove(&self.file(JOURNAL, adapter))?;
        self.unmark()
    }

    /// Injections whose manager has not put them into force.
    #[must_use]
    pub fn pendings(&self) -> Vec<WayBack> {
        all(&self.directory.join(PENDING))
    }

    /// What is pending on an adapter.
    #[must_use]
    pub fn pending(&self, adapter: &str) -> Option<WayBack> {
        read(&self.file(PENDING, adapter))
    }

    /// Whether this very injection is still pending.
    #[must_use]
    pub fn is_pending(&self, back: &WayBack) -> bool {
        self.pending(&back.target.adapter).is_some_and(|there| there.record.time == back.record.time)
    }

    /// An injection is pending.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add_pending(&self, back: &WayBack) -> Result<(), Error> {
        self.mark()?;
        write(&self.file(PENDING, &back.target.adapter), back)
    }

    /// It is not any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn drop_pending(&self, adapter: &str) -> Result<(), Error> {
        remove(&self.file(PENDING, adapter))?;
        self.unmark()
    }

    /// The ways back from what stands on an adapter, the last one last.
    #[must_use]
    pub fn undos(&self, adapter: &str) -> Vec<Undo> {
        read(&self.file(UNDO, adapter)).unwrap_or_default()
    }

    /// These are the ways back on that adapter.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn set_undos(&self, adapter: &str, undos: &[Undo]) -> Result<(), Error> {
        match undos {
            [] => remove(&self.file(UNDO, adapter)),
            undos => {
                let last = &undos[undos.len().saturating_sub(MOST_UNDOS)..];
                write(&self.file(UNDO, adapter), &last)
            }
        }
    }

    /// The file in which an adapter without a manager is kept.
    #[must_use]
    pub fn static_file(&self, adapter: &str) -> PathBuf {
        self.file(STATIC, adapter)
    }

    /// Adapters without a manager, as they are to be.
    #[must_use]
    pub fn statics(&self) -> Vec<Injection> {
        all(&self.directory.join(STATIC))
    }

    /// hv-kvpd starts us as long as there is something to go on with.
    fn mark(&self) -> Result<(), Error> {
        let path = self.directory.join(RESUME);
        if path.exists() { Ok(()) } else { Ok(replace(&path, b"", 0o644)?) }
    }

    /// Takes the mark away if there is nothing to go on with.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn unmark(&self) -> Result<(), Error> {
        let kept =
            [JOURNAL, PENDING, STATIC].iter().any(|inner| !files(&self.directory.join(inner)).is_empty());
        if kept { self.mark() } else { remove(&self.directory.join(RESUME)) }
    }
}

/// Files that are whole: a kill can leave the beginning of one under another name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}

fn all<T: DeserializeOwned>(directory: &Path) -> Vec<T> {
    files(directory).iter().filter_map(|path| read(path)).collect()
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::error!("cannot read {}: {error}", path.display());
            return None;
        }
    };
    match serde_json::from_slice(&text) {
        Ok(content) => Some(content),
        Err(error) => {
            tracing::error!("{} is damaged ({error}) and is put aside", path.display());
            // Not deleted: a person may still find something in it.
            let _ = fs::rename(path, path.with_extension("damaged"));
            None
        }
    }
}

fn write(path: &Path, content: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(content);
    let text =
        text.map_err(|error| Error::not_applied(format!("cannot write {}: {error}", path.display())))?;
    Ok(replace(path, &text, 0o600)?)
}

#[cfg(test)]
mod tests;
