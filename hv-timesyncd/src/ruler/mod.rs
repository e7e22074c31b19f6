//! Who keeps the clock: this daemon, an NTP client that runs beside it, the kernel's driver, or nobody.
//!
//! [`Ruler::of`] decides from facts; [`Clients`] are found out over D-Bus by `watch`.

pub mod clients;
pub mod evidence;
pub mod watch;

pub use clients::{Client, Clients};
pub use evidence::{Evidence, Finding};
pub use watch::Watch;

/// `[timesync] mode`: what this daemon is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Discipline where nobody else does; feed or leave alone who does.
    #[default]
    Auto,
    /// Keep the clock, whoever runs beside it.
    Discipline,
    /// Only hand samples on, and step after a resume.
    Refclock,
    /// Only look.
    Observe,
}

impl Mode {
    /// As in the configuration and on D-Bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::Discipline => "discipline",
            Mode::Refclock => "refclock",
            Mode::Observe => "observe",
        }
    }
}

/// Who keeps the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ruler {
    /// This daemon.
    Ourselves,
    /// An NTP client.
    Client(Client),
    /// The kernel's own driver, which steps at each SYNC; or a program that nobody knows keeps the kernel's clock
    /// synchronised.
    Kernel,
    /// Nobody.
    #[default]
    Nobody,
}

/// What is known of the clock's surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// NTP clients that run.
    pub clients: Clients,
    /// The kernel takes the clock for synchronised, and it was not this daemon that said so.
    pub synchronised_by_others: bool,
    /// The kernel keeps the channel and steps at each SYNC.
    pub kernel_has_channel: bool,
    /// There are samples: a raw channel, or a PTP clock.
    pub has_source: bool,
}

impl Ruler {
    /// Who it is, by the mode and the facts.
    #[must_use]
    pub const fn of(mode: Mode, facts: Facts) -> Ruler {
        if matches!(mode, Mode::Discipline) && facts.has_source {
            return Ruler::Ourselves;
        }
        if let Some(client) = facts.clients.first() {
            return Ruler::Client(client);
        }
        if facts.synchronised_by_others {
            return Ruler::Kernel;
        }
        match mode {
            Mode::Auto if facts.has_source => Ruler::Ourselves,
            _ if facts.kernel_has_channel => Ruler::Kernel,
            _ => Ruler::Nobody,
        }
    }

    /// As on D-Bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Ruler::Ourselves => "hv-timesyncd",
            Ruler::Client(client) => client.name(),
            Ruler::Kernel => "kernel",
            Ruler::Nobody => "none",
        }
    }
}

#[cfg(test)]
mod tests;
