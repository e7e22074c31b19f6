//! Rounds of hooks, as the service runs them, with real programs that are children of the test. What systemd runs is judged
//! beside the code, against a double, and in a machine that systemd has started.

#![expect(clippy::unwrap_used, reason = "a test, its helpers too, fails by panicking")]

mod ending;
mod given;
mod remembered;
mod rounds;
mod support;
