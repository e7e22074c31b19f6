//! The command line: verbs and options. Only shape is checked here.
//!
//! Options that the daemons have mean the same here, and stand before or after the verb. One verb is not for people:
//! `guard`, which this program starts itself.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hv_utils_core::bus::BusChoice;
use hv_utils_core::daemon::log::{Format, Level};

use crate::components::{Component, names};
use crate::engine::Choice;

#[cfg(test)]
mod tests;

const AFTER_HELP: &str = "\
IC is one of kvp, vss, timesync, shutdown, heartbeat, file-copy.

Exit codes: 0 done, 1 refused or failed, 64 usage, 69 no such IC here or the kernel cannot (below 6.10),
70 internal error, 75 another instance is at work, 77 not permitted, 78 configuration.";

/// Give each Hyper-V integration component (IC) to the kernel's driver or to raw VMBus
#[derive(Debug, Parser)]
#[command(name = "hv-driver", version, after_help = AFTER_HELP)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct Cli {
    /// Where everything is.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do; none is needed for `--check-config`.
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// Options of every verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Read FILE, then FILE.d/*.toml, after the vendor's in /usr/lib/hv-utils [default:
    /// /etc/hv-utils/hv-utils.toml, which may be missing]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Say what is wrong with the configuration, or "ok", and exit (78 if anything is)
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Bus to serve on, and to ask daemons on: system, session, none or a D-Bus address
    #[arg(long, global = true, value_name = "BUS", default_value = "system")]
    pub(crate) bus: BusChoice,

    /// As the daemons have it; this program keeps nothing there
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/lib/hv-utils", hide = true)]
    pub(crate) state_dir: PathBuf,

    /// Directory for the lock and what lives until the next boot
    #[arg(long, global = true, value_name = "DIR", default_value = "/run/hv-utils")]
    pub(crate) run_dir: PathBuf,

    /// Where sysfs is
    #[arg(long, global = true, value_name = "DIR", default_value = "/sys")]
    pub(crate) sysfs_root: PathBuf,

    /// Where procfs is
    #[arg(long, global = true, value_name = "DIR", default_value = "/proc")]
    pub(crate) proc_root: PathBuf,

    /// Where device nodes are
    #[arg(long, global = true, value_name = "DIR", default_value = "/dev", hide = true)]
    pub(crate) dev_root: PathBuf,

    /// Where the machine's configuration is
    #[arg(long, global = true, value_name = "DIR", default_value = "/etc", hide = true)]
    pub(crate) etc_root: PathBuf,

    /// Where the daemons' programs are [default: beside this one]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) daemon_dir: Option<PathBuf>,

    /// Least important messages to log: error, warn, info, debug, trace, or a syslog level
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<Level>,

    /// Form of the log: auto, text, json or journald
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show which driver each IC has, which one is chosen, and why
    Show {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Choose a driver for ICs and move them now
    Use {
        /// auto, uio (raw VMBus) or hv_utils (the kernel's driver)
        #[arg(value_name = "CHOICE")]
        choice: Choice,
        /// Which ones; all without
        #[arg(value_name = "IC", value_parser = component)]
        components: Vec<Component>,
        /// Until the next boot only
        #[arg(long)]
        runtime: bool,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Move every IC to where the configuration wants it; safe at any time
    Apply,
    /// Give an IC back to the kernel's driver, until the next boot or until it is chosen anew
    Release {
        /// Which one
        #[arg(value_name = "IC", value_parser = component)]
        component: Component,
    },
    /// Give every IC on raw VMBus back to the kernel before a hibernation; refuses while that would do harm
    Sleep,
    /// Take again what `sleep` has given back; nothing if it has not
    Wake,
    /// Serve org.hvutils.Driver1 on the bus; ends when nobody calls for a while
    Serve {
        /// End after so many seconds without a call
        #[arg(long, value_name = "SECS", default_value_t = 30, hide = true)]
        idle_secs: u64,
    },
    /// Put things right when the program that moves a device is killed
    #[command(hide = true)]
    Guard,
}

fn component(name: &str) -> Result<Component, String> {
    Component::named(name).ok_or_else(|| format!("the ICs are {}", names()))
}
