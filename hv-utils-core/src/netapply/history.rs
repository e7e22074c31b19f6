//! What has been injected: `STATE_DIR/hv-netapply/history.json`, written by hv-netapply and read by hv-kvpd for D-Bus.
//!
//! The file is replaced as a whole, so that a reader sees the old or the new one; inotify on its directory says when.

use serde::{Deserialize, Serialize};

use super::Injection;

/// Name of the file, in hv-netapply's state directory.
pub const HISTORY: &str = "history.json";
/// Name of a file that is there while [`super::Request::Resume`] has something to do, in the same directory.
pub const RESUME: &str = "resume";
/// Records that are kept; the oldest go first.
pub const MOST_RECORDS: usize = 64;

/// What became of an injection, or of a request to undo one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// In force, read back, confirmed.
    Applied,
    /// Written where its manager will read it.
    Pending,
    /// Refused or undone at once.
    Failed,
    /// Was in force, and was undone because somebody asked for it.
    Reverted,
}

impl Outcome {
    /// The word on D-Bus.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Pending => "pending",
            Outcome::Failed => "failed",
            Outcome::Reverted => "reverted",
        }
    }
}

/// One injection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it was asked for: µs of CLOCK_REALTIME.
    pub time: u64,
    /// When its outcome was last changed: µs of CLOCK_REALTIME.
    pub settled: u64,
    /// The interface; "" if none had the adapter.
    pub interface: String,
    /// Who had the link; "" if it did not come so far.
    pub backend: String,
    /// What was wanted.
    pub injection: Injection,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for a person; "" where there is nothing to say.
    pub message: String,
}

/// All records, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// The records.
    pub records: Vec<Record>,
}

impl History {
    /// The last injection that is in force, or will be.
    #[must_use]
    pub fn standing(&self) -> Option<&Record> {
        let stands = |record: &&Record| matches!(record.outcome, Outcome::Applied | Outcome::Pending);
        self.records.iter().rev().find(stands)
    }
}
