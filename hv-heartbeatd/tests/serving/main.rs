//! The daemon as a process, over the simulated link, on a message bus of the test's own.
//!
//! The host is played by hand, so that it can say what no host would, and systemd by a double.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod answers;
mod applications;
mod support;
mod systemd;
