//! The whole daemon between a host and real filesystems: what is frozen, how it ends, and that it ends.
//!
//! Filesystems are loop files in a mount namespace of each test's own (`../support`); that needs root and loop devices, and
//! is skipped without them. No test waits for a time but those of the daemon's own deadline.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test, its helpers too, fails by panicking")]

mod fences;

#[path = "../support/mod.rs"]
mod support;
