//! The daemon on D-Bus: one interface, thin over what the service publishes.
//!
//! [`timesync1`] is the object; [`Board`] is the line from the service's loop, which never waits for the bus; `publisher`
//! announces what changes and what happens, from a task of its own; [`shown`] is what there is to show.

mod board;
mod publisher;
pub mod shown;
pub mod timesync1;

pub use board::{Board, MOST_ROWS};
pub use publisher::Publisher;
pub use shown::{LastAction, Row, Shown};
pub use timesync1::{TIMESYNC1, TimeSync1};

#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../hv-utils-core/tests/support/mod.rs"]
pub(crate) mod support;
#[cfg(test)]
mod tests;
