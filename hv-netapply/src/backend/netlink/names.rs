//! DNS servers of a link without a manager: systemd-resolved's link where it runs, else `/etc/resolv.conf` where that is a
//! plain file of the administrator's.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use hv_utils_core::daemon::replace;
use hv_utils_core::netapply::Injection;
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
/// `resolv.conf` has no use for more.
const MOST: usize = 3;

fn resolv_conf(world: &World) -> PathBuf {
    world.roots.etc.join("resolv.conf")
}

/// Takes in what may be changed.
pub(super) async fn snapshot(world: &World, snapshot: &mut Snapshot, target: &Target) -> Result<(), Error> {
    if world.is_on_bus(RESOLVED).await {
        let servers: Vec<String> = servers(world, target).await.iter().map(ToString::to_string).collect();
        snapshot.facts.insert(SERVERS.to_owned(), servers.join(" "));
    } else if is_plain(&resolv_conf(world)) {
        snapshot.add(&resolv_conf(world))?;
    }
    Ok(())
}

/// Puts the injection's servers into force.
pub(super) async fn put(world: &World, target: &Target, injection: &Injection) -> Result<(), Error> {
    let said: Vec<&Vec<IpAddr>> = [&injection.ipv4.dns, &injection.ipv6.dns].into_iter().flatten().collect();
    if said.is_empty() {
        return Ok(());
    }
    let servers: Vec<IpAddr> = said.into_iter().flatten().copied().collect();
    if world.is_on_bus(RESOLVED).await {
        return tell(world, target, &servers).await;
    }
    let path = resolv_conf(world);
    if servers.is_empty() || !(is_plain(&path) || fs::symlink_metadata(&path).is_err()) {
        return Ok(());
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    Ok(replace(&path, with_servers(&text, &servers).as_bytes(), 0o644)?)
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

fn is_plain(path: &std::path::Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Everything else stays, and stands where it stood.
fn with_servers(text: &str, servers: &[IpAddr]) -> String {
    let is_server = |line: &&str| line.split_whitespace().next() == Some("nameserver");
    let others = text.lines().filter(|line| !is_server(line)).map(str::to_owned);
    let servers = servers.iter().take(MOST).map(|ip| format!("nameserver {ip}"));
    let mut text: String = others.chain(servers).collect::<Vec<_>>().join("\n");
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
mod tests {
    use super::*;

    #[test]
    fn other_lines_of_resolv_conf_stay() {
        let text = "# mine\nsearch example.org\nnameserver 192.0.2.9\noptions edns0\n";
        let servers = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let expected =
            "# mine\nsearch example.org\noptions edns0\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n";
        assert_eq!(with_servers(text, &servers), expected);
        assert_eq!(with_servers(expected, &servers), expected);
    }
}
