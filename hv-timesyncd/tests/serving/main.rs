//! The daemon as a process, over the simulated link, with a clock of its own: this machine's is never touched.
//!
//! The host is played by hand, so that it can say what no host would. Clock, counter and host are all of this machine, so
//! that what is right is known: the reference counter is CLOCK_MONOTONIC_RAW in ticks.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod around;
mod odd;
mod right;
mod support;
