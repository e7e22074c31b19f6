//! Whether a `[Match]` fits a NIC: for before networkd runs, when nobody else can say which file will be the link's own.
//!
//! What follows from a NIC on VMBus in a guest of Hyper-V is known here. What does not (a property of udev's, a word on the
//! kernel's command line) may be met: a link that networkd may take is not given to anybody else beside it.

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

/// How far conditions are met. The least of several counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// They are not.
    No,
    /// Not all of them can be judged, and none is certainly not met.
    Perhaps,
    /// They are.
    Yes,
}

impl From<bool> for Fit {
    fn from(met: bool) -> Self {
        if met { Self::Yes } else { Self::No }
    }
}

impl std::ops::Not for Fit {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
            Self::Yes => Self::No,
        }
    }
}

/// The values of a key, line by line.
type Values<'a> = Vec<&'a str>;

/// Whether all conditions of these sections (of a file and its drop-ins) are met; without any they are.
#[must_use]
pub fn matches(sections: &[Section], nic: &Known) -> Fit {
    let mut entries: Vec<(&str, Values)> = Vec::new();
    for (key, value) in sections.iter().filter(|section| section.name == "Match").flat_map(|s| &s.entries) {
        if value.is_empty() {
            entries.retain(|(earlier, _)| earlier != key);
            continue;
        }
        match entries.iter_mut().find(|(earlier, _)| earlier == key) {
            Some((_, values)) => values.push(value),
            None => entries.push((key, vec![value])),
        }
    }
    entries.iter().map(|(key, values)| is_met(key, values, nic)).min().unwrap_or(Fit::Yes)
}

fn is_met(key: &str, values: &[&str], nic: &Known) -> Fit {
    let mac = |value: &str| plain(value) == plain(&nic.mac);
    match key {
        "Name" => listed(values, Some(&nic.interface)).into(),
        "MACAddress" | "PermanentMACAddress" => {
            let mut all = values.iter().flat_map(|line| line.split_whitespace());
            (!nic.mac.is_empty() && all.any(mac)).into()
        }
        // A NIC on VMBus is Ethernet and no wireless one, and nothing that the kernel makes by itself, which alone has a kind.
        "Type" => listed(values, Some("ether")).into(),
        "Kind" | "WLANInterfaceType" | "SSID" => listed(values, None).into(),
        "BSSID" => Fit::No,
        "Driver" if !nic.driver.is_empty() => listed(values, Some(&nic.driver)).into(),
        "Virtualization" => condition(values, is_this_virtualization),
        "Architecture" => condition(values, is_this_architecture),
        _ => Fit::Perhaps,
    }
}

/// Patterns; a `!` at the front of a line is for all of it. Without any but such, what fits none of them is listed.
fn listed(lines: &[&str], name: Option<&str>) -> bool {
    let (mut any, mut only_inverted) = (false, true);
    for line in lines {
        let inverted = line.starts_with('!');
        let mut patterns =
            line.split_whitespace().map(|pattern| pattern.strip_prefix('!').unwrap_or(pattern));
        let fitting = name.is_some_and(|name| patterns.any(|pattern| fits(pattern, name)));
        if inverted && fitting {
            return false;
        }
        any |= fitting;
        only_inverted &= inverted;
    }
    any || only_inverted
}

/// One condition on the machine: the last line counts, and a `!` turns it round.
fn condition(lines: &[&str], is_met: impl Fn(&str) -> Fit) -> Fit {
    let last = lines.last().copied().unwrap_or_default();
    match last.strip_prefix('!') {
        Some(inverted) => !is_met(inverted.trim()),
        None => is_met(last),
    }
}

/// A guest of Hyper-V is `microsoft`, a virtual machine. In a container within, it is not for us to say.
fn is_this_virtualization(value: &str) -> Fit {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "t" | "on" | "1" | "vm" | "microsoft" => Fit::Yes,
        "private-users" => Fit::Perhaps,
        _ => Fit::No,
    }
}

fn is_this_architecture(value: &str) -> Fit {
    let own = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "arm64",
        // Its word is not known here.
        _ => return if value == "native" { Fit::Yes } else { Fit::Perhaps },
    };
    (value == "native" || value == own).into()
}

/// An address without what is between its digits.
fn plain(mac: &str) -> String {
    mac.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
