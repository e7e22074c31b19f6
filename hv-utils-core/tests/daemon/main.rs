//! The shell of a daemon as a whole: the smallest daemon (`examples/heartbeat.rs`) run as a program.
//!
//! What its command line, configuration, signals, service manager, bus and host do to it, and what it says with
//! its exit code. Time limits only end tests that hang; nothing is judged by the clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attach;
mod bus;
mod host;
mod lifecycle;
mod process;
mod start;

#[path = "../support/mod.rs"]
mod support;
