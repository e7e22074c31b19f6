//! systemd-resolved: `org.freedesktop.resolve1`.
//!
//! The manager's property `DNS` lists the servers of all interfaces, and those for all under number 0, and is
//! announced whenever one of them changes. An interface that it does not list is asked for by itself. Ports and names
//! for TLS (`DNSEx`) mean nothing to the host.

use zbus::Variant;
use zbus::wire::OwnedObjectPath;

use super::ask::{Service, bytes, elements};
use super::{Servers, address};
use crate::network::Interfaces;

pub(super) const NAME: &str = "org.freedesktop.resolve1";
pub(super) const PATH: &str = "/org/freedesktop/resolve1";
pub(super) const MANAGER: &str = "org.freedesktop.resolve1.Manager";
const LINK: &str = "org.freedesktop.resolve1.Link";

/// What it knows now.
pub(super) async fn ask(service: &Service<'_>, interfaces: &Interfaces) -> Servers {
    let mut servers = Servers::default();
    if let Some(dns) = service.property(PATH, MANAGER, "DNS").await {
        for entry in elements(&dns) {
            add(&mut servers, entry);
        }
    }
    for (index, _) in interfaces {
        if !servers.has(*index) {
            ask_link(service, *index, &mut servers).await;
        }
    }
    servers
}

async fn ask_link(service: &Service<'_>, index: u32, servers: &mut Servers) {
    let Ok(number) = i32::try_from(index) else { return };
    let Some(path) = service.call::<_, OwnedObjectPath>(PATH, MANAGER, "GetLink", &(number,)).await else {
        return;
    };
    let Some(dns) = service.property(path.as_str(), LINK, "DNS").await else { return };
    for entry in elements(&dns) {
        if let Variant::Structure(entry) = entry
            && let [_family, server, ..] = entry.fields()
            && let Some(server) = address(&bytes(server))
        {
            servers.add(index, server);
        }
    }
}

/// An interface's number, a family, an address.
fn add(servers: &mut Servers, entry: &Variant<'_>) {
    if let Variant::Structure(entry) = entry
        && let [Variant::I32(interface), _family, server, ..] = entry.fields()
        && let (Ok(interface), Some(server)) = (u32::try_from(*interface), address(&bytes(server)))
    {
        servers.add(interface, server);
    }
}
