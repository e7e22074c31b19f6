//! What systemd is told about a hook: the name of its unit and its properties.
//!
//! Names are never used twice, so that nothing of an earlier run is in the way.

use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use zbus::{Fd, Variant};

use crate::hooks::Owner;
use crate::hooks::job::{GRACE, Job, micros};

/// `si_code` of `waitid(2)`, as ExecMainCode has it: ended by itself.
pub(super) const CLD_EXITED: i32 = 1;
/// Ended by a signal.
pub(super) const CLD_KILLED: i32 = 2;
/// The same, and a core was dumped.
pub(super) const CLD_DUMPED: i32 = 3;
/// systemd's exit code for a program that could not be executed (`systemd.exec(5)`).
pub(super) const EXIT_EXEC: i32 = 203;

/// Of the 255 bytes of a unit's name; the rest is for what is around.
const LONGEST: usize = 180;

/// All units of an owner's hooks.
pub(super) fn pattern(owner: Owner) -> String {
    format!("{}-*.service", owner.units)
}

/// A name that no unit has had.
pub(super) fn name(owner: Owner, hook: &str) -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    format!("{}-{}-{}-{run}.service", owner.units, escape(hook), std::process::id())
}

/// As `systemd-escape(1)` does it.
fn escape(hook: &str) -> String {
    let mut escaped = String::new();
    for byte in hook.bytes() {
        if escaped.len() >= LONGEST {
            break;
        }
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => escaped.push(byte.into()),
            // Writing to a string does not fail.
            _ => drop(write!(escaped, "\\x{byte:02x}")),
        }
    }
    escaped
}

/// Properties as `StartTransientUnit` takes them; `output` is where the hook writes.
///
/// # Errors
/// The path of the hook is not UTF-8.
pub(super) fn properties<'a>(
    owner: Owner,
    job: &Job<'_>,
    output: &'a OwnedFd,
) -> zbus::Result<Vec<(&'static str, Variant<'a>)>> {
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or_else(not_utf8);
    let (program, path) = (text(job.program)?, text(job.path)?);
    // In arguments, and in no path, a dollar is the beginning of a variable.
    let words = std::iter::once(path.as_str()).chain(job.arguments.iter().copied());
    let command: Vec<String> = words.map(|word| word.replace('$', "$$")).collect();
    let environment: Vec<String> =
        job.all_environment().map(|(name, value)| format!("{name}={value}")).collect();
    let what = job
        .arguments
        .iter()
        .fold(format!("{} hook {}", owner.daemon, job.name), |what, argument| format!("{what}, {argument}"));
    let time = |time: Duration| Variant::new(micros(time));
    let pipe = || Variant::Fd(Fd::from(output.as_fd()));
    Ok(vec![
        ("Description", Variant::new(what)),
        ("Type", Variant::new("oneshot")),
        ("ExecStart", Variant::new(vec![(program, command, false)])),
        ("Environment", Variant::new(environment)),
        ("StandardInput", Variant::new("null")),
        ("StandardOutputFileDescriptor", pipe()),
        ("StandardErrorFileDescriptor", pipe()),
        ("IgnoreSIGPIPE", Variant::new(false)),
        ("TimeoutStartUSec", time(job.time)),
        ("TimeoutStopUSec", time(GRACE)),
        ("KillMode", Variant::new("control-group")),
        // What it leaves running stays then, until we stop the unit.
        ("RemainAfterExit", Variant::new(job.stays)),
        // A shutdown that has begun must not keep it from being run.
        ("DefaultDependencies", Variant::new(false)),
        // It is there until its result has been read, and then nothing of it is.
        ("AddRef", Variant::new(true)),
        ("CollectMode", Variant::new("inactive-or-failed")),
    ])
}

fn not_utf8() -> zbus::Error {
    zbus::Error::Failure("its path is not UTF-8".to_owned())
}
