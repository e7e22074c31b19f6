//! The command line: verbs, options and the help text, as clap sees them.
//!
//! Only shape is checked here. A pool's name is taken as it comes and checked by the verb, because an unknown
//! pool is "not there" (exit 2) and not wrong usage (64); [`PoolName`] still lists the names for help and completion.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};

use crate::error::Error;
use hv_utils_core::wire::kvp::Pool;

mod driver;
mod hold;
mod ip;
mod number;
mod time;
mod vss;

pub(crate) use driver::Driver;
pub(crate) use hold::{Copy, Heartbeat, Shutdown};
pub(crate) use ip::Ip;
pub(crate) use time::Time;
pub(crate) use vss::Vss;

const AFTER_HELP: &str = "\
Exit codes:
  0   done
  1   refused or failed
  2   no such key, pool or adapter
  3   wait ran out of time
  64  wrong usage
  69  the daemon or the bus is not there
  77  not authorised
  of a COMMAND that is run, its own; 126, 127 if it cannot be run, 128 and the number of the signal that ended it

Examples:
  hvctl status                                 which services run, and how they reach the host
  hvctl kvp list external                      what the host's administrator has set for this machine
  hvctl kvp get auto-external PhysicalHostName
  hvctl kvp set guest deployment finished      let the host read it
  hvctl kvp wait external token --timeout 60   wait until the host has sent it
  hvctl kvp watch --json                       one JSON object per change
  hvctl ip history                             what the host has made of this machine's addresses
  hvctl vss plan                               what a backup would freeze, and what it would leave out
  hvctl time status                            who keeps the clock, and how right it is
  hvctl shutdown inhibit ./upgrade             the host cannot power off meanwhile, unless by force
  hvctl heartbeat status                       what the host is told about applications, and by whom
  hvctl copy history                           files that came from the host
  hvctl driver show                            which driver has which device, and why
  hvctl kvp export guest | hvctl kvp import --dry-run -

