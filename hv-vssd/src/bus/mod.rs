//! The daemon on D-Bus: one interface, thin over what the service shows and does.
//!
//! [`vss1`] is the object; [`mod@remote`] is the line between it and the service's loop, which never waits for the bus;
//! `publisher` announces what changes, from a task of its own; `freezers` knows who has asked for a freeze, so that no
//! other program has to be asked when they thaw it, and `callers` which user each caller is; `rows` are values as they are
//! on the bus.

mod callers;
mod freezers;
mod publisher;
pub mod remote;
mod rows;
pub mod vss1;

pub use publisher::Publisher;
pub use remote::{Ask, Desk, Remote, Shown, ShownState, remote};
pub use rows::PlanRow;
pub use vss1::{VSS1, Vss1};

#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../hv-utils-core/tests/support/mod.rs"]
pub(crate) mod support;
#[cfg(test)]
mod tests;
