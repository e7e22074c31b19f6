//! The harness of the workspace's tests: a private bus, a simulated host, a daemon and `hvctl`, as processes.
//!
//! Everything lives in a temporary directory; nothing touches the machine's own bus, pools or configuration.
//! Waiting is always for something that happened (an exit, a line, an answer), never for time to pass. When a
//! test fails, the logs of all processes are printed.
#![forbid(unsafe_code)]

mod bus;
mod guest;
mod patience;
mod programs;
mod stack;

pub use bus::PrivateBus;
pub use guest::{Background, DAEMONS, Guest};
pub use patience::{Lines, ended, lines, until};
pub use programs::{Outcome, program, run, run_with};
pub use stack::{Stack, StackOptions};
