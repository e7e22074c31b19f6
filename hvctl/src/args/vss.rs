//! The arguments of `hvctl vss`.

use clap::Subcommand;

use super::number::whole_seconds;

/// Verbs of `hvctl vss`.
#[derive(Debug, Subcommand)]
pub(crate) enum Vss {
    /// Show whether anything is frozen, since when and until when, and how the last freeze went
    Status,
    /// Show what a backup would freeze, in which order, what it would leave out, and why
    Plan {
        /// A line for each filesystem, also for the many that are left out for the same reason
        #[arg(long, short)]
        all: bool,
    },
    /// Freeze the filesystems; who writes waits until they are thawed
    #[command(after_help = FREEZE_HELP)]
    Freeze {
        /// Thaw by itself after so many seconds, 1 or more; without, or with more than max-frozen-secs: after those
        #[arg(long, value_name = "SECS", value_parser = whole_seconds, allow_negative_numbers = true)]
        time: Option<u32>,
    },
    /// Thaw what is frozen: as root anything, else what you have had frozen
    Thaw {
        /// Also what the host has frozen for a backup, which fails then
        #[arg(long)]
        force: bool,
    },
    /// Show the freezes so far, the oldest first
    History {
        /// Only the last one, with its filesystems and hooks
        #[arg(long)]
        last: bool,
        /// Each with its filesystems and hooks
        #[arg(long, short)]
        verbose: bool,
    },
}

const FREEZE_HELP: &str = "\
While the filesystems are frozen, all that writes to them waits: also a shell that saves its history, sudo, a login, a
program whose output goes to a file (so with --json nothing is printed if the output is one). Type the way back on the same
line, as root:

  hvctl vss freeze --time 30 && { sleep 10; hvctl vss thaw; }

A freeze that is not thawed before its time is over counts as one that did not last: the result in `hvctl vss history` says
so, and hooks are run with `freeze-failed`, then with `thaw`.";
