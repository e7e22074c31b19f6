//! The virtual machine as `Get-VM` shows it, from what this host can know of it.
//!
//! Over the packet link the machine's side is there or is not; over the sim link there is no machine, and it runs while any
//! of its channels is open. How long it has been there is a lower bound: it may have run before this host met it.

use hv_utils_core::wire::Ic;

use super::{Host, status};
use crate::outcome::{ServiceState, VmState};
use crate::packet::Contact;

impl Host {
    /// The virtual machine, as far as it is known.
    pub fn vm(&self) -> VmState {
        let states = self.states();
        let heartbeat = states.iter().find(|state| state.ic == Ic::Heartbeat);
        let contacts = self.stations.iter().filter_map(|station| station.contact.as_ref());
        let mut connected = contacts.filter(|contact| contact.is_connected_and_heard().0).peekable();
        let there = connected.peek().is_some();
        let opened = states.iter().filter_map(|state| state.since);
        let since = connected.filter_map(Contact::since).chain(opened).min();
        let items = self.options.host_items.clone().unwrap_or_default();
        VmState {
            name: items.vm_name,
            running: there || since.is_some(),
            heartbeat: heartbeat.map_or(status::NO_HEARTBEAT, ServiceState::heartbeat),
            uptime: since.map(|since| since.elapsed()),
        }
    }
}
