//! The text form of an IP configuration: lists separated by `;`.
//!
//! Used by the raw channel (UTF-16, messages before 5.0) and the char device (UTF-8). Reading is lenient where hosts
//! and the C daemon differ (spaces before entries, a trailing `;`, `/64` or `64`); writing follows the C daemon, the
//! only writer hosts are known to read: gateways and DNS servers are each *followed* by `;`.

use super::ip::{Address, IpInfo, IpQuery, Origin};
use super::layout::IpText;
use super::text::Encoding;
use super::{Problem, Refusal};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// Reads what a request for a configuration has.
pub(super) fn query(raw: &IpText, encoding: Encoding) -> Result<IpQuery, Problem> {
    Ok(IpQuery { adapter_id: encoding.field("adapter id", &raw.adapter_id)?, family: raw.family.try_into()? })
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
pub(super) fn write(info: &IpInfo, encoding: Encoding, raw: &mut IpText) -> Result<(), Refusal> {
    let (addresses, subnets) = write_addresses(&info.addresses);
    encoding.write("addresses", &addresses, &mut raw.addresses)?;
    encoding.write("subnets", &subnets, &mut raw.subnets)?;
    encoding.write("gateways", &write_list(&info.gateways, MAX_GATEWAYS_TEXT), &mut raw.gateways)?;
    encoding.write("DNS servers", &write_list(&info.dns, MAX_LIST_TEXT), &mut raw.dns)?;
    raw.family = info.family.number();
    raw.dhcp = u8::from(info.dhcp);
    Ok(())
}

/// Units of the long lists, without NUL. The char device's fields have as many *bytes* as the raw channel's have
/// for UTF-16, but the kernel converts one into the other, so the narrower limit holds for both.
const MAX_LIST_TEXT: usize = 1023;
/// Units of the gateway list, without NUL.
const MAX_GATEWAYS_TEXT: usize = 511;

fn write_addresses(list: &[Address]) -> (String, String) {
    let (mut addresses, mut subnets) = (String::new(), String::new());
    for address in list {
        let ip = address.ip.to_string();
        let subnet = match address.ip {
            IpAddr::V4(_) => Address::mask(address.prefix).to_string(),
            IpAddr::V6(_) => format!("/{}", address.prefix.min(128)),
        };
        let separator = if addresses.is_empty() { "" } else { ";" };
        let room =
            |list: &String, entry: &String| list.len() + separator.len() + entry.len() <= MAX_LIST_TEXT;
        if !room(&addresses, &ip) || !room(&subnets, &subnet) {
            break;
        }
        addresses.extend([separator, &ip]);
        subnets.extend([separator, &subnet]);
    }
    (addresses, subnets)
}

fn write_list(list: &[IpAddr], max: usize) -> String {
    let mut text = String::new();
    for ip in list {
        let entry = format!("{ip};");
        if text.len() + entry.len() > max {
            break;
        }
        text.push_str(&entry);
    }
    text
}
