//! What the host is owed: a THAW for a freeze that did not last is answered by a failure, once.
//!
//! A host that was told "frozen" takes its backup and then asks for the thaw; if we have thawed before, that backup is not
//! consistent, and this answer is the only way to say so. It has to survive the daemon: hence a file in the run directory,
//! from before the freeze until the host knows how it ended.

use super::recover::forget;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The marker that a host's freeze is under way: the next THAW belongs to it, whoever answers.
#[derive(Debug, Clone)]
pub struct Debt(PathBuf);

impl Debt {
    /// The marker's name in the run directory.
    pub const NAME: &'static str = "hv-vssd.owed";

    /// In this run directory.
    #[must_use]
    pub fn new(run_dir: &Path) -> Debt {
        Debt(run_dir.join(Debt::NAME))
    }

    /// Whether a freeze of the host's, of this boot, was not thawed as the host wanted.
    #[must_use]
    pub fn is_owed(&self, boot_id: &str) -> bool {
        fs::read_to_string(&self.0).is_ok_and(|text| text.trim() == boot_id)
    }

    /// A host's freeze begins.
    ///
    /// # Errors
    /// The run directory cannot be written to.
    pub fn note(&self, boot_id: &str) -> io::Result<()> {
        // Whole or not at all: half of an id would be no debt.
        let new = self.0.with_extension("new-debt");
        fs::write(&new, boot_id)?;
        fs::rename(&new, &self.0)
    }

    /// The host knows how it ended.
    pub fn settle(&self) {
        forget(&self.0);
    }
}
