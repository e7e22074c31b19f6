//! `[shutdown]` and the arguments of this daemon: from what was written to what is meant.
//!
//! Reading and merging files, and reporting everything that is wrong in them, is the core's, and so is
//! `max-message-version`. What is wrong here has its default; the shell does not start with it.

use std::str::FromStr;
use std::time::Duration;

use hv_utils_core::channel::ChannelChoice;
use hv_utils_core::daemon::CommonArgs;
use hv_utils_core::daemon::config::Table;
use hv_utils_core::hooks::{self, Owner, Runner};

use crate::engine::Rules;

/// Arguments beyond those that every daemon has.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// What becomes of the machine: real; print, which says in the log and on D-Bus what would have been done; auto: real, but
    /// print on the simulated link
    #[arg(long, value_name = "ACT", default_value = "auto")]
    pub act: Act,
}

/// Whether anything is done to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Act {
    /// Yes, but not where the host is simulated: a test host must not power a machine off because somebody forgot an option.
    #[default]
    Auto,
    /// Yes.
    Real,
    /// No: it is said what would have been done.
    Print,
}

impl FromStr for Act {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Act::Auto),
            "real" => Ok(Act::Real),
            "print" => Ok(Act::Print),
            _ => Err("expected auto, real or print".to_owned()),
        }
    }
}

impl Act {
    /// Whether it is only said what would have been done on this channel.
    #[must_use]
    pub const fn prints(self, channel: &ChannelChoice) -> bool {
        match self {
            Act::Auto => matches!(channel, ChannelChoice::Sim(_)),
            Act::Real => false,
            Act::Print => true,
        }
    }
}

/// Everything that can be decided about this daemon, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Nothing is done to this machine (`--act`).
    pub print: bool,
    /// What is accepted, and when it is done (`delay-secs`, `honour-host-timeout`, `respect-inhibitors`, `hibernate`).
    pub rules: Rules,
    /// Forced only: so long after one way was begun the next is taken, if the machine is still up (`force-escalation-secs`).
    pub force_escalation: Duration,
    /// How hooks are run (`hooks-dir`, `hook-timeout-secs`, `hook-runner`).
    pub hooks: hooks::Options,
}

/// Whose hooks they are.
const OWNER: Owner = Owner { daemon: "hv-shutdownd", units: "hv-shutdown-hook" };
const FORCE_ESCALATION: Duration = Duration::from_secs(60);
const HOOK_TIMEOUT: Duration = Duration::from_secs(30);

impl Settings {
    /// Reads `[shutdown]`; what is wrong is reported through the table.
    pub fn read(table: &mut Table<'_>, args: &Args, common: &CommonArgs) -> Settings {
        Settings {
            print: args.act.prints(&common.channel),
            rules: rules(table),
            force_escalation: table.duration("force-escalation-secs", 5..=600).unwrap_or(FORCE_ESCALATION),
            hooks: hooks(table, common),
        }
    }
}

fn rules(table: &mut Table<'_>) -> Rules {
    let default = Rules::default();
    Rules {
        delay: table.duration("delay-secs", 0..=3600).unwrap_or(default.delay),
        honour_host_timeout: table.boolean("honour-host-timeout").unwrap_or(default.honour_host_timeout),
        respect_inhibitors: table.boolean("respect-inhibitors").unwrap_or(default.respect_inhibitors),
        hibernate: table.boolean("hibernate").unwrap_or(default.hibernate),
    }
}

fn hooks(table: &mut Table<'_>, common: &CommonArgs) -> hooks::Options {
    const RUNNERS: [(&str, Runner); 3] =
        [("auto", Runner::Auto), ("systemd", Runner::Systemd), ("direct", Runner::Direct)];
    let directory = table.path("hooks-dir");
    hooks::Options {
        owner: OWNER,
        directory: directory.unwrap_or_else(|| common.etc_root.join("hv-utils/shutdown.d")),
        time: table.duration("hook-timeout-secs", 1..=600).unwrap_or(HOOK_TIMEOUT),
        runner: table.one_of("hook-runner", &RUNNERS).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
