//! The daemon on D-Bus: one interface, thin over what the service publishes.
//!
//! [`heartbeat1`] is the object; [`Board`] is the line between it and the service's loop, which never waits for the bus;
//! `publisher` announces what changes, from a task of its own.

mod board;
pub mod heartbeat1;
mod publisher;

pub use board::{Ask, Board, Reporting, Shown};
pub use heartbeat1::{HEARTBEAT1, Heartbeat1};
pub use publisher::Publisher;

#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../hv-utils-core/tests/support/mod.rs"]
pub(crate) mod support;
#[cfg(test)]
mod tests;
