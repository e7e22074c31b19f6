//! The kernel's word about the network, kept for two rooms: the items with all addresses, and the adapters.
//!
//! One netlink socket for both. [`Intrinsics::revision`] tells the other room when to look again.

use std::net::IpAddr;

use hv_utils_core::network::{Joined, Monitor, NetworkError, Table};

use super::Intrinsics;
use super::again::Again;
use super::items::{Change, MAX_VALUE_UNITS};
use super::report::Report;
use super::watch::Sources;

impl Intrinsics {
    /// The interfaces, addresses and routes, if the kernel tells them.
    #[must_use]
    pub fn network(&self) -> Option<&Table> {
        self.monitor.as_ref().map(Monitor::table)
    }

    /// The DNS servers in `resolv.conf`.
    #[must_use]
    pub fn resolvers(&self) -> &[IpAddr] {
        &self.resolvers
    }

    /// Another number whenever [`Intrinsics::network`] or [`Intrinsics::resolvers`] is different.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Takes in all that the kernel has said about the network up to this moment, by asking it; tells which items
    /// are different.
    pub fn catch_up(&mut self) -> Vec<Change> {
        // Whoever asks now is told what there is, however long ago the kernel could not be followed.
        let reopened = self.monitor.is_none() && self.reopen();
        match self.take_network(Monitor::catch_up) | reopened {
            true => self.publish(),
            false => Vec::new(),
        }
    }

    pub(super) fn open_monitor(&mut self) {
        match Monitor::open(&self.options.sysfs_root) {
            Ok(monitor) => self.monitor = Some(monitor),
            Err(error) => self.lose_network(error),
        }
    }

    /// The kernel is not followed for the time being: no addresses are told, they might not be true for long.
    pub(super) fn lose_network(&mut self, error: NetworkError) {
        self.monitor = None;
        self.again.failed();
        self.reports.replace(Sources::NETWORK, [Report::Network(error)]);
    }

    /// Follows the kernel again; tells whether it does.
    fn reopen(&mut self) -> bool {
        self.open_monitor();
        if self.monitor.is_none() {
            return false;
        }
        tracing::info!("the kernel tells interfaces and addresses again");
        self.again = Again::default();
        self.reports.replace(Sources::NETWORK, None);
        self.revision += 1;
        self.read_addresses();
        true
    }

    /// Takes in what the kernel said about addresses; asks it again after it would not tell.
    pub(super) fn drain_network(&mut self) {
        if self.monitor.is_none() && self.again.is_due() {
            self.reopen();
        }
        self.take_network(Monitor::drain);
    }

    /// Tells whether anything is different.
    fn take_network(&mut self, take: impl FnOnce(&mut Monitor) -> Result<bool, NetworkError>) -> bool {
        let Some(monitor) = &mut self.monitor else { return false };
        match take(monitor) {
            Ok(false) => return false,
            Ok(true) => {}
            Err(error) => self.lose_network(error),
        }
        self.revision += 1;
        self.read_addresses();
        true
    }

    pub(super) fn set_resolvers(&mut self, resolvers: Vec<IpAddr>) {
        if self.resolvers != resolvers {
            self.resolvers = resolvers;
            self.revision += 1;
        }
    }

    pub(super) fn read_addresses(&mut self) {
        let empty = Table::default();
        let table = self.monitor.as_ref().map_or(&empty, Monitor::table);
        let ipv4 = self.options.selection.ipv4(table, MAX_VALUE_UNITS);
        let ipv6 = self.options.selection.ipv6(table, MAX_VALUE_UNITS);
        let left_out = |joined: &Joined| (joined.left_out > 0).then_some(Report::AddressesLeftOut);
        self.reports.replace(Sources::ADDRESSES, left_out(&ipv4).or(left_out(&ipv6)));
        self.facts.ipv4 = ipv4.text;
        self.facts.ipv6 = ipv6.text;
    }
}
