//! Units by their own names, and whose they are. No IO.

use hv_utils_core::bus::units::STARTING;

use crate::ruler::{Client, Clients};

/// What systemd says of a unit that runs, or is about to. `refreshing` came with version 257.
const RUNNING: [&str; 4] = ["active", "reloading", "refreshing", "activating"];
/// The units that matter, each by its own name and not by an alias, with the client that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Units(Vec<(String, Client)>);

/// All names, as they are where none is an alias of another.
impl Default for Units {
    fn default() -> Units {
        Units(names().map(|(name, client)| (name.to_owned(), client)).collect())
    }
}

/// Every name of every client.
pub(super) fn names() -> impl Iterator<Item = (&'static str, Client)> {
    Client::ALL.into_iter().flat_map(|client| client.units().iter().map(move |unit| (*unit, client)))
}

impl Units {
    /// One of this client's names is an alias of that unit. If the unit is known it stays whose it is: an old name for a
    /// client's successor leads to the successor.
    pub(super) fn learn(&mut self, id: String, client: Client) {
        if !self.0.iter().any(|(known, _)| *known == id) {
            self.0.push((id, client));
        }
    }

    /// Their names.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.0.iter().map(|(id, _)| id.as_str()).collect()
    }

    /// These clients, and the one of this unit, if it is in such a state or has such a job (empty: none).
    pub(super) fn add(&self, clients: Clients, id: &str, state: &str, job: &str) -> Clients {
        let runs = RUNNING.contains(&state) || STARTING.contains(&job);
        match self.0.iter().find(|(known, _)| known == id) {
            Some((_, client)) if runs => clients.with(*client, true),
            _ => clients,
        }
    }
}

#[cfg(test)]
mod tests;
