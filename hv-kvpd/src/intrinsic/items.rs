//! From facts to the list of items that the host enumerates, and the difference between two such lists.
//!
//! No file and no socket. The first ten items have fixed places, because other guests' have; what follows them
//! comes and goes.

use super::os_release::OsRelease;

/// UTF-16 units of a key that a guest may send: hv_utils cuts what is longer.
pub const MAX_KEY_UNITS: usize = 254;
/// UTF-16 units of a value that a guest may send: hv_utils cuts what is longer.
pub const MAX_VALUE_UNITS: usize = 1022;

/// Keys that are not the administrator's: those shown, and those that are shown on other systems.
const BUILT_IN: [&str; 14] = [
    "FullyQualifiedDomainName",
    "IntegrationServicesVersion",
    "NetworkAddressIPv4",
    "NetworkAddressIPv6",
    "OSBuildNumber",
    "OSName",
    "OSMajorVersion",
    "OSMinorVersion",
    "OSVersion",
    "ProcessorArchitecture",
    "CSDVersion",
    "ServicePackMajor",
    "OSEditionId",
    "OSVendor",
];

/// One item that is different from before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new, or has this value now.
    Changed {
        /// The item's name.
        key: String,
        /// Its present value.
        value: String,
    },
    /// It is not there any more.
    Removed {
        /// The item's name.
        key: String,
    },
}

/// What cannot change while the kernel runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    pub(super) system: String,
    pub(super) release: String,
    pub(super) machine: String,
}

impl Machine {
    /// From uname.
    pub(super) fn this() -> Machine {
        let uname = rustix::system::uname();
        Machine {
            system: uname.sysname().to_string_lossy().into_owned(),
            release: uname.release().to_string_lossy().into_owned(),
            machine: uname.machine().to_string_lossy().into_owned(),
        }
    }
}

/// What can.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) fqdn: String,
    pub(super) services_version: String,
    pub(super) ipv4: String,
    pub(super) ipv6: String,
    pub(super) os: OsRelease,
    pub(super) drop_ins: Vec<(String, String)>,
}

/// Whether `key` is not the administrator's to use, in any case: tools on the host ignore case.
pub(super) fn is_built_in(key: &str) -> bool {
    BUILT_IN.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// All items in their order.
pub(super) fn assemble(machine: &Machine, facts: &Facts) -> Vec<(String, String)> {
    let os = &facts.os;
    let name = if os.name.is_empty() { &machine.system } else { &os.name };
    let version = machine.release.split('-').next().unwrap_or_default();
    let pack = os.service_pack().map(|number| format!("Service Pack {number}"));
    let fixed: [&str; 11] = [
        &facts.fqdn,
        &facts.services_version,
        &facts.ipv4,
        &facts.ipv6,
        &machine.release,
        name,
        &os.version_id,
        "",
        version,
        &machine.machine,
        pack.as_deref().unwrap_or_default(),
    ];
    let sometimes = [os.service_pack().unwrap_or_default(), &os.variant_id, &os.vendor_name];
    let sometimes = BUILT_IN[fixed.len()..].iter().zip(sometimes).filter(|(_, value)| !value.is_empty());
    let built_in = BUILT_IN.iter().zip(fixed).chain(sometimes);
    built_in
        .map(|(key, value)| ((*key).to_owned(), cut(value).to_owned()))
        .chain(facts.drop_ins.iter().cloned())
        .collect()
}

/// What is different in `new`: first what is there, in its order, then what is gone.
pub(super) fn differences(old: &[(String, String)], new: &[(String, String)]) -> Vec<Change> {
    let same = |item: &&(String, String)| !old.contains(item);
    let changed = new
        .iter()
        .filter(same)
        .map(|(key, value)| Change::Changed { key: key.clone(), value: value.clone() });
    let gone = old.iter().filter(|(key, _)| !new.iter().any(|(known, _)| known == key));
    changed.chain(gone.map(|(key, _)| Change::Removed { key: key.clone() })).collect()
}

/// The part of a value that can be sent: whole characters, [`MAX_VALUE_UNITS`] of UTF-16.
fn cut(value: &str) -> &str {
    let mut units = 0;
    let end = value.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units > MAX_VALUE_UNITS
    });
    end.map_or(value, |(at, _)| &value[..at])
}

#[cfg(test)]
mod tests;
