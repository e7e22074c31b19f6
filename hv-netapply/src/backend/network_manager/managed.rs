//! Whether NetworkManager's configuration leaves a link alone, for the time before it runs and can be asked.
//!
//! What is looked at: `unmanaged-devices` and `[device*] managed` in the order of NetworkManager.conf(5), the plugin for
//! Debian's `interfaces`, and `NM_CONTROLLED` of Red Hat's files. A specification that is not understood matches nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::ifcfg;
use super::keyfile::Keyfile;
use crate::backend::{Roots, Target};

/// Whether it says that the link is not its own.
pub(super) fn is_left_alone(roots: &Roots, target: &Target) -> bool {
    let mut unmanaged = Vec::new();
    let mut plugins = String::new();
    let mut ifupdown_managed = false;
    let mut devices: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for file in configuration(roots) {
        for (section, key, value) in file.pairs() {
            match (section, key) {
                ("keyfile", "unmanaged-devices") => unmanaged = items(value),
                ("keyfile", "unmanaged-devices+") => unmanaged.extend(items(value)),
                ("main", "plugins") => value.clone_into(&mut plugins),
                ("main", "plugins+") => plugins = format!("{plugins},{value}"),
                ("ifupdown", "managed") => ifupdown_managed = is_true(value),
                (device, "match-device") if device.starts_with("device") => {
                    devices.entry(device.to_owned()).or_insert_with(|| (String::new(), true)).0 =
                        value.to_owned();
                }
                (device, "managed") if device.starts_with("device") => {
                    // Without match-device it is for all.
                    devices.entry(device.to_owned()).or_insert_with(|| ("*".to_owned(), true)).1 =
                        is_true(value);
                }
                _ => {}
            }
        }
    }
    let by_device = devices.values().any(|(list, managed)| !managed && matches(&items(list), target));
    let by_ifupdown = plugins.split([',', ';']).any(|plugin| plugin.trim() == "ifupdown")
        && !ifupdown_managed
        && has_stanza(roots, &target.interface);
    matches(&unmanaged, target) || by_device || by_ifupdown || ifcfg::is_left_alone(roots, target)
}

/// Whether it makes a profile for a link that has none (DHCP), when it starts.
pub(super) fn has_default(roots: &Roots, target: &Target) -> bool {
    let mut without = Vec::new();
    for file in configuration(roots) {
        for (section, key, value) in file.pairs() {
            match (section, key) {
                ("main", "no-auto-default") => without = items(value),
                ("main", "no-auto-default+") => without.extend(items(value)),
                _ => {}
            }
        }
    }
    // Links whose default profile somebody has deleted
    let state = roots.var_lib.join("NetworkManager/no-auto-default.state");
    without.extend(fs::read_to_string(state).unwrap_or_default().lines().flat_map(items));
    !matches(&without, target)
}

/// All files, in the order in which they are read. One of the same name in a later directory takes an earlier one's place.
fn configuration(roots: &Roots) -> Vec<Keyfile> {
    let etc = roots.etc.join("NetworkManager");
    let own = [roots.usr.join("lib/NetworkManager"), roots.run.join("NetworkManager"), etc.clone()]
        .map(|directory| snippets(&directory.join("conf.d")));
    let shadowed =
        |level: usize, name: &OsString| own[level + 1..].iter().any(|names| names.contains_key(name));
    let mut paths = Vec::new();
    for (level, names) in own.iter().enumerate() {
        if level + 1 == own.len() {
            paths.push(etc.join("NetworkManager.conf"));
        }
        paths.extend(names.iter().filter(|(name, _)| !shadowed(level, name)).map(|(_, path)| path.clone()));
    }
    let texts = paths.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.map(|text| Keyfile::parse(&text)).collect()
}

fn snippets(directory: &Path) -> BTreeMap<OsString, PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let entries = entries.map(|entry| (entry.file_name(), entry.path()));
    entries.filter(|(_, path)| path.extension().is_some_and(|extension| extension == "conf")).collect()
}

fn items(list: &str) -> Vec<String> {
    let items = list.split([',', ';']).map(str::trim).filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

fn is_true(value: &str) -> bool {
    matches!(value.trim(), "1" | "true" | "yes" | "on")
}

/// A list of nothing but exceptions is for all others.
fn matches(list: &[String], target: &Target) -> bool {
    let (exceptions, wanted): (Vec<_>, Vec<_>) = list.iter().partition(|item| item.starts_with("except:"));
    let is_excepted = exceptions.iter().any(|item| is_meant(&item["except:".len()..], target));
    let is_wanted = if wanted.is_empty() {
        !exceptions.is_empty()
    } else {
        wanted.iter().any(|item| is_meant(item, target))
    };
    is_wanted && !is_excepted
}

fn is_meant(item: &str, target: &Target) -> bool {
    let is_mac = |mac: &str| !target.mac.is_empty() && mac.eq_ignore_ascii_case(&target.mac);
    match item.split_once(':') {
        Some(("interface-name", name)) => match name.strip_prefix('=') {
            Some(exactly) => exactly == target.interface,
            None => is_like(name.strip_prefix('~').unwrap_or(name).as_bytes(), target.interface.as_bytes()),
        },
        Some(("mac", mac)) => is_mac(mac),
        Some(("type", kind)) => kind == "ethernet",
        Some(("driver", driver)) => is_like(driver.as_bytes(), b"hv_netvsc"),
        Some(_) => is_mac(item),
        None => item == "*" || item == target.interface,
    }
}

/// A shell's pattern with `*` and `?`.
fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            is_like(rest, name) || name.split_first().is_some_and(|(_, name)| is_like(pattern, name))
        }
        (Some((b'?', pattern)), Some((_, name))) => is_like(pattern, name),
        (Some((one, pattern)), Some((other, name))) => one == other && is_like(pattern, name),
        _ => false,
    }
}

/// Whether Debian's `interfaces`, or a file in its directory, has a stanza for the link.
fn has_stanza(roots: &Roots, interface: &str) -> bool {
    let network = roots.etc.join("network");
    let entries = fs::read_dir(network.join("interfaces.d")).into_iter().flatten().flatten();
    let mut paths = vec![network.join("interfaces")];
    paths.extend(entries.map(|entry| entry.path()));
    let texts = paths.iter().filter_map(|path| fs::read_to_string(path).ok());
    let is_stanza = |line: &str| {
        let mut words = line.split_whitespace();
        words.next() == Some("iface") && words.next() == Some(interface)
    };
    texts.into_iter().any(|text| text.lines().any(is_stanza))
}

#[cfg(test)]
mod tests;
