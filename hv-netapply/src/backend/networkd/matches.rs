//! Whether a `[Match]` fits a NIC: for before networkd runs, when nobody else can say which file will be the link's own.
//!
//! Names, hardware addresses, types and drivers are known here. A condition that is not (a property of udev's, a word on the
//! kernel's command line) counts as not met: rather no file than one that is another link's.

use super::file::Section;
use super::pattern::fits;

/// What is known of a NIC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Its name.
    pub interface: String,
    /// Its hardware address, as in `00:15:5d:00:04:01`.
    pub mac: String,
    /// Its driver; "" if that is not known.
    pub driver: String,
}

/// Whether all conditions of these sections (of a file and its drop-ins) are met; without any they are.
#[must_use]
pub fn matches(sections: &[Section], nic: &Known) -> bool {
    let mut entries = Vec::new();
    for (key, value) in sections.iter().filter(|section| section.name == "Match").flat_map(|s| &s.entries) {
        if value.is_empty() {
            entries.retain(|(earlier, _): &(&String, Vec<&str>)| *earlier != key);
            continue;
        }
        // Of a key that comes again, all values count.
        match entries.iter_mut().find(|(earlier, _)| *earlier == key) {
            Some((_, values)) => values.extend(value.split_whitespace()),
            None => entries.push((key, value.split_whitespace().collect())),
        }
    }
    entries.iter().all(|(key, values)| is_met(key, values, nic))
}

fn is_met(key: &str, values: &[&str], nic: &Known) -> bool {
    let mac = |value: &&str| plain(value) == plain(&nic.mac);
    match key {
        "Name" => listed(values, &nic.interface),
        "OriginalName" => false,
        "MACAddress" | "PermanentMACAddress" => !nic.mac.is_empty() && values.iter().any(mac),
        // A NIC on VMBus is Ethernet, and nothing that the kernel makes by itself.
        "Type" => listed(values, "ether"),
        "Driver" => !nic.driver.is_empty() && listed(values, &nic.driver),
        _ => false,
    }
}

/// Patterns; with a `!` before the first, none of them may fit.
fn listed(values: &[&str], name: &str) -> bool {
    let inverted = values.first().is_some_and(|first| first.starts_with('!'));
    let any = values.iter().any(|value| fits(value.strip_prefix('!').unwrap_or(value), name));
    any != inverted
}

/// An address without what is between its digits.
fn plain(mac: &str) -> String {
    mac.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
