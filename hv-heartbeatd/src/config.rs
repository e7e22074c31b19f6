//! `[heartbeat]`: from what was written to what is meant.
//!
//! Reading and merging files, and reporting everything that is wrong in them, is the core's, and so is
//! `max-message-version`. What is wrong here has its default; the shell does not start with it.

use hv_utils_core::daemon::config::Table;

/// Units that can be listed: each costs the bus two match rules.
pub const MOST_UNITS: usize = 64;
/// Characters of a unit's name, as systemd has it (`UNIT_NAME_MAX`).
const LONGEST_NAME: usize = 255;
/// What a unit's name ends in (`systemd.unit(5)`).
const KINDS: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// Arguments beyond those that every daemon has.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {}

/// Everything that can be decided about this daemon, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What systemd says of the system as a whole counts (`system-state`).
    pub system_state: bool,
    /// Units whose states count (`units`), each once.
    pub units: Vec<String>,
    /// Applications may report their state (`applications`).
    pub applications: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { system_state: false, units: Vec::new(), applications: true }
    }
}

impl Settings {
    /// Reads `[heartbeat]`; what is wrong is reported through the table.
    pub fn read(table: &mut Table<'_>) -> Settings {
        let default = Settings::default();
        Settings {
            system_state: table.boolean("system-state").unwrap_or(default.system_state),
            units: units(table),
            applications: table.boolean("applications").unwrap_or(default.applications),
        }
    }
}

fn units(table: &mut Table<'_>) -> Vec<String> {
    let must = "the whole name of a unit, such as \"nginx.service\"";
    let mut units: Vec<String> = Vec::new();
    for name in table.list("units", must, unit).unwrap_or_default() {
        if units.contains(&name) {
            table.warn("units", format!("{name} is listed twice"));
        } else {
            units.push(name);
        }
    }
    if units.len() > MOST_UNITS {
        table.reject("units", format!("has {} units; at most {MOST_UNITS} can be watched", units.len()));
        units.truncate(MOST_UNITS);
    }
    units
}

/// A name, if systemd would take it: no pattern, and no template without its instance.
fn unit(text: &str) -> Option<String> {
    let (stem, kind) = text.rsplit_once('.')?;
    let is_part = |char: char| char.is_ascii_alphanumeric() || r":-_.\@".contains(char);
    let is_name = !stem.is_empty()
        && text.len() <= LONGEST_NAME
        && stem.chars().all(is_part)
        && !stem.starts_with('@')
        && !stem.ends_with('@');
    (is_name && KINDS.contains(&kind)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
