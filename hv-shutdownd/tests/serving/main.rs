//! The daemon as a process, over the simulated link, with a real test host and a bus of its own. Nothing is done to this
//! machine: on the simulated link it only says what it would have done.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod around;
mod asked;
mod hibernating;
mod statuses;
mod support;
