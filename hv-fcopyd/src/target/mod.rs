//! Where a file may go.

mod refusal;

pub use refusal::Refusal;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use std::path::PathBuf;

/// User and group that something is given to; `None`: those of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owner {
    /// User number.
    pub user: Option<u32>,
    /// Group number.
    pub group: Option<u32>,
}

/// How directories are made that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// Permission bits; of more than 0777 nothing is used.
    pub mode: u32,
    /// Whose they become.
    pub owner: Owner,
}

/// The directories that the administrator lets files into.
#[derive(Debug, Clone)]
pub struct Roots {
    paths: Vec<PathBuf>,
    ledger: PathBuf,
}

/// A place for one file. Dropped without a file in it, the directories that were made for it are removed, if they are
/// still empty.
#[derive(Debug)]
pub struct Place {
    shown: String,
}

impl Roots {
    /// `ledger`: a file in the daemon's state directory that says what is to be removed if the daemon dies
    /// ([`crate::file::sweep`]).
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, ledger: PathBuf) -> Roots {
        Roots { paths, ledger }
    }

    /// Finds where the file of a START goes, and makes directories where it asks for that.
    ///
    /// # Errors
    /// It may not go there, or cannot.
    pub fn find(&self, start: &Start, how: &Creation) -> Result<Place, Refusal> {
        let _ = (start, how, &self.paths, &self.ledger);
        Err(Refusal::new(Status::FAIL, "not yet"))
    }
}

impl Place {
    /// The whole path, to be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }
}
