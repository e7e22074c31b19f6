//! Who owns a link, and how each of them is told an adapter's configuration.
//!
//! A backend knows one manager: whether the link is its own, what would have to come back, how to write, how to have the
//! manager take it over, and how to put everything back. What it does not know: time limits, what was wanted before, when to
//! go back and whom to tell. That is the transaction's ([`crate::engine`], [`crate::service`]).
//!
//! Every step may be cut short by SIGKILL and done again: writing, activating and restoring are idempotent.

#[cfg(test)]
pub(crate) mod cases;
pub mod detect;
pub mod family;
pub mod ifupdown;
pub mod netlink;
pub mod netplan;
pub mod network_manager;
pub mod networkd;
pub mod script;
mod stray;
#[cfg(test)]
pub(crate) mod tests_support;

use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use hv_utils_core::netapply::Injection;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::saved::Snapshot;

/// What a backend's method gives: the traits' object form of an async function.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The link that is to be configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name.
    pub interface: String,
    /// The kernel's number of it.
    pub index: u32,
    /// Its hardware address, as in `00:15:5d:00:04:01`; "" if it has none.
    pub mac: String,
    /// The VMBus instance behind it: a GUID in lower case without braces.
    pub adapter: String,
}

/// Where everything is. Tests give roots of their own.
#[derive(Debug, Clone)]
pub struct Roots {
    /// The machine's configuration: `/etc`.
    pub etc: PathBuf,
    /// What managers keep until the next boot: `/run`.
    pub run: PathBuf,
    /// Vendors' files and programs: `/usr`.
    pub usr: PathBuf,
    /// sysfs.
    pub sysfs: PathBuf,
    /// procfs.
    pub proc: PathBuf,
    /// What other programs keep: `/var/lib`.
    pub var_lib: PathBuf,
}

/// Whether a link is a manager's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// It is not.
    None,
    /// It will be when the manager starts: it is installed, is to run, and does not run yet.
    AtStart,
    /// It is now.
    Now,
}

/// Whether a manager can put into force what has been written for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It runs.
    Ready,
    /// Not now; why, for a person.
    NotYet(String),
}

/// One manager. The methods are called one after the other, never at once.
pub trait Backend: Debug {
    /// Its word in the configuration: `networkmanager`, `systemd-networkd`, …
    fn name(&self) -> &'static str;

    /// Whether the link is its own.
    fn claim<'a>(&'a self, target: &'a Target) -> Later<'a, Claim>;

    /// Whether it can put a configuration into force now. Asked again while one is pending.
    fn readiness<'a>(&'a self, target: &'a Target) -> Later<'a, Readiness>;

    /// What has to come back if the injection does not come to be: all that [`Backend::write`] and
    /// [`Backend::activate`] may change. Changes nothing.
    fn snapshot<'a>(&'a self, target: &'a Target) -> Later<'a, Result<Snapshot, Error>>;

    /// Writes the injection where the manager reads it at its start, checked by the manager's own parser where there is
    /// one. Durable when it returns. Nothing is in force by that alone, as far as the manager allows it.
    fn write<'a>(
        &'a self,
        target: &'a Target,
        injection: &'a Injection,
        snapshot: &'a Snapshot,
    ) -> Later<'a, Result<(), Error>>;

    /// Has the manager put into force what is written, on this link only. Need not wait for the result: that is read back
    /// from the kernel.
    fn activate<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>>;

    /// Puts back what the snapshot has; with `live` also in force.
    fn restore<'a>(
        &'a self,
        target: &'a Target,
        snapshot: &'a Snapshot,
        live: bool,
    ) -> Later<'a, Result<(), Error>>;

    /// It stays: whatever the manager itself holds for a way back can go.
    fn commit<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        let _ = target;
        Box::pin(async { Ok(()) })
    }
}
