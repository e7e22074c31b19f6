//! The text form of an IP configuration: lists separated by `;`.
//!
//! Used by the raw channel (UTF-16, messages before 5.0) and the char device (UTF-8). Reading is lenient where hosts
//! and the C daemon differ (spaces before entries, a trailing `;`, `/64` or `64`); writing follows either of them
//! to the letter ([`Writer`]).

use super::Problem;
use super::ip::{Address, Family, IpInfo, IpQuery, Origin};
use super::layout::IpText;
use super::text::Encoding;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// Whose habits to follow when writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// A host: entries separated by `;`, IPv6 subnets as plain numbers.
    Host,
    /// The C daemon, the only guest hosts are known to read: gateways and DNS servers are each *followed* by `;`,
    /// IPv6 subnets have a `/`.
    Guest,
}

/// Reads what a request for a configuration has.
pub(super) fn query(raw: &IpText, encoding: Encoding) -> Result<IpQuery, Problem> {
    Ok(IpQuery {
        adapter_id: encoding.field("adapter id", &raw.adapter_id)?,
        family: Family::asked(raw.family),
    })
}

/// Reads a whole configuration.
pub(super) fn read(raw: &IpText, encoding: Encoding) -> Result<IpInfo, Problem> {
    let addresses = encoding.field("addresses", &raw.addresses)?;
    let subnets = encoding.field("subnets", &raw.subnets)?;
    let info = IpInfo {
        adapter_id: encoding.field("adapter id", &raw.adapter_id)?,
        family: raw.family.try_into()?,
        dhcp: raw.dhcp != 0,
        addresses: read_addresses(&addresses, &subnets)?,
        gateways: read_list("gateways", &encoding.field("gateways", &raw.gateways)?)?,
        dns: read_list("DNS servers", &encoding.field("DNS servers", &raw.dns)?)?,
    };
    info.check_counts()?;
    Ok(info)
}

fn entries(list: &str) -> impl Iterator<Item = &str> + Clone {
    list.split(';').map(str::trim).filter(|entry| !entry.is_empty())
}

fn read_list(field: &'static str, list: &str) -> Result<Vec<IpAddr>, Problem> {
    entries(list)
        .enumerate()
        .map(|(position, entry)| entry.parse().map_err(|_| Problem::Address { field, position }))
        .collect()
}

fn read_addresses(addresses: &str, subnets: &str) -> Result<Vec<Address>, Problem> {
    let ips = read_list("addresses", addresses)?;
    let count = entries(subnets).count();
    if count != ips.len() {
        return Err(Problem::SubnetCount { addresses: ips.len(), subnets: count });
    }
    let with_subnets = ips.into_iter().zip(entries(subnets)).enumerate();
    with_subnets
        .map(|(position, (ip, subnet))| {
            let prefix = read_prefix(ip, subnet).ok_or(Problem::Subnet { field: "subnets", position })?;
            Ok(Address { ip, prefix, origin: Origin::Unknown })
        })
        .collect()
}

/// A dotted mask (IPv4), or a prefix length with or without `/` (either family).
fn read_prefix(ip: IpAddr, subnet: &str) -> Option<u8> {
    if ip.is_ipv4()
        && let Ok(mask) = subnet.parse::<Ipv4Addr>()
    {
        return Address::prefix_of(mask);
    }
    let digits = subnet.strip_prefix('/').unwrap_or(subnet);
    let max = if ip.is_ipv4() { 32 } else { 128 };
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|prefix| *prefix <= max)
}

/// Writes a configuration, all but the adapter id, which the host wants back as it was. Entries that find no room
/// are left out, whole and from the end, an address together with its subnet.
pub(super) fn write(
    info: &IpInfo,
    writer: Writer,
    encoding: Encoding,
    raw: &mut IpText,
) -> Result<(), Problem> {
    let (addresses, subnets) = write_addresses(&info.addresses, writer);
    encoding.write("addresses", &addresses, &mut raw.addresses)?;
    encoding.write("subnets", &subnets, &mut raw.subnets)?;
    let gateways = write_list(&info.gateways, writer, MAX_GATEWAYS_TEXT);
    encoding.write("gateways", &gateways, &mut raw.gateways)?;
    encoding.write("DNS servers", &write_list(&info.dns, writer, MAX_LIST_TEXT), &mut raw.dns)?;
    raw.family = info.family.number();
    raw.dhcp = u8::from(info.dhcp);
    Ok(())
}

/// Whether the text form of an answer to a host has no room for all of `info`.
pub(super) fn is_cut(info: &IpInfo) -> bool {
    let (addresses, _) = write_addresses(&info.addresses, Writer::Guest);
    let written = |list: &[IpAddr], max| entries(&write_list(list, Writer::Guest, max)).count();
    entries(&addresses).count() < info.addresses.len()
        || written(&info.gateways, MAX_GATEWAYS_TEXT) < info.gateways.len()
        || written(&info.dns, MAX_LIST_TEXT) < info.dns.len()
}

/// Units of the long lists, without NUL. The char device's fields have as many *bytes* as the raw channel's have
/// for UTF-16, but the kernel converts one into the other, so the narrower limit holds for both.
const MAX_LIST_TEXT: usize = 1023;
/// Units of the gateway list, without NUL.
const MAX_GATEWAYS_TEXT: usize = 511;

fn write_addresses(list: &[Address], writer: Writer) -> (String, String) {
    let (mut addresses, mut subnets) = (String::new(), String::new());
    for address in list {
        let separator = if addresses.is_empty() { "" } else { ";" };
        let ip = format!("{separator}{}", address.ip);
        let subnet = match (address.ip, writer) {
            (IpAddr::V4(_), _) => format!("{separator}{}", Address::mask(address.prefix)),
            (IpAddr::V6(_), Writer::Host) => format!("{separator}{}", address.prefix.min(128)),
            (IpAddr::V6(_), Writer::Guest) => format!("{separator}/{}", address.prefix.min(128)),
        };
        if addresses.len() + ip.len() > MAX_LIST_TEXT || subnets.len() + subnet.len() > MAX_LIST_TEXT {
            break;
        }
        addresses.push_str(&ip);
        subnets.push_str(&subnet);
    }
    (addresses, subnets)
}

fn write_list(list: &[IpAddr], writer: Writer, max: usize) -> String {
    let mut text = String::new();
    for ip in list {
        let entry = match writer {
            Writer::Guest => format!("{ip};"),
            Writer::Host if text.is_empty() => format!("{ip}"),
            Writer::Host => format!(";{ip}"),
        };
        if text.len() + entry.len() > max {
            break;
        }
        text.push_str(&entry);
    }
    text
}

#[cfg(test)]
mod tests;
