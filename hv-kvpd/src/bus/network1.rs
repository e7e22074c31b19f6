//! `org.hvutils.Network1`: the network adapters on D-Bus, as the host is told about them.
//!
//! Anyone may read. Nothing is found out here: the rows are made where the host's answers are made, and this
//! shows the last of them. A signal is sent only when they differ.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use tokio::sync::watch;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Type, Variant, fdo, interface};

/// The interface's name.
pub const NETWORK1: &str = "org.hvutils.Network1";

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
}

impl Network1 {
    /// The interface over the rows that `adapters` holds at any time.
    pub fn new(adapters: watch::Receiver<Vec<Row>>) -> Network1 {
        Network1 { adapters }
    }
}

#[interface(name = "org.hvutils.Network1", introspection_docs = false)]
impl Network1 {
    /// A row for each adapter, the primary one first.
    #[zbus(property)]
    fn adapters(&self) -> Vec<Row> {
        self.adapters.borrow().clone()
    }
}

/// Announces other rows on `path` until the connection or the daemon ends.
pub async fn publish(bus: Connection, path: &'static str, mut adapters: watch::Receiver<Vec<Row>>) {
    let Ok(emitter) = SignalEmitter::new(&bus, path) else { return };
    let name = zbus::names::InterfaceName::from_static_str_unchecked(NETWORK1);
    let mut told = adapters.borrow_and_update().clone();
    while adapters.changed().await.is_ok() {
        let rows = adapters.borrow_and_update().clone();
        if rows == told {
            continue;
        }
        let changed = HashMap::from([("Adapters", Variant::from(rows.clone()))]);
        told = rows;
        let sent =
            fdo::Properties::properties_changed(&emitter, name.clone(), changed, Cow::Borrowed(&[])).await;
        if sent.is_err() && bus.is_closed() {
            return;
        }
    }
}