With --json every answer is one object {\"schema\":1,\"kind\":…}; an error is {\"schema\":1,\"error\":{\"name\",\"message\",\"hint\"}},
on standard output too. A key or value that begins with '-' goes after '--'. POOL may be a number, 0 to 4.";

// Help lists the names after these.
const POOL: &str = "Pool, by its name or number, 0 to 4 in this order";
const POOL_OR_ALL: &str = "Pool, by its name or number, 0 to 4 in this order; all without";

/// Look at and steer the Hyper-V guest services.
#[derive(Debug, Parser)]
#[command(name = "hvctl", version, after_help = AFTER_HELP)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct Cli {
    /// The bus the daemons are on: system (DBUS_SYSTEM_BUS_ADDRESS is honoured), session or a D-Bus address
    #[arg(long, global = true, value_name = "BUS", default_value = "system")]
    pub(crate) bus: BusChoice,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where sysfs is (for tests)
    #[arg(long, global = true, hide = true, value_name = "DIR", default_value = "/sys")]
    pub(crate) sysfs_root: PathBuf,
    /// Look for the daemons' programs only here (for tests)
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub(crate) daemon_dir: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show every service: is it running, how does it reach the host, what is missing
    Status,
    /// Key-value items that the host and this machine exchange
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Kvp(Kvp),
    /// Show what the host says about itself and this virtual machine
    Host,
    /// Show the devices on the VMBus
    Devices,
    /// Which driver has each service's device: the kernel's, or raw VMBus for a daemon of hv-utils
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Driver(Driver),
    /// Network adapters: as the host sees them, and as it has configured them
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Ip(Ip),
    /// Backups: what is frozen for a checkpoint, what would be, and how it went
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Vss(Vss),
    /// The clock: who keeps it, how right it is, and the times that come from the host
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Time(Time),
    /// What the host has asked of this machine: power off, restart, hibernate; and having it refused
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Shutdown(Shutdown),
    /// How applications are, as the host is told
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Heartbeat(Heartbeat),
    /// Files that the host copies into this machine
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Copy(Copy),
    /// The daemons' configuration
    #[command(subcommand, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
    Config(Config),
    /// Print the completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Verbs of `hvctl kvp`.
#[derive(Debug, Subcommand)]
pub(crate) enum Kvp {
    /// Show the items of a pool, or of all
    List {
        /// Pool; all without
        #[arg(value_parser = PoolName, help = POOL_OR_ALL)]
        pool: Option<String>,
    },
    /// Print one value: raw, or with control characters escaped on a terminal
    Get {
        /// Pool
        #[arg(value_parser = PoolName, help = POOL)]
        pool: String,
        /// Key
        key: String,
    },
    /// Set one item (from inside the guest: pool guest only)
    Set {
        /// Pool
        #[arg(value_parser = PoolName, help = POOL)]
        pool: String,
        /// Key
        key: String,
        /// Value; - reads it from standard input, without its last newline
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Delete one item (from inside the guest: pool guest only)
    Delete {
        /// Pool
        #[arg(value_parser = PoolName, help = POOL)]
        pool: String,
        /// Key
        key: String,
    },
    /// Print every change from now on, one line each; goes on when the daemon restarts
    Watch {
        /// Pool; all without
        #[arg(value_parser = PoolName, help = POOL_OR_ALL)]
        pool: Option<String>,
    },
    /// Wait until a key is there, then print its value; also waits for the daemon
    Wait {
        /// Pool
        #[arg(value_parser = PoolName, help = POOL)]
        pool: String,
        /// Key
        key: String,
        /// Give up after so many seconds (exit 3); 0 looks once
        #[arg(long, value_name = "SECS", value_parser = number::seconds, allow_negative_numbers = true)]
        timeout: Option<Duration>,
    },
    /// Write items as JSON, for import
    Export {
        /// Pool; all without
        #[arg(value_parser = PoolName, help = POOL_OR_ALL)]
        pool: Option<String>,
        /// Write to this file, whole or not at all, instead of standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Set the items of an exported file: those of pool guest; each of another pool is reported as refused (exit 1)
    #[command(allow_missing_positional = true)]
    Import {
        /// Take only the items of this pool from the file; only guest can be written
        #[arg(value_parser = PoolName)]
        pool: Option<String>,
        /// File that export wrote; - is standard input
        file: PathBuf,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Also delete the items of pool guest that the file does not have
        #[arg(long)]
        replace: bool,
    },
}

/// Verbs of `hvctl config`.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Let every installed daemon check the configuration; print what they find
    Check {
        /// Check this file instead of the installed one
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Shells with completions.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

/// Which bus to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BusChoice {
    /// The system bus (`DBUS_SYSTEM_BUS_ADDRESS`, else the usual socket).
    System,
    /// The session bus.
    Session,
    /// An address, checked.
    Address(String),
}

impl FromStr for BusChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<BusChoice, String> {
        match text {
            "system" => Ok(BusChoice::System),
            "session" => Ok(BusChoice::Session),
            address if zbus::Address::from_str(address).is_ok() => Ok(BusChoice::Address(address.to_owned())),
            _ => Err("expected system, session or a D-Bus address such as unix:path=/run/my-bus".to_owned()),
        }
    }
}

impl fmt::Display for BusChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BusChoice::System => f.write_str("system bus"),
            BusChoice::Session => f.write_str("session bus"),
            BusChoice::Address(address) => write!(f, "bus {address}"),
        }
    }
}

/// Takes any text as a pool's name, and lists the real ones for help and completion.
#[derive(Debug, Clone, Copy)]
struct PoolName;

impl TypedValueParser for PoolName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        clap::builder::StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Pool::ALL.iter().map(|pool| PossibleValue::new(pool.name()))))
    }
}

/// The pool that `name` (or number) means.
pub(crate) fn pool(name: &str) -> Result<Pool, Error> {
    name.parse().map_err(|_| Error::no_such_pool(name))
}

/// The pool that is named, or all of them in the order of their numbers.
pub(crate) fn pools(name: Option<&str>) -> Result<Vec<Pool>, Error> {
    name.map_or_else(|| Ok(Pool::ALL.to_vec()), |name| Ok(vec![pool(name)?]))
}

#[cfg(test)]
mod tests;
