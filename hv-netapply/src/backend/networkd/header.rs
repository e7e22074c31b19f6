//! The head of our own `.network` file: what it stands in for, and what the host wanted so far.
//!
//! By these two a second injection begins again from the owner's own file, so that injections do not pile up, and still
//! knows what the first one wanted of a family that the second does not speak of.

use hv_utils_core::netapply::{Addressing, Injection, Plan};

const ORIGIN: &str = "# Instead of: ";
const WANTED: &str = "# Wanted: ";

/// What a file of ours says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The file it stands in for; `None`: there was none.
    pub origin: Option<String>,
    /// All that the host wanted, as one injection.
    pub wanted: Injection,
}

impl Header {
    /// Reads it; `None` if the text is not a file of ours.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let line = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix));
        let wanted = serde_json::from_str(line(WANTED)?).ok()?;
        Some(Self { origin: line(ORIGIN).map(str::to_owned), wanted })
    }

    /// Its lines.
    #[must_use]
    pub fn write(&self, interface: &str) -> String {
        let mut text = format!(
            "# By hv-netapply: {interface} as the Hyper-V host wants it. Not to be edited: the next injection begins from\n\
             # the file it stands in for. `hvctl network revert` takes it back; to be rid of it, remove it.\n"
        );
        if let Some(origin) = &self.origin {
            text += &format!("{ORIGIN}{origin}\n");
        }
        let wanted = serde_json::to_string(&self.wanted).expect("strings, numbers and lists can be written");
        text + &format!("{WANTED}{wanted}\n")
    }
}

/// What is wanted after `new`, where `old` was wanted before: what the new one does not speak of stays.
#[must_use]
pub fn merge(old: &Injection, new: &Injection) -> Injection {
    Injection {
        adapter: new.adapter.clone(),
        ipv4: merge_plans(&old.ipv4, &new.ipv4),
        ipv6: merge_plans(&old.ipv6, &new.ipv6),
    }
}

fn merge_plans(old: &Plan, new: &Plan) -> Plan {
    let keeps = new.addressing == Addressing::Keep;
    let from = if keeps { old } else { new };
    // Whoever turns to automatic addresses and does not speak of servers wants those that come with them.
    let keeps_servers = new.addressing != Addressing::Automatic;
    let dns = new.dns.clone().or_else(|| old.dns.clone().filter(|_| keeps_servers));
    Plan { addressing: from.addressing.clone(), gateways: from.gateways.clone(), dns }
}

#[cfg(test)]
mod tests;
