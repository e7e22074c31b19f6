//! What outlives this program: `STATE_DIR/hv-netapply`.
//!
//! | file | while | what for |
//! | --- | --- | --- |
//! | `transaction.json` | an injection is being applied and not yet confirmed | the next start undoes it |
//! | `pending/GUID.json` | an injection is written and its manager has not put it into force | the same, once the manager runs |
//! | `undo/GUID.json` | an injection stands | `Revert` |
//! | `static/GUID.json` | an adapter without a manager is configured | applied again at each start |
//! | `history.json` | always, readable for all | `LastInjected`, `History()` |
//! | `resume` | any of the first, second or fourth is there | hv-kvpd then starts this program |
//!
//! Every file is replaced as a whole and durable before what it speaks of is done. All but the history are for root alone:
//! a manager's configuration can hold secrets.

mod records;

pub use records::now;

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
const TRANSACTION: &str = "transaction.json";
const PENDING: &str = "pending";
const UNDO: &str = "undo";
const STATIC: &str = "static";

/// How far an injection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Something may have been changed.
    Applying,
    /// Read back; whoever asked has been told, and has not confirmed.
    Awaiting,
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
        for inner in [PENDING, UNDO, STATIC] {
            make(&directory.join(inner), 0o700)?;
        }
        Ok(Self { directory })
    }

    /// What is under way, if anything is.
    #[must_use]
    pub fn transaction(&self) -> Option<Transaction> {
        read(&self.directory.join(TRANSACTION))
    }

    /// From here on the next start undoes `transaction`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(&self, transaction: &Transaction) -> Result<(), Error> {
        self.mark()?;
        write(&self.directory.join(TRANSACTION), transaction)
    }

    /// Nothing is under way any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn end(&self) -> Result<(), Error> {
        remove(&self.directory.join(TRANSACTION))?;
        self.unmark()
    }

    /// Injections whose manager has not put them into force.
    #[must_use]
    pub fn pendings(&self) -> Vec<WayBack> {
        all(&self.directory.join(PENDING))
    }

    /// Whether this very injection is still pending.
    #[must_use]
    pub fn is_pending(&self, back: &WayBack) -> bool {
        let path = self.directory.join(PENDING).join(name(&back.target.adapter));
        read::<WayBack>(&path).is_some_and(|there| there.record.time == back.record.time)
    }

    /// An injection is pending.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add_pending(&self, back: &WayBack) -> Result<(), Error> {
        self.mark()?;
        write(&self.directory.join(PENDING).join(name(&back.target.adapter)), back)
    }

    /// It is not any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn drop_pending(&self, adapter: &str) -> Result<(), Error> {
        remove(&self.directory.join(PENDING).join(name(adapter)))?;
        self.unmark()
    }

    /// The way back from what stands on an adapter.
    #[must_use]
    pub fn undo(&self, adapter: &str) -> Option<WayBack> {
        read(&self.directory.join(UNDO).join(name(adapter)))
    }

    /// An injection stands; `back` leads to before it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn set_undo(&self, back: &WayBack) -> Result<(), Error> {
        write(&self.directory.join(UNDO).join(name(&back.target.adapter)), back)
    }

    /// There is no way back on that adapter any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn drop_undo(&self, adapter: &str) -> Result<(), Error> {
        remove(&self.directory.join(UNDO).join(name(adapter)))
    }

    /// The file in which an adapter without a manager is kept.
    #[must_use]
    pub fn static_file(&self, adapter: &str) -> PathBuf {
        self.directory.join(STATIC).join(name(adapter))
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
        let busy = self.directory.join(TRANSACTION).exists();
        let kept = [PENDING, STATIC].iter().any(|inner| !files(&self.directory.join(inner)).is_empty());
        if busy || kept { self.mark() } else { remove(&self.directory.join(RESUME)) }
    }
}

/// A GUID is a good name for a file; it is one of sysfs or of a checked request.
fn name(adapter: &str) -> String {
    format!("{adapter}.json")
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
