//! The daemon on D-Bus: one interface, thin over what the service publishes and what inhibits it.
//!
//! [`shutdown1`] is the object; [`Board`] is the line from the service's loop, which never waits for the bus; `publisher`
//! announces what changes, from a task of its own; [`announce`] tells of a request before anything is done about it.

mod board;
mod publisher;
pub mod shutdown1;

pub use board::{Board, Shown};
pub use publisher::{Publisher, announce};
pub use shutdown1::{Capable, SHUTDOWN1, Shutdown1};

#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../hv-utils-core/tests/support/mod.rs"]
pub(crate) mod support;
#[cfg(test)]
mod tests;
