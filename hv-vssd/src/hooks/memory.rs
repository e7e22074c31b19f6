//! Whose `freeze` was run and whose `thaw` was not, for the next daemon: a database must not wait for a dead one.
//!
//! A file in the run directory, written before a hook is run: the boot, then a name per line, each as JSON, for a name may
//! be of several lines. It goes when the round of `thaw` is done. What another boot has left says nothing: its processes are
//! gone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::replace;

/// Its name in the run directory.
const NAME: &str = "hv-vssd.prepared";

/// The file.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    path: PathBuf,
    boot_id: String,
}

impl Memory {
    pub(super) fn new(run_dir: &Path, boot_id: &str) -> Self {
        Self { path: run_dir.join(NAME), boot_id: boot_id.trim().to_owned() }
    }

    /// An error is a sentence.
    pub(super) fn write(&self, names: &[String]) -> Result<(), String> {
        let mut text = format!("{}\n", self.boot_id);
        for name in names {
            text.push_str(&serde_json::Value::from(name.as_str()).to_string());
            text.push('\n');
        }
        replace(&self.path, text.as_bytes(), 0o600)
            .map_err(|error| format!("which hooks have begun cannot be remembered: {error}"))
    }

    /// What a daemon of the same boot has written.
    pub(super) fn read(&self) -> Option<Vec<String>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(
                    "which hooks wait for their thaw is not known: {}: {error}",
                    self.path.display()
                );
                return None;
            }
        };
        let mut lines = text.lines();
        if lines.next()? != self.boot_id {
            return None;
        }
        // What is no JSON is no name of a hook either; it is told as one that has gone.
        let names: Vec<String> =
            lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| line.to_owned())).collect();
        (!names.is_empty()).then_some(names)
    }

    pub(super) fn forget(&self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!("{} stays, and the next start runs thaw once more: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests;
