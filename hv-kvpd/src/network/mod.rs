//! The network adapters of this machine as its host is told about them: the read half of its IP configuration.
//!
//! The host names an adapter by its MAC address and gets the addresses of all that stands on it, the gateways, the
//! DNS servers and whether DHCP is at work. Everything is found out as it changes, so that an answer is a copy from
//! memory: addresses and routes by netlink, DNS servers by D-Bus or `resolv.conf` ([`dns`]). Nothing is changed
//! here, and nothing here waits.

mod adapters;
mod describe;
pub mod dns;
mod mac;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use hv_utils_core::network::{Selection, Table};
use hv_utils_core::wire::Guid;
use hv_utils_core::wire::kvp::IpInfo;
use tokio::sync::watch;
use zbus::Connection;

use crate::bus::network1::Row;
use crate::engine;
use adapters::{Adapters, Guids};
use dns::{Dns, Servers};

/// The interfaces of all adapters: number and name.
pub type Interfaces = Vec<(u32, String)>;

/// What the host is told, adapter by adapter, and what it is made of.
#[derive(Debug)]
pub struct Network {
    selection: Selection,
    sysfs_root: PathBuf,
    guids: Guids,
    /// The names of all interfaces, shown or not.
    names: BTreeSet<Box<str>>,
    /// What a service on the bus knows about DNS servers.
    told: Servers,
    /// What `resolv.conf` says.
    resolvers: Vec<IpAddr>,
    dns: Dns,
    interfaces: watch::Sender<Interfaces>,
    known: Vec<Known>,
    /// Adapters of which not everything fitted into an answer.
    cut: BTreeSet<String>,
}

/// One adapter, ready to be told.
#[derive(Debug)]
struct Known {
    names: adapters::Names,
    row: Row,
    info: IpInfo,
}

impl Network {
    /// Knows nothing until [`Network::update`].
    pub fn new(sysfs_root: PathBuf, selection: Selection) -> Network {
        Network {
            selection,
            guids: Guids::new(sysfs_root.clone()),
            sysfs_root,
            names: BTreeSet::new(),
            told: Servers::default(),
            resolvers: Vec::new(),
            dns: Dns::new(),
            interfaces: watch::Sender::default(),
            known: Vec::new(),
            cut: BTreeSet::new(),
        }
    }

    /// Shows other interfaces from now on; [`Network::update`] has to follow.
    pub fn select(&mut self, selection: Selection) {
        self.selection = selection;
    }

    /// Makes everything anew from what the kernel and `resolv.conf` say.
    pub fn update(&mut self, table: &Table, resolvers: &[IpAddr]) {
        if self.resolvers != resolvers {
            resolvers.clone_into(&mut self.resolvers);
            self.dns.nudge();
        }
        if let Some(servers) = self.dns.take() {
            self.told = servers;
        }
        self.names = table.links().map(|link| link.name.clone()).collect();
        let Adapters { found } = Adapters::find(&self.selection, table, &mut self.guids);
        let servers = match self.told.is_empty() {
            false => self.told.clone(),
            true => Servers::for_all(self.resolvers.clone()),
        };
        self.known = found
            .iter()
            .map(|adapter| {
                let info = describe::describe(adapter, table, servers.of(&adapter.shown));
                Known { names: adapter.names.clone(), row: describe::row(adapter, &info), info }
            })
            .collect();
        let all = found.iter().flat_map(|adapter| &adapter.shown);
        let interfaces: Interfaces = all.map(|link| (link.index, link.name.to_string())).collect();
        self.interfaces.send_if_modified(|known| {
            let differs = *known != interfaces;
            *known = interfaces;
            differs
        });
    }

    /// Asks on this bus for DNS servers from now on.
    pub fn follow(&mut self, bus: Connection) {
        self.dns.follow(bus, self.interfaces.subscribe());
    }

    /// Waits until other DNS servers are known; [`Network::update`] has to follow. Cancel safe.
    pub async fn changed(&mut self) {
        self.dns.changed().await;
    }

    /// All adapters as D-Bus shows them, the primary one first.
    pub fn rows(&self) -> Vec<Row> {
        self.known.iter().map(|known| known.row.clone()).collect()
    }

    /// The interface of the adapter whose VMBus device has this GUID.
    pub fn interface_of(&self, guid: Guid) -> Option<&str> {
        let known = self.known.iter().find(|known| known.names.guid == Some(guid));
        known.map(|known| known.row.interface.as_str())
    }

    /// Logs that not all of an adapter fits into an answer, once until all of it does.
    pub fn note_cut(&mut self, adapter_id: &str, cut: bool) {
        // Not the host's own text: there are many ways to write one address.
        let Some(adapter) = mac::parse(adapter_id).map(|address| mac::text(&address)) else { return };
        if !cut {
            self.cut.remove(&adapter);
        } else if self.cut.insert(adapter.clone()) {
            tracing::warn!(
                adapter,
                "an answer to the host has no room for all addresses, gateways or DNS servers of this adapter"
            );
        }
    }
}

impl engine::Adapters for Network {
    fn of_device(&self, adapter: Guid) -> Option<IpInfo> {
        let known = self.known.iter().find(|known| known.names.guid == Some(adapter));
        known.map(|known| known.info.clone())
    }

    /// A device with an interface that is known, and not shown, has all that will come.
    fn is_coming(&self, adapter: Guid) -> bool {
        let device = self.sysfs_root.join("bus/vmbus/devices").join(adapter.to_string());
        if !device.exists() {
            return false;
        }
        let interfaces = std::fs::read_dir(device.join("net")).into_iter().flatten().flatten();
        let mut names = interfaces.map(|entry| entry.file_name());
        !names.any(|name| name.to_str().is_some_and(|name| self.names.contains(name)))
    }

    fn ip_info(&self, adapter_id: &str) -> Option<IpInfo> {
        let address = mac::parse(adapter_id)?;
        let permanent = self.known.iter().find(|known| known.names.permanent.contains(&address));
        let present = || self.known.iter().find(|known| known.names.present.contains(&address));
        permanent.or_else(present).map(|known| known.info.clone())
    }
}

#[cfg(test)]
mod tests;
