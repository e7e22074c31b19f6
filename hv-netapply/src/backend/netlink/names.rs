//! DNS servers of a link without a manager: systemd-resolved's link where it runs, else `/etc/resolv.conf` where that is a
//! plain file of the administrator's.
//!
//! In the file our lines are marked with their adapter. Unmarked servers of a family that gets others are what was there before;
//! other adapters' stay. systemd-resolved forgets with each start of
//! its own, and at boot it is there later than we are: then it is waited for.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hv_utils_core::daemon::replace;
use hv_utils_core::netapply::Injection;
use tokio::time::{sleep, timeout};
use zbus::{OwnedObjectPath, OwnedVariant};

use crate::backend::Target;
use crate::error::Error;
use crate::saved::Snapshot;
use crate::world::World;

const RESOLVED: &str = "org.freedesktop.resolve1";
const PATH: &str = "/org/freedesktop/resolve1";
const MANAGER: &str = "org.freedesktop.resolve1.Manager";
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
/// The fact of a snapshot that has resolved's servers of the link.
const SERVERS: &str = "dns";
/// A resolver asks no more of those in `resolv.conf` (`MAXNS` of `resolv.h`).
const MOST: usize = 3;
/// How long systemd-resolved is waited for at boot, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN: Duration = Duration::from_secs(2);
/// How a comment of ours begins.
const MARK: &str = "# hv-netapply: ";
/// Units that start systemd-resolved at boot.
const UNITS: [&str; 2] = ["systemd-resolved.service", "dbus-org.freedesktop.resolve1.service"];

fn resolv_conf(world: &World) -> PathBuf {
    world.roots.etc.join("resolv.conf")
}

/// Takes in what may be changed.
pub(super) async fn snapshot(world: &World, snapshot: &mut Snapshot, target: &Target) -> Result<(), Error> {
    if world.is_on_bus(RESOLVED).await {
        let servers: Vec<String> = servers(world, target).await.iter().map(ToString::to_string).collect();
        snapshot.facts.insert(SERVERS.to_owned(), servers.join(" "));
    } else if is_ours_to_write(&resolv_conf(world)) {
        snapshot.add(&resolv_conf(world))?;
    }
    Ok(())
}

/// Puts the injection's servers into force.
pub(super) async fn put(world: &World, target: &Target, injection: &Injection) -> Result<(), Error> {
    let Some(servers) = said(injection) else { return Ok(()) };
    if world.is_on_bus(RESOLVED).await {
        return tell(world, target, &servers).await;
    }
    let path = resolv_conf(world);
    if is_ours_to_write(&path) {
        return in_file(&path, injection);
    }
    if !servers.is_empty() {
        tracing::warn!("{}: {}", target.interface, not_in_force(&servers));
    }
    Ok(())
}

/// Waits for systemd-resolved, if it is to start on this machine, and tells it the servers.
pub(super) async fn until_told(world: &World, target: &Target, injection: &Injection) -> Result<(), Error> {
    let Some(servers) = said(injection).filter(|servers| !servers.is_empty()) else { return Ok(()) };
    let is_its = fs::read_link(resolv_conf(world))
        .is_ok_and(|to| to.components().any(|part| part.as_os_str() == "resolve"));
    let comes = is_its || UNITS.iter().any(|unit| world.is_enabled(unit));
    if !comes && !world.is_on_bus(RESOLVED).await {
        return Ok(());
    }
    let there = timeout(PATIENCE, async {
        while !world.is_on_bus(RESOLVED).await {
            sleep(BETWEEN).await;
        }
    });
    there.await.map_err(|_| Error::not_applied(not_in_force(&servers)))?;
    tell(world, target, &servers).await
}

/// All servers that are said of any family; `None`: nothing is.
fn said(injection: &Injection) -> Option<Vec<IpAddr>> {
    let said: Vec<&Vec<IpAddr>> = [&injection.ipv4.dns, &injection.ipv6.dns].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.into_iter().flatten().copied().collect())
}

fn not_in_force(servers: &[IpAddr]) -> String {
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    format!(
        "DNS servers not in force: {}: /etc/resolv.conf is another program's, and systemd-resolved is not on the bus",
        servers.join(", ")
    )
}

