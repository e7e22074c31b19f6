//! The rules of a transaction: what has to be seen for an injection to be there, and how much time each part has.
//!
//! Plain values in and out. No clock, no socket, no file.

mod budget;
mod expected;

pub use budget::Budget;
pub use expected::{Seen, look};
