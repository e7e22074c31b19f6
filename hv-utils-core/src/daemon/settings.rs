//! From files to settings: what the shell itself reads of the configuration, and the daemon's own tables.
//!
//! Used at start, by `--check-config` and at SIGHUP, so that all three agree. The command line wins over files.

use super::Service;
use super::args::Parsed;
use super::config::{Config, Finding, Sources, Table};
use super::log::{FORMATS, Format, Level};
use crate::wire::{Ic, Version};

/// Everything the configuration says to one daemon.
#[derive(Debug)]
pub(super) struct Loaded<T> {
    pub(super) own: T,
    pub(super) level: Level,
    pub(super) format: Format,
    pub(super) max_version: Option<Version>,
    pub(super) findings: Vec<Finding>,
}

/// Reads the configuration anew.
pub(super) fn load<S: Service>(parsed: &Parsed<S::Args>) -> Loaded<S::Settings> {
    let common = &parsed.common;
    let mut config = Config::load(&Sources::new(common.config.as_deref(), &common.etc_root));
    let (level, format) = log_settings(&mut config.table("log"), common.log_level, common.log_format);
    let mut table = config.table(S::TABLE);
    let max_version = max_version(&mut table, S::IC, S::NAME);
    let own = S::settings(&mut table, &parsed.own, common);
    Loaded { own, level, format, max_version, findings: config.finish() }
}

/// `[log]`, for any program; what the command line says wins.
pub fn log_settings(table: &mut Table<'_>, level: Option<Level>, format: Option<Format>) -> (Level, Format) {
    let written = table.parsed("level", "error, warn, info, debug or trace", |text| text.parse().ok());
    let written = (written, table.one_of("format", &FORMATS));
    (level.or(written.0).unwrap_or_default(), format.or(written.1).unwrap_or_default())
}

/// The newest version to agree on with a host that misbehaves on its newest: one that we speak, so that a slip of the pen is
/// not taken for a limit.
fn max_version(table: &mut Table<'_>, ic: Ic, daemon: &str) -> Option<Version> {
    const KEY: &str = "max-message-version";
    let version = table.version(KEY)?;
    let spoken = ic.versions();
    if spoken.contains(&version) {
        return Some(version);
    }
    let spoken: Vec<String> = spoken.iter().map(ToString::to_string).collect();
    table.reject(
        KEY,
        format!("{version} is no version that {daemon} speaks, use one of: {}", spoken.join(", ")),
    );
    None
}

#[cfg(test)]
mod tests;
