//! The daemon on D-Bus: one interface, thin over what the service publishes.
//!
//! [`filecopy1`] is the object; [`Board`] is the line from the service's loop, which never waits for the bus; `publisher`
//! announces what changes and what happens, from a task of its own.

mod board;
pub mod filecopy1;
mod publisher;

pub use board::{Active, Board, Shown};
pub use filecopy1::{FILECOPY1, FileCopy1};
pub use publisher::Publisher;

#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../hv-utils-core/tests/support/mod.rs"]
pub(crate) mod support;
#[cfg(test)]
mod tests;
