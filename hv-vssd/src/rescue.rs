//! `hv-vssd --recover`: thaws what a daemon and its guardian have left frozen, and nothing more.
//!
//! For `ExecStopPost=`: it runs whatever became of them. The record stays for the next daemon, which tells it and lets the
//! hooks know.

use std::fs;
use std::process::ExitCode;

use hv_utils_core::daemon::{CommonArgs, Exit, Failure, InstanceLock, Service};

use crate::Vssd;
use crate::freeze::{After, recover};
use crate::plan::Roots;

/// What of the machine is looked at.
pub(crate) fn roots(common: &CommonArgs) -> Roots {
    Roots { proc: common.proc_root.clone(), sys: common.sysfs_root.clone() }
}

/// Names this boot: what is left of another one is not frozen any more.
pub(crate) fn boot_id(common: &CommonArgs) -> Result<String, Failure> {
    let path = common.proc_root.join("sys/kernel/random/boot_id");
    let text = fs::read_to_string(&path).map_err(|error| Failure::io("read", &path, &error))?;
    Ok(text.trim().to_owned())
}

/// Does it, and says with which code to end.
pub(crate) fn recover_only(common: &CommonArgs) -> ExitCode {
    // What a living daemon has frozen is its own.
    let _lock = match InstanceLock::take(&common.run_dir, Vssd::NAME) {
        Ok(lock) => Some(lock),
        // Killed while a thread of it hangs in a freeze: it is dead, and yet holds the lock.
        Err(failure) if failure.exit() == Exit::Busy && holder_is_dead(common) => None,
        Err(failure) if failure.exit() == Exit::Busy => {
            eprintln!("hv-vssd: {failure}. What it has frozen, it thaws: hvctl vss thaw");
            return failure.exit().into();
        }
        Err(failure) => {
            eprintln!("hv-vssd: {failure}");
            return failure.exit().into();
        }
    };
    let found = boot_id(common)
        .map_err(|failure| failure.to_string())
        .and_then(|boot_id| recover(&common.run_dir, &roots(common), &boot_id, After::Keep));
    match found {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(leftover)) if leftover.stuck.is_empty() => {
            println!("{}; thawed here: {}", leftover.report.result, leftover.thawed);
            ExitCode::SUCCESS
        }
        Ok(Some(leftover)) => {
            leftover.stuck.iter().for_each(|stuck| eprintln!("hv-vssd: still frozen: {stuck}"));
            Exit::Internal.into()
        }
        Err(why) => {
            eprintln!("hv-vssd: {why}");
            Exit::Internal.into()
        }
    }
}

/// Whether the process that holds the instance lock is dead but for a thread that cannot die yet.
fn holder_is_dead(common: &CommonArgs) -> bool {
    let lock = common.run_dir.join(format!("{}.lock", Vssd::NAME));
    let pid = fs::read_to_string(lock).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let state = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok());
    // The name, in brackets, may hold anything; the state follows the last one.
    state.is_none_or(|stat| {
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
    })
}
