//! The command line that all daemons share, and how it is read.
//!
//! What a daemon adds to it is its own `clap::Args`. Values are only parsed here; whether a channel or a bus
//! is there is found out later. A command line that cannot be understood ends with exit code 64, not clap's 2.

use super::{Exit, Service};
use crate::bus::BusChoice;
use crate::channel::ChannelChoice;
use crate::daemon::log::{Format, Level};
use clap::{Args, Command, FromArgMatches};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the administrator's configuration is, if `--config` does not say otherwise (below `--etc-root`).
pub const CONFIG_BELOW_ETC: &str = "hv-utils/hv-utils.toml";

/// The end of `--help`.
const EXIT_CODES: &str = "\
Exit codes: 0 asked to stop, 64 usage, 69 nothing to serve here, 70 internal error,
75 another instance runs, 77 not permitted, 78 configuration.";

/// Options every daemon has.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Read FILE, then FILE.d/*.toml, after the vendor's in /usr/lib/hv-utils [default:
    /// /etc/hv-utils/hv-utils.toml, which may be missing]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Say what is wrong with the configuration, or "ok", and exit (78 if anything is)
    #[arg(long)]
    pub check_config: bool,

    /// How to reach the host: auto, uio, hv_utils or sim:PATH
    #[arg(long, value_name = "CHANNEL", default_value = "auto")]
    pub channel: ChannelChoice,

    /// Bus to appear on: system, session, none or a D-Bus address
    #[arg(long, value_name = "BUS", default_value = "system")]
    pub bus: BusChoice,

    /// Directory for what must survive a reboot
    #[arg(long, value_name = "DIR", default_value = "/var/lib/hv-utils")]
    pub state_dir: PathBuf,

    /// Directory for locks and what lives until the next boot
    #[arg(long, value_name = "DIR", default_value = "/run/hv-utils")]
    pub run_dir: PathBuf,

    /// Where sysfs is
    #[arg(long, value_name = "DIR", default_value = "/sys")]
    pub sysfs_root: PathBuf,

    /// Where procfs is
    #[arg(long, value_name = "DIR", default_value = "/proc")]
    pub proc_root: PathBuf,

    /// Where the device nodes are
    #[arg(long, value_name = "DIR", default_value = "/dev", hide = true)]
    pub dev_root: PathBuf,

    /// Where the machine's configuration is
    #[arg(long, value_name = "DIR", default_value = "/etc", hide = true)]
    pub etc_root: PathBuf,

    /// Least important messages to log: error, warn, info, debug, trace, or a syslog level
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<Level>,

    /// Form of the log: auto, text, json or journald
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<Format>,
}

/// What the command line said.
#[derive(Debug)]
pub(super) struct Parsed<A> {
    pub(super) common: CommonArgs,
    pub(super) own: A,
}

/// The command line of a daemon, for parsing, manual pages and shell completions.
#[must_use]
pub fn command<S: Service>() -> Command {
    S::Args::augment_args(CommonArgs::augment_args(Command::new(S::NAME)))
        // After the options, which would bring their own.
        .about(S::ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(EXIT_CODES)
}

/// Reads the command line; `Err` holds the exit code after help, version or an error has been printed.
pub(super) fn parse<S: Service>(
    args: impl IntoIterator<Item = OsString>,
) -> Result<Parsed<S::Args>, ExitCode> {
    let mut command = command::<S>();
    let read = command.try_get_matches_from_mut(args).and_then(|matches| {
        Ok(Parsed {
            common: CommonArgs::from_arg_matches(&matches)?,
            own: S::Args::from_arg_matches(&matches)?,
        })
    });
    read.map_err(|error| {
        let usage = error.use_stderr();
        // Nowhere to complain to if the terminal is gone.
        let _ = error.format(&mut command).print();
        if usage { Exit::Usage.into() } else { ExitCode::SUCCESS }
    })
}
