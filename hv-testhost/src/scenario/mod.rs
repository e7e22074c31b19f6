//! Scenarios: files that say what the host sends, what must come of it and within what time.
//!
//! ```text
//!   file ─ format (fields, expect) ─▶ Player ─ packets ─▶ guest
//!                                       │◀──────────────── guest
//!                                     judge ─▶ report
//! ```
//! A scenario has a host of its own and can break every rule that a host has: content and order of packets, the rings'
//! words, the hello. `SCENARIOS.md` describes the format.

pub mod adapter;
pub mod cli;
pub mod expect;
pub mod fields;
pub mod format;
pub mod messages;
pub mod report;

mod judge;
mod packets;
mod player;

pub use format::{LoadError, Scenario};
pub use player::play;
pub use report::{Mismatch, ScenarioReport, StepReport, Verdict};
