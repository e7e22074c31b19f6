//! `org.hvutils.Network1`: the network adapters on D-Bus, as the host is told about them, and as the host has configured
//! them.
//!
//! Anyone may read. Nothing is found out here: the rows are made where the host's answers are made, the records are
//! hv-netapply's, and this shows the last of them. Signals are sent only when they differ. To undo a configuration asks
//! polkit (`org.hvutils.network.revert`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use hv_utils_core::bus::{Authority, Error};
use hv_utils_core::netapply::{History, Outcome};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Type, Variant, fdo, interface};

use super::injected::{Dict, changed, dict, standing};
use crate::injection::{Records, revert};

/// The interface's name.
pub const NETWORK1: &str = "org.hvutils.Network1";
/// The polkit action that allows [`Network1::revert`].
const REVERT: &str = "org.hvutils.network.revert";

/// One adapter of the virtual machine, with what stands on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Type, Variant)]
pub struct Row {
    /// The interface of the adapter itself, as `eth0`.
    pub interface: String,
    /// Its MAC address as hosts write it: upper case, `:` between the bytes.
    pub mac: String,
    /// Addresses with their prefixes, as `192.0.2.5/24`, in the order in which the host is told them.
    pub addresses: Vec<String>,
    /// Default gateways.
    pub gateways: Vec<String>,
    /// DNS servers.
    pub dns: Vec<String>,
    /// Whether an IPv4 address of it comes from DHCP.
    pub dhcp: bool,
}

/// The interface object.
#[derive(Debug)]
pub struct Network1 {
    adapters: watch::Receiver<Vec<Row>>,
    injected: Injected,
}

/// What the host has configured, and the way to undo it.
#[derive(Debug, Clone)]
pub(crate) struct Injected {
    /// The records.
    pub(crate) records: Arc<Records>,
    /// hv-netapply's socket.
    pub(crate) socket: PathBuf,
    /// Decides who may undo.
    pub(crate) authority: Authority,
}

impl Network1 {
    /// The interface over the rows that `adapters` holds at any time, and over the host's configurations.
    pub(crate) fn new(adapters: watch::Receiver<Vec<Row>>, injected: Injected) -> Network1 {
        Network1 { adapters, injected }
    }
}

#[interface(name = "org.hvutils.Network1", introspection_docs = false)]
impl Network1 {
    /// A row for each adapter, the primary one first.
    #[zbus(property)]
    fn adapters(&self) -> Vec<Row> {
        self.adapters.borrow().clone()
    }

    /// The host's last configuration that stands; empty without one.
    #[zbus(property)]
    fn last_injected(&self) -> Dict {
        self.injected.records.read();
        standing(&self.injected.records.subscribe().borrow())
    }

    /// All configurations that are remembered, the oldest first.
    fn history(&self) -> Vec<Dict> {
        // A notification may still be on its way.
        self.injected.records.read();
        self.injected.records.subscribe().borrow().records.iter().map(dict).collect()
    }

    /// Brings back what was before the last configuration that stands; in force when this returns.
    async fn revert(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        self.injected.authority.check(connection, &header, REVERT).await?;
        let outcome = revert(&self.injected.socket).await;
        // Whoever asks next is told what has become of it.
        self.injected.records.read();
        outcome
    }

    /// The outcome of a configuration is known, or has changed.
    #[zbus(signal)]
    async fn injected(emitter: &SignalEmitter<'_>, injection: &Dict) -> zbus::Result<()>;

    /// A configuration was undone because somebody asked for it.
    #[zbus(signal)]
    async fn reverted(emitter: &SignalEmitter<'_>, injection: &Dict) -> zbus::Result<()>;
}

/// The task that announces other rows and other records; ends with the value, and with it what it holds of its
/// connection.
#[derive(Debug)]
pub(crate) struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Begins to announce them on `path`. Needs a tokio runtime.
    pub(crate) fn start(
        bus: Connection,
        path: &'static str,
        adapters: watch::Receiver<Vec<Row>>,
        records: watch::Receiver<History>,
    ) -> Publisher {
        Publisher::of(publish(bus, path, adapters, records))
    }

    fn of(work: impl Future<Output = ()> + Send + 'static) -> Publisher {
        Publisher(tokio::spawn(work))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn publish(
    bus: Connection,
    path: &'static str,
    mut adapters: watch::Receiver<Vec<Row>>,
    mut records: watch::Receiver<History>,
) {
    let Ok(emitter) = SignalEmitter::new(&bus, path) else { return };
    let mut rows = adapters.borrow_and_update().clone();
    let mut history = records.borrow_and_update().clone();
    loop {
        let sent = tokio::select! {
            Ok(()) = adapters.changed() => {
                let now = adapters.borrow_and_update().clone();
                let before = std::mem::replace(&mut rows, now);
                tell_rows(&emitter, &before, &rows).await
            }
            Ok(()) = records.changed() => {
                let now = records.borrow_and_update().clone();
                let before = std::mem::replace(&mut history, now);
                tell_records(&emitter, &before, &history).await
            }
            else => return,
        };
        if sent.is_err() && bus.is_closed() {
            return;
        }
    }
}

async fn tell_rows(emitter: &SignalEmitter<'_>, before: &[Row], now: &[Row]) -> zbus::Result<()> {
    if before == now {
        return Ok(());
    }
    property(emitter, "Adapters", Variant::from(now.to_vec())).await
}

async fn tell_records(emitter: &SignalEmitter<'_>, before: &History, now: &History) -> zbus::Result<()> {
    let last = standing(now);
    if standing(before) != last {
        property(emitter, "LastInjected", Variant::from(last)).await?;
    }
    for record in changed(before, now) {
        match record.outcome {
            Outcome::Reverted => Network1::reverted(emitter, &dict(record)).await?,
            _ => Network1::injected(emitter, &dict(record)).await?,
        }
    }
    Ok(())
}

async fn property(emitter: &SignalEmitter<'_>, name: &str, value: Variant<'_>) -> zbus::Result<()> {
    let interface = zbus::names::InterfaceName::from_static_str_unchecked(NETWORK1);
    let changed = HashMap::from([(name, value)]);
    fdo::Properties::properties_changed(emitter, interface, changed, Cow::Borrowed(&[])).await
}

#[cfg(test)]
mod tests;