fn in_file(path: &Path, injection: &Injection) -> Result<(), Error> {
    let before = fs::read_to_string(path).unwrap_or_default();
    let after = with_servers(&before, injection);
    if after == before { Ok(()) } else { Ok(replace(path, after.as_bytes(), 0o644)?) }
}

/// Puts back what resolved had; files are the snapshot's.
pub(super) async fn restore(world: &World, snapshot: &Snapshot, target: &Target) -> Result<(), Error> {
    let Some(before) = snapshot.facts.get(SERVERS) else { return Ok(()) };
    if !world.is_on_bus(RESOLVED).await {
        return Ok(());
    }
    let before: Vec<IpAddr> = before.split_whitespace().filter_map(|ip| ip.parse().ok()).collect();
    tell(world, target, &before).await
}

/// A plain file, or none yet; a link is another program's.
fn is_ours_to_write(path: &Path) -> bool {
    fs::symlink_metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// The line before each server that is an adapter's by our doing.
fn mark(adapter: &str, family: &str) -> String {
    format!("{MARK}{family} of {adapter}")
}

/// The adapter's servers of the families that are spoken of, before those of others. Everything else stays, and stands where
/// it stood: also servers that no resolver asks, being the fourth and later.
fn with_servers(text: &str, injection: &Injection) -> String {
    let is_server = |line: &str| line.split_whitespace().next() == Some("nameserver");
    let is_ipv6 = |line: &str| line.contains(':');
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut ours = Vec::new();
    for (family, plan) in [("IPv4", &injection.ipv4), ("IPv6", &injection.ipv6)] {
        let Some(servers) = &plan.dns else { continue };
        let mark = mark(&injection.adapter, family);
        while let Some(at) = lines.iter().position(|line| *line == mark) {
            lines.remove(at);
            if lines.get(at).is_some_and(|line| is_server(line)) {
                lines.remove(at);
            }
        }
        if !servers.is_empty() {
            // What was there for this machine before: it comes back with the rest of it. Other adapters' stay.
            let mut marked = false;
            lines.retain(|line| {
                let before = std::mem::replace(&mut marked, line.starts_with(MARK));
                before || !is_server(line) || is_ipv6(line) != (family == "IPv6")
            });
        }
        ours.extend(servers.iter().map(|ip| [mark.clone(), format!("nameserver {ip}")]));
    }
    ours.truncate(MOST);
    let first = lines.iter().position(|line| is_server(line) || line.starts_with(MARK));
    let at = first.unwrap_or(lines.len());
    lines.splice(at..at, ours.into_iter().flatten());
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

async fn tell(world: &World, target: &Target, servers: &[IpAddr]) -> Result<(), Error> {
    let Some(bus) = world.bus().await else { return Ok(()) };
    let octets = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => (AF_INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AF_INET6, ip.octets().to_vec()),
    };
    let servers: Vec<(i32, Vec<u8>)> = servers.iter().map(octets).collect();
    let index = i32::try_from(target.index).unwrap_or(0);
    let told = bus.call_method(Some(RESOLVED), PATH, Some(MANAGER), "SetLinkDNS", &(index, servers)).await;
    told.map(drop).map_err(|error| Error::bus("tell systemd-resolved the DNS servers", &error))
}

async fn servers(world: &World, target: &Target) -> Vec<IpAddr> {
    let read = async {
        let bus = world.bus().await?;
        let index = i32::try_from(target.index).ok()?;
        let link = bus.call_method(Some(RESOLVED), PATH, Some(MANAGER), "GetLink", &index).await.ok()?;
        let link: OwnedObjectPath = link.body().deserialize().ok()?;
        let arguments = ("org.freedesktop.resolve1.Link", "DNS");
        let properties = Some("org.freedesktop.DBus.Properties");
        let reply = bus.call_method(Some(RESOLVED), &link, properties, "Get", &arguments).await.ok()?;
        let value: OwnedVariant = reply.body().deserialize().ok()?;
        let list = Vec::<(i32, Vec<u8>)>::try_from(value).ok()?;
        Some(list.into_iter().filter_map(|(_, octets)| ip(&octets)).collect())
    };
    read.await.unwrap_or_default()
}

fn ip(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
