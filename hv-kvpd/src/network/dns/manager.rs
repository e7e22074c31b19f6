//! NetworkManager: `org.freedesktop.NetworkManager`.
//!
//! An interface leads to its device, the device to an object for each family, and that lists the servers. A change is
//! announced by the object, another object by the device. So what is to be listened to is found out with the servers.

use std::collections::HashMap;
use std::net::IpAddr;

use zbus::Variant;
use zbus::wire::{OwnedObjectPath, OwnedVariant};

use super::ask::{Service, bytes, elements};
use super::{Servers, address};
use crate::network::Interfaces;

pub(super) const NAME: &str = "org.freedesktop.NetworkManager";
pub(super) const PATH: &str = "/org/freedesktop/NetworkManager";
pub(super) const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
const FAMILIES: [(&str, &str); 2] = [
    ("Ip4Config", "org.freedesktop.NetworkManager.IP4Config"),
    ("Ip6Config", "org.freedesktop.NetworkManager.IP6Config"),
];

/// An object whose properties matter: its path, and which interface of it.
pub(super) type Subject = (String, &'static str);

/// What it knows now, and which objects say when that changes.
pub(super) async fn ask(service: &Service<'_>, interfaces: &Interfaces) -> (Servers, Vec<Subject>) {
    let (mut servers, mut subjects) = (Servers::default(), Vec::new());
    for (index, name) in interfaces {
        let device: Option<OwnedObjectPath> =
            service.call(PATH, NAME, "GetDeviceByIpIface", &(name.as_str(),)).await;
        let Some(device) = device else { continue };
        subjects.push((device.as_str().to_owned(), DEVICE));
        for (property, interface) in FAMILIES {
            let config = service.property(device.as_str(), DEVICE, property).await;
            // "/" stands for none.
            let Some(path) = config.and_then(|config| path_in(&config)).filter(|path| path != "/") else {
                continue;
            };
            for server in ask_config(service, &path, interface).await {
                servers.add(*index, server);
            }
            subjects.push((path, interface));
        }
    }
    (servers, subjects)
}

fn path_in(value: &Variant<'_>) -> Option<String> {
    match value {
        Variant::ObjectPath(path) => Some(path.as_str().to_owned()),
        _ => None,
    }
}

async fn ask_config(service: &Service<'_>, path: &str, interface: &str) -> Vec<IpAddr> {
    let properties = "org.freedesktop.DBus.Properties";
    let all: Option<HashMap<String, OwnedVariant>> =
        service.call(path, properties, "GetAll", &(interface,)).await;
    let all = all.unwrap_or_default();
    // `NameserverData` is newer; for IPv6 it is newer still.
    let newer: Vec<IpAddr> =
        all.get("NameserverData").into_iter().flat_map(|data| elements(data)).filter_map(entry).collect();
    if !newer.is_empty() {
        return newer;
    }
    all.get("Nameservers").into_iter().flat_map(|list| elements(list)).filter_map(older).collect()
}

/// A dictionary with the address as text.
fn entry(value: &Variant<'_>) -> Option<IpAddr> {
    let Variant::Dict(entry) = value else { return None };
    let text = entry.get::<&str, String>(&"address").ok()??;
    // It may be followed by a name for TLS, an interface, a port.
    text.split(['#', '%']).next()?.parse().ok()
}

/// IPv4 as a number in network order, IPv6 as bytes.
fn older(value: &Variant<'_>) -> Option<IpAddr> {
    match value {
        Variant::U32(number) => Some(IpAddr::from(number.to_ne_bytes())),
        bytes_of => address(&bytes(bytes_of)),
    }
}
