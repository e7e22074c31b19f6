//! The arguments of `hvctl ip`.

use clap::Subcommand;

/// Verbs of `hvctl ip`.
#[derive(Debug, Subcommand)]
pub(crate) enum Ip {
    /// Show the network adapters as the host is told about them
    Show {
        /// Only this one
        interface: Option<String>,
    },
    /// Show how the host has configured adapters, and what became of it, the oldest first
    History,
    /// Undo the host's last configuration that is in force; waits until what was there before is back
    Revert,
}
