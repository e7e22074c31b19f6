//! DNS servers: who knows them, in this order, each asked only if the one before knows none.
//!
//! 1. systemd-resolved, by interface, else those for all (`resolved.rs`);
//! 2. NetworkManager, by interface (`manager.rs`);
//! 3. `resolv.conf`, for all (`file.rs`).
//!
//! The first two are asked over D-Bus by a task of its own (`follow.rs`), at the beginning and whenever they say that
//! something has changed. An answer to the host never waits for them: until they have answered, and wherever there is
//! no bus, `resolv.conf` counts. A server on the loopback is a forwarder of this machine and means nothing to the host.

mod ask;
pub mod file;
mod follow;
mod manager;
mod resolved;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hv_utils_core::network::Link;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::Connection;

use super::Interfaces;
use follow::follow;

/// Servers of one interface that are kept: as many as an answer holds of one family.
const MAX_SERVERS: usize = 64;

/// The line to the task that asks.
#[derive(Debug)]
pub(super) struct Dns {
    found: watch::Sender<Servers>,
    servers: watch::Receiver<Servers>,
    nudges: watch::Sender<u64>,
    task: Option<JoinHandle<()>>,
}

impl Dns {
    /// Nobody is asked until [`Dns::follow`].
    pub(super) fn new() -> Dns {
        let (found, servers) = watch::channel(Servers::default());
        Dns { found, servers, nudges: watch::Sender::default(), task: None }
    }

    /// Asks on this bus from now on, and on no other.
    pub(super) fn follow(&mut self, bus: Connection, interfaces: watch::Receiver<Interfaces>) {
        self.end();
        let task = follow(bus, interfaces, self.nudges.subscribe(), self.found.clone());
        self.task = Some(tokio::spawn(task));
    }

    /// There is another reason to ask again.
    pub(super) fn nudge(&self) {
        self.nudges.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Waits until something else is known. Cancel safe.
    pub(super) async fn changed(&mut self) {
        if self.servers.changed().await.is_err() {
            // Not while this holds a sender.
            std::future::pending::<()>().await;
        }
        self.servers.mark_changed();
    }

    /// What is known, if it is not what was taken last.
    pub(super) fn take(&mut self) -> Option<Servers> {
        let news = self.servers.has_changed().unwrap_or(false);
        news.then(|| self.servers.borrow_and_update().clone())
    }

    fn end(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.end();
    }
}

/// DNS servers by interface, and those for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Servers {
    by_interface: BTreeMap<u32, Vec<IpAddr>>,
    for_all: Vec<IpAddr>,
}

impl Servers {
    /// The same for every interface.
    pub fn for_all(servers: Vec<IpAddr>) -> Servers {
        let mut all = Servers::default();
        servers.into_iter().for_each(|server| all.add(0, server));
        all
    }

    /// Adds a server of an interface; of all, if that is 0.
    pub(super) fn add(&mut self, interface: u32, server: IpAddr) {
        let list = match interface {
            0 => &mut self.for_all,
            interface => self.by_interface.entry(interface).or_default(),
        };
        if is_told(&server) && list.len() < MAX_SERVERS && !list.contains(&server) {
            list.push(server);
        }
    }

    /// Whether no server is known.
    pub fn is_empty(&self) -> bool {
        self.for_all.is_empty() && self.by_interface.values().all(Vec::is_empty)
    }

    /// Whether one is known for this interface alone.
    fn has(&self, interface: u32) -> bool {
        self.by_interface.get(&interface).is_some_and(|servers| !servers.is_empty())
    }

    /// Those of these interfaces, in their order; those for all, if these have none.
    pub fn of(&self, links: &[&Link]) -> Vec<IpAddr> {
        let mut servers: Vec<IpAddr> = Vec::new();
        for server in links.iter().filter_map(|link| self.by_interface.get(&link.index)).flatten() {
            if !servers.contains(server) {
                servers.push(*server);
            }
        }
        if servers.is_empty() { self.for_all.clone() } else { servers }
    }
}

/// Whether the host can make something of it.
fn is_told(server: &IpAddr) -> bool {
    let server = server.to_canonical();
    !server.is_loopback() && !server.is_unspecified()
}

/// An address from the bytes of a D-Bus message.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
