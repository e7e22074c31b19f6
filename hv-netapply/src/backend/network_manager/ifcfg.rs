//! Red Hat's `ifcfg` files as far as they decide who has a link, for the time before NetworkManager runs: its plugin makes
//! a profile of each of them, and a second profile for the link has to be preferred to that one.
//!
//! They are shell assignments by their manual, and read here as such without a shell: one assignment in a line, quotes around
//! the whole of a value. Nothing is written.

use std::fs;
use std::path::PathBuf;

use super::profile::Profile;
use crate::backend::{Roots, Target};

/// A file that is for the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ifcfg {
    /// Where.
    pub(super) path: PathBuf,
    /// The profile that NetworkManager makes of it.
    pub(super) profile: Profile,
    /// `NM_CONTROLLED` does not say no.
    pub(super) managed: bool,
}

/// The files for a link, in the order of their names.
pub(super) fn fitting(roots: &Roots, target: &Target) -> Vec<Ifcfg> {
    let entries = fs::read_dir(roots.etc.join("sysconfig/network-scripts")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_read(path)).collect();
    paths.sort();
    let files = paths.into_iter().filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        Some(parse(path, &text))
    });
    files.filter(|file| file.profile.fits(target)).collect()
}

/// The one of those that NetworkManager takes by itself which it prefers.
pub(super) fn preferred(roots: &Roots, target: &Target) -> Option<Ifcfg> {
    let files = fitting(roots, target).into_iter();
    files.filter(|file| file.managed && file.profile.autoconnect).max_by_key(|file| file.profile.rank())
}

/// Whether one of them takes the link away from NetworkManager; one that names no link cannot.
pub(super) fn is_left_alone(roots: &Roots, target: &Target) -> bool {
    fitting(roots, target).iter().any(|file| !file.managed && file.profile.is_bound())
}

/// Not what editors and packages leave beside them.
fn is_read(path: &std::path::Path) -> bool {
    const LEFT: [&str; 8] = ["~", ".bak", ".orig", ".rej", ".rpmnew", ".rpmsave", ".tmp", ".augnew"];
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("ifcfg-") && name != "ifcfg-lo" && !LEFT.iter().any(|end| name.ends_with(end))
}

fn parse(path: PathBuf, text: &str) -> Ifcfg {
    let value = |key: &str| {
        let lines = text.lines().rev().map(str::trim_start);
        let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        values.next().map(unquoted).unwrap_or_default()
    };
    let says_no =
        |key: &str| matches!(value(key).to_ascii_lowercase().as_str(), "no" | "n" | "false" | "f" | "0");
    let kind = value("TYPE");
    let ports =
        [("MASTER", "bond"), ("BRIDGE", "bridge"), ("TEAM_MASTER", "team"), ("OVS_PORT_UUID", "bridge")];
    let port_of = ports.into_iter().find(|(key, _)| !value(key).is_empty()).map_or("", |(_, of)| of);
    let profile = Profile {
        uuid: value("UUID").to_owned(),
        ethernet: (kind.is_empty() || kind.eq_ignore_ascii_case("ethernet")) && value("VLAN") != "yes",
        interface: value("DEVICE").to_owned(),
        mac: value("HWADDR").to_owned(),
        autoconnect: !says_no("ONBOOT"),
        priority: value("AUTOCONNECT_PRIORITY").parse().unwrap_or(0),
        timestamp: 0,
        shared: false,
        port_of: port_of.to_owned(),
    };
    Ifcfg { path, profile, managed: !says_no("NM_CONTROLLED") }
}

/// A value without its quotes, or up to a comment.
fn unquoted(value: &str) -> &str {
    let quoted = |quote: char| value.strip_prefix(quote)?.split(quote).next();
    quoted('"')
        .or_else(|| quoted('\''))
        .unwrap_or_else(|| value.split([' ', '\t', '#', ';']).next().unwrap_or(""))
}

#[cfg(test)]
mod tests;
