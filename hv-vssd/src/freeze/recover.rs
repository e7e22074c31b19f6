//! What a daemon and its guardian that are both gone have left frozen: found by the record, thawed, and nothing else.
//!
//! Runs before the next daemon serves, and after the unit has stopped (`hv-vssd --recover`). A record of another boot is
//! only taken away. While a guardian still lives it thaws, and is waited for.

use super::record::{Ended, Record, Step, monotonic};
use super::thaw::By;
use super::{RECORD, open, tell, thaw};
use crate::plan::{self, Plan, Roots, Rules};
use crate::report::{Cause, FreezeReport};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long a guardian that still lives, or a thread that hangs, is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(10);

/// A freeze that its daemon did not see to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What is known of it.
    pub report: FreezeReport,
    /// What is still frozen, with the reason.
    pub stuck: Vec<String>,
    /// How many filesystems had to be thawed here.
    pub thawed: usize,
}

/// What becomes of a record when nothing of it is frozen any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It is taken away: what it tells is told.
    Forget,
    /// It stays for the next daemon to tell.
    Keep,
}

/// Thaws what the record in `run_dir` says; `None` if there was no freeze under way.
///
/// # Errors
/// The record is there and cannot be read: a sentence.
pub fn recover(
    run_dir: &Path,
    roots: &Roots,
    boot_id: &str,
    after: After,
) -> Result<Option<Leftover>, String> {
    let path = run_dir.join(RECORD);
    let record = match Record::open(&path) {
        Ok(record) => record,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            set_aside(&path);
            return Err(format!("{}: {error}; it was set aside (.broken)", path.display()));
        }
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    if !record.is_of_boot(boot_id) {
        forget(&path);
        return Ok(None);
    }
    record.close();
    let (thawed, stuck) = thaw_until_over(&record, roots);
    if stuck.is_empty() && after == After::Forget {
        forget(&path);
    }
    Ok(Some(Leftover { report: report(&record, &stuck), stuck, thawed }))
}

/// What is known to be frozen is thawed at once; what may be, when nobody is left who could still be freezing it: a thread
/// that hangs in a freeze outlives its process, and so does the lock.
fn thaw_until_over(record: &Record, roots: &Roots) -> (usize, Vec<String>) {
    let (began, mut thawed) = (monotonic(), 0);
    loop {
        let alone = record.try_lock().unwrap_or(true);
        if alone {
            thaw::inherit_all(record);
        }
        let (more, stuck) = thaw_all(record, roots, alone);
        thawed += more;
        if alone || thaw::is_over(record) || monotonic().saturating_sub(began) > PATIENCE {
            return (thawed, stuck);
        }
        thread::sleep(LOOK);
    }
}

/// Takes a record away.
pub(super) fn forget(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!("{} cannot be removed: {error}", path.display());
    }
}

fn set_aside(path: &Path) {
    let _ = fs::rename(path, path.with_extension("broken"));
}

fn thaw_all(record: &Record, roots: &Roots, alone: bool) -> (usize, Vec<String>) {
    let ours: Vec<usize> = (0..record.len()).filter(|index| record.step(*index).may_be_frozen()).collect();
    if ours.is_empty() {
        return (0, Vec::new());
    }
    record.end(Ended::Guardian);
    let plan = plan::make(roots, &Rules::default()).unwrap_or_default();
    let (mut thawed, mut stuck) = (0, Vec::new());
    // Backwards: the lowest first.
    for index in ours.iter().rev() {
        let named = record.named(*index);
        let mut sentence =
            |why: String| stuck.push(format!("{} ({}): {why}", named.mount.display(), named.kind));
        let claim = |from| record.advance(*index, from, Step::Thawing);
        match reach(record, *index, &plan) {
            Ok(target) if claim(Step::Frozen) || claim(Step::Stuck) => {
                thaw::thaw(record, *index, &target, By::Daemon);
                match record.step(*index) {
                    Step::Stuck => sentence(io::Error::from_raw_os_error(record.error(*index)).to_string()),
                    _ => thawed += 1,
                }
            }
            Ok(_) if record.step(*index).may_be_frozen() && !alone => {
                sentence("whoever was freezing it has not ended yet".into());
            }
            Ok(_) => {}
            Err(why) => sentence(why),
        }
    }
    (thawed, stuck)
}

/// Opens the filesystem of a record, by any mount that it has now.
fn reach(record: &Record, index: usize, plan: &Plan) -> Result<std::os::fd::OwnedFd, String> {
    let named = record.named(index);
    let is_it = |entry: &&plan::Entry| entry.device == named.device && entry.kind == named.kind;
    let Some(entry) = plan.entries.iter().find(is_it) else {
        return Err("it is mounted nowhere any more; mount its disk again, then fsfreeze -u".into());
    };
    open::target(entry).map_err(|reason| tell::unreached(entry, reason))
}

fn report(record: &Record, stuck: &[String]) -> FreezeReport {
    let done = tell::done(record, true);
    let cause = match record.ended() {
        Some(Ended::Deadline) => Cause::Deadline,
        Some(Ended::Guardian) => Cause::Guardian,
        None => Cause::Error,
    };
    let result = match stuck.first() {
        Some(stuck) => format!("the daemon ended during the freeze, and something is still frozen: {stuck}"),
        None => "the daemon ended during the freeze; everything is thawed".to_owned(),
    };
    FreezeReport {
        started_us: record.begun(),
        origin: record.origin(),
        frozen_us: done.frozen_us,
        answered_us: 0,
        result,
        cause,
        filesystems: done.filesystems,
        hooks: Vec::new(),
    }
}
