//! Whether the kernel follows routers on a link: `accept_ra` and `autoconf` of `net.ipv6.conf`.
//!
//! On a machine that forwards, 1 means no: there only 2 means yes (Linux' `ip-sysctl`). An administrator's 2 is therefore
//! kept, and taken where packets are forwarded.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::plan::setting;

/// `accept_ra`: although packets are forwarded.
const IN_ANY_CASE: i32 = 2;

/// The two settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Following {
    accept: i32,
    autoconf: i32,
}

impl Following {
    /// As they are; `None`: no IPv6 in this kernel.
    pub(super) fn now(proc_root: &Path, interface: &str) -> Option<Self> {
        let accept = number(proc_root, interface, "accept_ra")?;
        Some(Self { accept, autoconf: number(proc_root, interface, "autoconf")? })
    }

    /// As they have to be for the link to follow routers, or not to.
    pub(super) fn wanted(proc_root: &Path, interface: &str, follow: bool) -> Self {
        if !follow {
            return Self { accept: 0, autoconf: 0 };
        }
        let is = |key, value| number(proc_root, interface, key) == Some(value);
        let in_any_case = is("accept_ra", IN_ANY_CASE) || is("forwarding", 1);
        Self { accept: if in_any_case { IN_ANY_CASE } else { 1 }, autoconf: 1 }
    }

    /// Tells the kernel what it does not do already.
    pub(super) fn put(self, proc_root: &Path, interface: &str) {
        for (key, value) in [("accept_ra", self.accept), ("autoconf", self.autoconf)] {
            let path = setting(proc_root, interface, key);
            if number(proc_root, interface, key) == Some(value) {
                continue;
            }
            // No IPv6 in this kernel: then there are no routers to follow.
            if let Err(error) = fs::write(&path, value.to_string()) {
                tracing::debug!("cannot write {}: {error}", path.display());
            }
        }
    }
}

fn number(proc_root: &Path, interface: &str, key: &str) -> Option<i32> {
    fs::read_to_string(setting(proc_root, interface, key)).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
