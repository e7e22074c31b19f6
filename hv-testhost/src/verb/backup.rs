//! What is asked of a guest's backup service: a checkpoint with all that belongs to it, or one operation by its name.
//!
//! Values as they were typed, and how they are written as words again; what is sent is `host::vss`'s.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hv_utils_core::wire::vss::Operation;

/// The longest time a guest is held frozen: far beyond what a host or a guest would bear.
const LONGEST_HOLD: f64 = 86_400.0;

/// The operations by the names that are typed.
const OPERATIONS: [(&str, Operation); 9] = [
    ("create", Operation::CREATE),
    ("delete", Operation::DELETE),
    ("hot-backup", Operation::HOT_BACKUP),
    ("get-dm-info", Operation::GET_DM_INFO),
    ("bu-complete", Operation::BACKUP_COMPLETE),
    ("freeze", Operation::FREEZE),
    ("thaw", Operation::THAW),
    ("auto-recover", Operation::AUTO_RECOVER),
    ("query-cluster", Operation::QUERY_CLUSTER),
];

/// How a checkpoint is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct CheckpointAsk {
    /// Seconds to wait between freeze and thaw
    #[arg(long, value_name = "SECS", value_parser = hold, default_value = "0")]
    pub hold: Duration,
    /// While the guest is frozen, copy FILE (a disk of its) to COPY, which must not exist; holes stay holes. May be given
    /// several times
    #[arg(long = "snapshot", value_name = "FILE=COPY", value_parser = snapshot)]
    pub snapshots: Vec<SnapshotAsk>,
}

/// A file to copy while a guest is frozen. Paths are absolute, since the host that copies may be another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotAsk {
    /// What is copied.
    pub file: PathBuf,
    /// What is made of it.
    pub copy: PathBuf,
}

impl CheckpointAsk {
    pub(super) fn options(&self) -> Vec<String> {
        let mut options = vec![format!("--hold={}", self.hold.as_secs_f64())];
        let named =
            |asked: &SnapshotAsk| format!("--snapshot={}={}", asked.file.display(), asked.copy.display());
        options.extend(self.snapshots.iter().map(named));
        options
    }
}

/// Reads a time to hold a guest frozen.
fn hold(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.0..=LONGEST_HOLD).contains(&seconds) {
        return Err("from 0 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn snapshot(text: &str) -> Result<SnapshotAsk, String> {
    let (file, copy) = text.split_once('=').ok_or("write FILE=COPY; a name with = in it cannot be FILE")?;
    let absolute = |path: &str| std::path::absolute(path).map_err(|error| format!("\"{path}\": {error}"));
    Ok(SnapshotAsk { file: absolute(file)?, copy: absolute(copy)? })
}

/// Reads an operation by its name or its number.
pub(super) fn operation(text: &str) -> Result<Operation, String> {
    if let Some((_, named)) = OPERATIONS.iter().find(|(name, _)| *name == text) {
        return Ok(*named);
    }
    let names: Vec<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    let number = text.parse().map_err(|_| format!("{}, or a number to 255", names.join(", ")))?;
    Ok(Operation(number))
}
