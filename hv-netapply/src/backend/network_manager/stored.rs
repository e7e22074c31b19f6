//! An injection put into a profile as it is on disk, for the time before NetworkManager runs.
//!
//! Pure. The keys are those of nm-settings-keyfile(5); the rules are those of [`super::settings`], whose tables of tests are
//! the same.

use std::net::IpAddr;

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};

use super::keyfile::Keyfile;
use super::profile::{Profile, is_ethernet, is_shared};
use super::settings::{Family, further_metric, is_on_link};
use crate::backend::Target;

/// The profile with the injection in it; see [`super::settings::inject`].
pub(super) fn inject(file: &mut Keyfile, target: &Target, injection: &Injection) {
    for family in Family::BOTH {
        let plan = family.plan(injection);
        if !plan.is_silent() {
            put(file, family, plan);
        }
    }
    if !profile(file).is_bound() {
        file.set("connection", "interface-name", &target.interface);
    }
}

/// A profile for an adapter that has none; see [`super::settings::fresh`].
pub(super) fn fresh(target: &Target, priority: i32) -> Keyfile {
    let mut file = Keyfile::parse("");
    file.set("connection", "id", &format!("hv-utils {}", target.interface));
    file.set("connection", "uuid", &target.adapter);
    file.set("connection", "type", "ethernet");
    file.set("connection", "interface-name", &target.interface);
    file.set("connection", "autoconnect", "true");
    if priority != 0 {
        file.set("connection", "autoconnect-priority", &priority.to_string());
    }
    if !target.mac.is_empty() {
        file.set("ethernet", "mac-address", &target.mac.to_uppercase());
    }
    for family in Family::BOTH {
        file.set(family.section(), "method", "auto");
    }
    file
}

fn put(file: &mut Keyfile, family: Family, plan: &Plan) {
    let name = family.section();
    let was_manual = file.get(name, "method") == Some("manual");
    match &plan.addressing {
        Addressing::Keep => {
            if file.get(name, "method").is_none() {
                file.set(name, "method", "auto");
            }
        }
        Addressing::Automatic => {
            file.set(name, "method", "auto");
            forget_addresses(file, name);
        }
        Addressing::Static(networks) => {
            file.set(name, "method", "manual");
            forget_addresses(file, name);
            for (index, network) in (1..).zip(networks) {
                file.set(name, &format!("address{index}"), &network.to_string());
            }
            put_gateways(file, family, networks, &plan.gateways);
        }
    }
    match &plan.dns {
        Some(servers) => {
            let servers: String = servers.iter().map(|server| format!("{server};")).collect();
            if servers.is_empty() {
                file.remove(name, |key, _| key == "dns");
            } else {
                file.set(name, "dns", &servers);
            }
            file.set(name, "ignore-auto-dns", "true");
        }
        None if plan.addressing == Addressing::Automatic && was_manual => {
            file.remove(name, |key, _| matches!(key, "dns" | "ignore-auto-dns"));
        }
        None => {}
    }
}

/// `address`, `addresses` and either with a number (each may end with a gateway), `gateway`, and default routes in every
/// form, with their options.
fn forget_addresses(file: &mut Keyfile, section: &str) {
    let numbered = |key: &str, name: &str| {
        key.strip_prefix(name).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut defaults = Vec::new();
    for (name, key, value) in file.pairs() {
        if name == section && (numbered(key, "route") || numbered(key, "routes")) && is_default(value) {
            defaults.extend([key.to_owned(), format!("{key}_options")]);
        }
    }
    file.remove(section, |key, _| {
        key == "gateway"
            || numbered(key, "address")
            || numbered(key, "addresses")
            || defaults.iter().any(|default| default == key)
    });
}

/// `0.0.0.0/0,192.0.2.1,100`, also with `;` for `,` and with the bits left out (which makes it a host's route).
fn is_default(route: &str) -> bool {
    let destination = route.split([',', ';']).next().unwrap_or_default();
    destination.trim().split_once('/').is_some_and(|(_, prefix)| prefix.trim().parse() == Ok(0u8))
}

fn put_gateways(file: &mut Keyfile, family: Family, networks: &[Network], gateways: &[IpAddr]) {
    let name = family.section();
    let Some((first, more)) = gateways.split_first() else { return };
    file.set(name, "gateway", &first.to_string());
    // It would take the gateway away.
    file.remove(name, |key, _| key == "never-default");
    let metric = file.get(name, "route-metric").and_then(|metric| metric.parse().ok());
    let number = |key: &str| key.strip_prefix("routes").or(key.strip_prefix("route"))?.parse::<u32>().ok();
    let taken = file.pairs().filter(|pair| pair.0 == name).filter_map(|pair| number(pair.1)).max();
    let taken = taken.unwrap_or(0);
    for (index, gateway) in (1u32..).zip(more) {
        let key = format!("route{}", taken.saturating_add(index));
        let metric = further_metric(metric, index);
        file.set(name, &key, &format!("{}/0,{gateway},{metric}", family.any()));
        if !is_on_link(networks, *gateway) {
            file.set(name, &format!("{key}_options"), "onlink=true");
        }
    }
}

/// What decides whose a profile is. When it was last used is elsewhere.
pub(super) fn profile(file: &Keyfile) -> Profile {
    let get = |key: &str| file.get("connection", key).unwrap_or_default();
    let number = |key: &str| get(key).parse().unwrap_or(0);
    let mac = file.get("ethernet", "mac-address").or(file.get("802-3-ethernet", "mac-address"));
    let port_of = [get("port-type"), get("slave-type")];
    Profile {
        uuid: get("uuid").to_owned(),
        ethernet: is_ethernet(get("type")),
        interface: get("interface-name").to_owned(),
        mac: mac.unwrap_or_default().to_owned(),
        autoconnect: !matches!(get("autoconnect"), "false" | "0" | "no"),
        priority: number("autoconnect-priority"),
        timestamp: 0,
        shared: is_shared(number("multi-connect")),
        port_of: port_of.into_iter().find(|kind| !kind.is_empty()).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
