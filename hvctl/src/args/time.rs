//! The arguments of `hvctl time`.

use clap::Subcommand;

use super::number::count;

/// Verbs of `hvctl time`.
#[derive(Debug, Subcommand)]
pub(crate) enum Time {
    /// Show who keeps the clock, how right it is, and what was done to it last
    Status,
    /// Show the last times that came from the host, the oldest first, and what became of each
    Samples {
        /// Only the last one, or the last N
        #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1",
              value_parser = count, allow_negative_numbers = true)]
        last: Option<u16>,
    },
    /// Print every time that comes from the host, and every step of the clock, one line each
    Watch,
}
