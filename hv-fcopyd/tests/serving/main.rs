//! The daemon as a process on a real disk, against a host that is played by hand: each way out of the root, each flag, each
//! limit, each with its literal status, and what is on the disk afterwards; and what it shows on a bus of its own.
//!
//! Where a copy is cut is `tests/cut.rs`; how single layers behave is told beside them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod attacks;
mod files;
mod flags;
mod limits;
mod shown;
mod support;
mod targets;
