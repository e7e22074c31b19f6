//! `[vss]` and the arguments of this daemon: from what was written to what is meant.
//!
//! Reading and merging files, and reporting everything that is wrong in them, is the core's, and so is
//! `max-message-version`. What is wrong here has its default; the shell does not start with it.

use std::time::Duration;

use hv_utils_core::daemon::CommonArgs;
use hv_utils_core::daemon::config::Table;

use crate::hooks::{self, Runner};
use crate::plan::Rules;

/// Arguments beyond those that every daemon has.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Thaw what an instance that is gone has left frozen, and end: for ExecStopPost=
    #[arg(long)]
    pub recover: bool,
}

/// Everything that can be decided about this daemon, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which filesystems are frozen (`include`, `exclude`, `exclude-types`, `on-unfreezable`).
    pub rules: Rules,
    /// How hooks are run (`hooks-dir`, `hook-timeout-secs`, `hook-runner`, `on-hook-failure`).
    pub hooks: hooks::Options,
    /// How long anything is frozen at most, whatever the host does (`max-frozen-secs`).
    pub max_frozen: Duration,
}

const MAX_FROZEN: Duration = Duration::from_secs(120);
const HOOK_TIMEOUT: Duration = Duration::from_secs(30);

impl Settings {
    /// Reads `[vss]`; what is wrong is reported through the table.
    pub fn read(vss: &mut Table<'_>, common: &CommonArgs) -> Settings {
        Settings {
            rules: rules(vss),
            hooks: hooks(vss, common),
            max_frozen: vss.duration("max-frozen-secs", 5..=840).unwrap_or(MAX_FROZEN),
        }
    }
}

fn rules(vss: &mut Table<'_>) -> Rules {
    let mounts = "a pattern of mount points that begins with / or * and does not end with /";
    let types = "a type of filesystems, or a pattern of types";
    Rules {
        include: vss.list("include", mounts, mount_pattern).unwrap_or_default(),
        exclude: vss.list("exclude", mounts, mount_pattern).unwrap_or_default(),
        exclude_types: vss.list("exclude-types", types, type_pattern).unwrap_or_default(),
        fail_on_unfreezable: vss
            .one_of("on-unfreezable", &[("warn", false), ("fail", true)])
            .unwrap_or(false),
        refused_types: Vec::new(),
    }
}

fn hooks(vss: &mut Table<'_>, common: &CommonArgs) -> hooks::Options {
    const RUNNERS: [(&str, Runner); 3] =
        [("auto", Runner::Auto), ("systemd", Runner::Systemd), ("direct", Runner::Direct)];
    let directory = vss.path("hooks-dir");
    hooks::Options {
        directory: directory.unwrap_or_else(|| common.etc_root.join("hv-utils/vss.d")),
        time: vss.duration("hook-timeout-secs", 1..=600).unwrap_or(HOOK_TIMEOUT),
        runner: vss.one_of("hook-runner", &RUNNERS).unwrap_or_default(),
        go_on: vss.one_of("on-hook-failure", &[("abort", false), ("continue", true)]).unwrap_or(false),
    }
}

/// No mount point ends with `/` but the root's: what does would fit nothing, and an `exclude` that fits nothing freezes
/// what was to be left alone.
fn mount_pattern(text: &str) -> Option<String> {
    let fits = text.starts_with(['/', '*']) && (text == "/" || !text.ends_with('/')) && !text.contains('\0');
    fits.then(|| text.to_owned())
}

fn type_pattern(text: &str) -> Option<String> {
    let fits = !text.is_empty() && !text.contains(['/', '\0', ' ']);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
