//! The arguments of `hvctl time`.

use clap::Subcommand;

/// Verbs of `hvctl time`.
#[derive(Debug, Subcommand)]
pub(crate) enum Time {
    /// Show who keeps the clock, how right it is, and what was done to it last
    Status,
    /// Show the last times that came from the host, the oldest first, and what became of each
    Samples,
    /// Print every time that comes from the host, and every step of the clock, one line each
    Watch,
}
