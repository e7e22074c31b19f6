//! The command line: one verb that serves, and options as the daemons have them. Only shape is checked here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hv_utils_core::bus::BusChoice;
use hv_utils_core::daemon::log::{Format, Level};

const AFTER_HELP: &str = "\
hv-kvpd asks for the work; people look and take back with `hvctl ip show`, `hvctl ip history` and `hvctl ip revert`.

Exit codes: 0 done, 64 usage, 70 internal error, 75 another instance is at work, 77 not permitted, 78 configuration
(--check-config only).";

/// Apply the IP configuration that the Hyper-V host gives an adapter, and take it back if it does not work
#[derive(Debug, Parser)]
#[command(name = "hv-netapply", version, after_help = AFTER_HELP)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs", max_term_width = 110)]
pub(crate) struct Cli {
    /// Where everything is.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do; none is needed for `--check-config`.
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// Options.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Read FILE, then FILE.d/*.toml, after the vendor's in /usr/lib/hv-utils [default:
    /// /etc/hv-utils/hv-utils.toml, which may be missing]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Say what is wrong with the configuration, or "ok", and exit (78 if anything is)
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Bus on which network managers are: system, session, none or a D-Bus address
    #[arg(long, global = true, value_name = "BUS", default_value = "system")]
    pub(crate) bus: BusChoice,

    /// Directory for what outlives this program: DIR/hv-netapply
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/lib/hv-utils")]
    pub(crate) state_dir: PathBuf,

    /// Directory for the lock and the socket
    #[arg(long, global = true, value_name = "DIR", default_value = "/run/hv-utils")]
    pub(crate) run_dir: PathBuf,

    /// Where sysfs is
    #[arg(long, global = true, value_name = "DIR", default_value = "/sys")]
    pub(crate) sysfs_root: PathBuf,

    /// Where procfs is
    #[arg(long, global = true, value_name = "DIR", default_value = "/proc")]
    pub(crate) proc_root: PathBuf,

    /// Where the machine's configuration is
    #[arg(long, global = true, value_name = "DIR", default_value = "/etc", hide = true)]
    pub(crate) etc_root: PathBuf,

    /// Where managers keep what lasts until the next boot
    #[arg(long, global = true, value_name = "DIR", default_value = "/run", hide = true)]
    pub(crate) run_root: PathBuf,

    /// Where vendors' files and programs are
    #[arg(long, global = true, value_name = "DIR", default_value = "/usr", hide = true)]
    pub(crate) usr_root: PathBuf,

    /// Where other programs keep their state
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/lib", hide = true)]
    pub(crate) var_lib_root: PathBuf,

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
    /// Serve hv-kvpd at DIR/netapply.sock of the run directory, or at the socket that is standard input
    Serve {
        /// End after so many seconds without work [default: never; 30 where the socket is standard input]
        #[arg(long, value_name = "SECS")]
        idle_secs: Option<u64>,
        /// User who may call, beside root
        #[arg(long, value_name = "USER", default_value = "hv-kvpd")]
        client: String,
    },
}
