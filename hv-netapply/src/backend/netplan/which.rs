//! Which of netplan's definitions is a link's, and who renders it: told from the files that netplan makes, whose names have
//! the definition's name, and from the manager that has taken one of them.
//!
//! netplan makes them early at every boot, before any manager runs, so they are there even then.

use std::fs;
use std::path::PathBuf;

use super::nm;
use crate::backend::networkd::owner::{self, LinkState};
use crate::backend::networkd::{bus, file};
use crate::backend::{Roots, Target};
use crate::world::World;

/// Who does what netplan's files say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    /// systemd-networkd.
    Networkd,
    /// NetworkManager.
    NetworkManager,
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub id: String,
    /// Who renders it.
    pub renderer: Renderer,
    /// Whether that one has taken it already.
    pub now: bool,
}

/// The definition of a link.
pub async fn find(world: &World, target: &Target) -> Option<Found> {
    let roots = &world.roots;
    let running = bus::runs(world).await;
    let state = LinkState::read(roots, target.index).unwrap_or_default();
    let decided = running && !state.is_undecided();
    let file = if decided {
        state.file.clone().filter(|_| state.is_managed())
    } else {
        owner::predict(roots, target)
    };
    if let Some(id) = file.as_deref().and_then(networkd_id) {
        return Some(Found { id, renderer: Renderer::Networkd, now: decided });
    }
    let id = nm_id(roots, target)?;
    let now = world.is_on_bus(nm::NAME).await;
    if now {
        // A profile that is not netplan's is its administrator's own choice.
        let active = nm::active(world, &target.interface).await;
        if active.is_some_and(|active| active != format!("netplan-{id}")) {
            return None;
        }
    }
    Some(Found { id, renderer: Renderer::NetworkManager, now })
}

/// The definition of a link by files that no manager has taken yet.
#[must_use]
pub fn predict(roots: &Roots, target: &Target) -> Option<Found> {
    let by_networkd = owner::predict(roots, target).as_deref().and_then(networkd_id);
    let by_networkd = by_networkd.map(|id| (id, Renderer::Networkd));
    let found = by_networkd.or_else(|| Some((nm_id(roots, target)?, Renderer::NetworkManager)));
    found.map(|(id, renderer)| Found { id, renderer, now: false })
}

/// Whether netplan has made anything since the machine started.
#[must_use]
pub fn is_generated(roots: &Roots) -> bool {
    let places = [("systemd/network", "10-netplan-"), ("NetworkManager/system-connections", "netplan-")];
    places.into_iter().any(|(directory, prefix)| {
        let mut entries = fs::read_dir(roots.run.join(directory)).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
    })
}

/// Other links that networkd configures by the same file.
#[must_use]
pub fn sharers(roots: &Roots, target: &Target, id: &str) -> Vec<u32> {
    let entries = fs::read_dir(roots.run.join("systemd/netif/links")).into_iter().flatten().flatten();
    let indexes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let same = |index: &u32| {
        let file = LinkState::read(roots, *index).and_then(|state| state.file);
        *index != target.index && file.as_deref().and_then(networkd_id).as_deref() == Some(id)
    };
    indexes.filter(same).collect()
}

/// The definition that a file of networkd was made from.
fn networkd_id(file: &str) -> Option<String> {
    let name = owner::name(file).strip_prefix("10-netplan-")?.strip_suffix(".network")?;
    owner::is_netplans(file).then(|| name.to_owned())
}

/// Where netplan puts NetworkManager's profile of a definition.
#[must_use]
pub fn profile(roots: &Roots, id: &str) -> PathBuf {
    roots.run.join("NetworkManager/system-connections").join(format!("netplan-{id}.nmconnection"))
}

/// The definition whose profile is for this link.
fn nm_id(roots: &Roots, target: &Target) -> Option<String> {
    let directory = roots.run.join("NetworkManager/system-connections");
    let mut names: Vec<_> =
        fs::read_dir(directory).ok()?.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    let ids = names.iter().filter_map(|name| name.strip_prefix("netplan-")?.strip_suffix(".nmconnection"));
    let mut fitting = ids.filter(|id| {
        let text = fs::read_to_string(profile(roots, id)).unwrap_or_default();
        let sections = file::parse(&text);
        let value = |section: &str, key: &str| {
            sections.iter().find(|found| found.name == section).and_then(|found| found.value(key))
        };
        let name = value("connection", "interface-name");
        let mac = value("ethernet", "mac-address").or(value("802-3-ethernet", "mac-address"));
        let fits = |mac: &str| mac.eq_ignore_ascii_case(&target.mac);
        value("connection", "type").is_some_and(|kind| kind.ends_with("ethernet"))
            && (name.is_some() || mac.is_some())
            && name.is_none_or(|name| name == target.interface)
            && mac.is_none_or(fits)
    });
    fitting.next().map(str::to_owned)
}

#[cfg(test)]
mod tests;
