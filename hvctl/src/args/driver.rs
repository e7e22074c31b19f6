//! The arguments of `hvctl driver`: choices and services by the words of the configuration and of D-Bus.

use clap::{Subcommand, ValueEnum};

/// Verbs of `hvctl driver`.
#[derive(Debug, Subcommand)]
pub(crate) enum Driver {
    /// Show the driver of each service's device, the choice, and the reason
    Show,
    /// Choose a driver, move the devices now, and keep the choice
    Use {
        /// auto (by measured facts), uio (raw VMBus) or hv_utils (the kernel's driver)
        choice: DriverChoice,
        /// Services; all without
        #[arg(value_name = "IC")]
        services: Vec<Service>,
        /// Until the next boot only
        #[arg(long)]
        runtime: bool,
    },
}

/// Choices of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum DriverChoice {
    /// What measured facts speak for
    Auto,
    /// Raw VMBus
    Uio,
    /// The kernel's driver
    HvUtils,
}

impl DriverChoice {
    /// The word on D-Bus.
    pub(crate) fn word(self) -> &'static str {
        match self {
            DriverChoice::Auto => "auto",
            DriverChoice::Uio => "uio",
            DriverChoice::HvUtils => "hv_utils",
        }
    }
}

/// Services, as `[driver]` in the configuration names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Data exchange
    Kvp,
    /// Backup
    Vss,
    /// Time synchronization
    #[value(name = "timesync")]
    TimeSync,
    /// Guest shutdown
    Shutdown,
    /// Heartbeat
    Heartbeat,
    /// Guest services: file copy
    #[value(alias = "fcopy")]
    FileCopy,
}

impl Service {
    /// The word on D-Bus.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::Kvp => "kvp",
            Service::Vss => "vss",
            Service::TimeSync => "timesync",
            Service::Shutdown => "shutdown",
            Service::Heartbeat => "heartbeat",
            Service::FileCopy => "file-copy",
        }
    }
}
