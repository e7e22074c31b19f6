//! Which `.network` file a link has: what networkd says of it while it runs, and before that what it will find.
//!
//! Files are read here and nothing is written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::file::{self, Section};
use super::matches::{Fit, Known, matches};
use crate::backend::{Roots, Target};

/// What networkd says about a link, in `run/systemd/netif/links`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkState {
    /// `configured`, `unmanaged`, …
    pub admin: String,
    /// The file, by its name on the machine (`/etc/…`), if there is one.
    pub file: Option<String>,
}

impl LinkState {
    /// Reads it; `None` if networkd does not know the link.
    #[must_use]
    pub fn read(roots: &Roots, index: u32) -> Option<Self> {
        let path = roots.run.join("systemd/netif/links").join(index.to_string());
        fs::read_to_string(path).ok().map(|text| Self::parse(&text))
    }

    /// Reads its text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let admin = value("ADMIN_STATE").unwrap_or_default().to_owned();
        Self { admin, file: value("NETWORK_FILE").filter(|file| !file.is_empty()).map(str::to_owned) }
    }

    /// Whether networkd has taken the link for its own.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.admin != "unmanaged" && self.file.is_some()
    }

    /// Whether networkd has yet to decide.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.file.is_none() && matches!(self.admin.as_str(), "" | "pending" | "initialized")
    }
}

/// Whether a file is one that netplan makes, at every boot anew.
#[must_use]
pub fn is_netplans(file: &str) -> bool {
    file.contains("/run/systemd/network/") && name(file).starts_with("10-netplan-")
}

/// A file's name without its directory.
#[must_use]
pub fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Where a file with that name on the machine is.
#[must_use]
pub fn place(roots: &Roots, file: &str) -> PathBuf {
    let below = [("/etc/", &roots.etc), ("/run/", &roots.run), ("/usr/", &roots.usr)];
    let found = below.into_iter().find_map(|(top, root)| Some(root.join(file.strip_prefix(top)?)));
    let unmerged = || Some(roots.usr.join("lib").join(file.strip_prefix("/lib/")?));
    found.or_else(unmerged).unwrap_or_else(|| PathBuf::from(file))
}

/// The directories of configuration, the strongest first: on the machine, and here.
fn directories(roots: &Roots) -> [(&'static str, PathBuf); 4] {
    [
        ("/etc/systemd/network", roots.etc.join("systemd/network")),
        ("/run/systemd/network", roots.run.join("systemd/network")),
        ("/usr/local/lib/systemd/network", roots.usr.join("local/lib/systemd/network")),
        ("/usr/lib/systemd/network", roots.usr.join("lib/systemd/network")),
    ]
}

/// Files of that kind by their names, the strongest of each name: on the machine, and here.
fn list(roots: &Roots, below: &str, extension: &str) -> BTreeMap<OsString, (String, PathBuf)> {
    let mut files = BTreeMap::new();
    for (on_machine, here) in directories(roots) {
        let here = here.join(below);
        for entry in fs::read_dir(&here).into_iter().flatten().flatten() {
            let file = entry.file_name();
            let Some(text) = file.to_str().filter(|text| !text.starts_with('.')) else { continue };
            if Path::new(text).extension().is_some_and(|found| found == extension) {
                let full = Path::new(on_machine).join(below).join(text);
                let full = full.to_string_lossy().into_owned();
                files.entry(file).or_insert((full, entry.path()));
            }
        }
    }
    files
}

/// The sections of a file and of its drop-ins, as networkd reads them one after the other.
#[must_use]
pub fn sections(roots: &Roots, file: &str) -> Vec<Section> {
    let drop_ins = list(roots, &format!("{}.d", name(file)), "conf");
    let paths = std::iter::once(place(roots, file)).chain(drop_ins.into_values().map(|(_, here)| here));
    paths.flat_map(|path| file::parse(&fs::read_to_string(path).unwrap_or_default())).collect()
}

/// The first file that networkd will find for a link, or may find; those that certainly do not fit are passed by.
#[must_use]
pub fn predict(roots: &Roots, target: &Target) -> Option<String> {
    let nic = known(roots, target);
    let files = list(roots, "", "network").into_values();
    // An empty file, or a link to /dev/null, takes away the one of the same name.
    let mut alive = files.filter(|(_, here)| fs::metadata(here).is_ok_and(|found| found.len() > 0));
    alive.find(|(full, _)| matches(&sections(roots, full), &nic) != Fit::No).map(|(full, _)| full)
}

fn known(roots: &Roots, target: &Target) -> Known {
    let driver = roots.sysfs.join("class/net").join(&target.interface).join("device/driver");
    let driver = fs::read_link(driver).ok().and_then(|link| Some(link.file_name()?.to_str()?.to_owned()));
    Known { interface: target.interface.clone(), mac: target.mac.clone(), driver: driver.unwrap_or_default() }
}

#[cfg(test)]
mod tests;
