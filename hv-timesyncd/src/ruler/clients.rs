//! NTP clients that are known by their systemd units.

/// A program that keeps the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// chronyd.
    Chrony,
    /// systemd-timesyncd.
    Timesyncd,
    /// ntpd: the reference implementation, NTPsec or OpenNTPD.
    Ntpd,
    /// ntpd-rs.
    NtpdRs,
}

impl Client {
    /// All, in the order in which they are asked for.
    pub const ALL: [Client; 4] = [Client::Chrony, Client::NtpdRs, Client::Ntpd, Client::Timesyncd];

    /// As on D-Bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Client::Chrony => "chrony",
            Client::Timesyncd => "systemd-timesyncd",
            Client::Ntpd => "ntpd",
            Client::NtpdRs => "ntpd-rs",
        }
    }

    /// Its units, under the names that distributions give them.
    #[must_use]
    pub const fn units(self) -> &'static [&'static str] {
        match self {
            Client::Chrony => &["chrony.service", "chronyd.service", "chronyd-restricted.service"],
            Client::Timesyncd => &["systemd-timesyncd.service"],
            Client::Ntpd => &["ntp.service", "ntpd.service", "ntpsec.service", "openntpd.service"],
            Client::NtpdRs => &["ntpd-rs.service"],
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Those that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clients(u8);

impl Clients {
    /// None of them.
    pub const NONE: Clients = Clients(0);

    /// With this one, or without.
    #[must_use]
    pub const fn with(self, client: Client, runs: bool) -> Clients {
        if runs { Clients(self.0 | client.bit()) } else { Clients(self.0 & !client.bit()) }
    }

    /// Whether it runs.
    #[must_use]
    pub const fn has(self, client: Client) -> bool {
        self.0 & client.bit() != 0
    }

    /// The first that runs, as [`Client::ALL`] orders them.
    #[must_use]
    pub const fn first(self) -> Option<Client> {
        let mut at = 0;
        while at < Client::ALL.len() {
            if self.has(Client::ALL[at]) {
                return Some(Client::ALL[at]);
            }
            at += 1;
        }
        None
    }

    /// Each that runs, as [`Client::ALL`] orders them.
    pub fn iter(self) -> impl Iterator<Item = Client> {
        Client::ALL.into_iter().filter(move |client| self.has(*client))
    }
}

#[cfg(test)]
mod tests;
