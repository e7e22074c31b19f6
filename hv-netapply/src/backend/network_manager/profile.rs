//! What decides which of NetworkManager's profiles an adapter has: the few properties, from the bus or from a keyfile.
//!
//! Pure. It follows NetworkManager's own order (autoconnect, its priority, when it was last used), so that what is edited
//! is what NetworkManager will use.

use crate::backend::Target;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Profile {
    /// `connection.uuid`.
    pub(super) uuid: String,
    /// `connection.type` is Ethernet's.
    pub(super) ethernet: bool,
    /// `connection.interface-name`; "": any.
    pub(super) interface: String,
    /// The hardware address it is for, in any case; "": any.
    pub(super) mac: String,
    /// `connection.autoconnect`.
    pub(super) autoconnect: bool,
    /// `connection.autoconnect-priority`.
    pub(super) priority: i32,
    /// When it was last active: seconds; 0: never.
    pub(super) timestamp: u64,
    /// It is not to be changed: `connection.multi-connect` lets several links have it at once, or somebody makes it anew at
    /// each boot.
    pub(super) shared: bool,
    /// What the link is a part of (`bond`, `bridge`, …): it has no addresses of its own then.
    pub(super) port_of: String,
}

impl Profile {
    /// Whether the adapter may have it.
    pub(super) fn fits(&self, target: &Target) -> bool {
        self.ethernet
            && (self.interface.is_empty() || self.interface == target.interface)
            && (self.mac.is_empty() || self.mac.eq_ignore_ascii_case(&target.mac))
    }

    /// Whether it names the adapter.
    pub(super) fn is_bound(&self) -> bool {
        !self.interface.is_empty() || !self.mac.is_empty()
    }

    /// Greater is preferred.
    pub(super) fn rank(&self) -> (bool, i32, bool, u64) {
        (self.autoconnect, self.priority, self.is_bound(), self.timestamp)
    }
}

/// `connection.multi-connect` as a number: 2 is `manual-multiple`, 3 is `multiple`.
pub(super) fn is_shared(multi_connect: i32) -> bool {
    multi_connect >= 2
}

/// The types' names for Ethernet: on the bus and in old keyfiles, and in keyfiles.
pub(super) fn is_ethernet(kind: &str) -> bool {
    matches!(kind, "802-3-ethernet" | "ethernet")
}
