//! GET_IP_INFO and SET_IP_INFO as this host sends them, in the form of the agreed version.
//!
//! What a sane host sends is checked and written by the wire's own types. What none would send goes as it is: text
//! into the string form (up to 4.0), and into either form the bytes that say the families and DHCP. Offsets are those
//! of the IC body.

use std::net::{IpAddr, Ipv4Addr};

use hv_utils_core::wire::Version;
use hv_utils_core::wire::kvp::layout::{MAX_ADDRESSES, MAX_GATEWAYS};
use hv_utils_core::wire::kvp::raw::{BINARY_IP, HostRequest, HostText};
use hv_utils_core::wire::kvp::{Address, Family, IpInfo, IpQuery, Operation, Origin};

use super::{AskError, body};
use crate::verb::{GetIpAsk, SetIpAsk};

/// Where the byte with the families is; DHCP's follows.
const FAMILY_TEXT: usize = 258;
/// The same in binary.
const FAMILY_BINARY: usize = 284;
/// The texts of the string form: the adapter, addresses, subnets, gateways, DNS servers.
const TEXTS: [std::ops::Range<usize>; 5] = [2..258, 260..2308, 2308..4356, 4356..5380, 5380..7428];
/// Units of a long list in the string form, without its NUL. The list of gateways is shorter, but has room for all
/// that may be sent.
const MAX_LIST: usize = 1023;

/// A configuration as text: lists with `;` between their entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Which adapter.
    pub adapter: String,
    /// Families by their number in messages: 0 to 3, or one that is wrong.
    pub family: u8,
    /// DHCP: 0 or 1, or a number that is wrong.
    pub dhcp: u8,
    /// Addresses.
    pub addresses: String,
    /// Their subnets.
    pub subnets: String,
    /// Default gateways.
    pub gateways: String,
    /// DNS servers.
    pub dns: String,
}

/// The body of GET_IP_INFO.
///
/// # Errors
/// The adapter's text is too long for its field.
pub fn get(ask: &GetIpAsk, version: Version) -> Result<Vec<u8>, AskError> {
    let query = IpQuery { adapter_id: ask.adapter.clone(), family: Family::Unspecified };
    let mut body = body(&HostRequest::GetIpInfo(Box::new(query)), version)?;
    body[family_at(version)] = ask.family;
    Ok(body)
}

/// The body of SET_IP_INFO.
///
/// # Errors
/// It is to be checked, and is not as a host's is; or its form has no room for it.
pub fn set(ask: &SetIpAsk, version: Version) -> Result<Vec<u8>, AskError> {
    let lists = Lists::from(ask);
    if ask.unchecked {
        return lists.as_they_are(version);
    }
    if lists.family > Family::Both.number() {
        return Err(AskError::Family(lists.family));
    }
    let info = lists.info()?;
    if version < BINARY_IP {
        fits(&info)?;
    }
    body(&HostRequest::SetIpInfo(Box::new(info)), version)
}

const fn family_at(version: Version) -> usize {
    if version.major >= BINARY_IP.major { FAMILY_BINARY } else { FAMILY_TEXT }
}

impl From<&SetIpAsk> for Lists {
    fn from(ask: &SetIpAsk) -> Lists {
        let lists = Lists {
            adapter: ask.adapter.clone(),
            family: 0,
            dhcp: u8::from(ask.dhcp_enabled),
            addresses: ask.ip_addresses.join(";"),
            subnets: ask.subnets.join(";"),
            gateways: ask.default_gateways.join(";"),
            dns: ask.dns_servers.join(";"),
        };
        Lists { family: ask.protocol_if_type.unwrap_or_else(|| lists.families()), ..lists }
    }
}

impl Lists {
    /// The body of a SET_IP_INFO with just this: text as it is, cut where its field ends. The binary form has places
    /// for addresses alone.
    ///
    /// # Errors
    /// Something cannot be expressed in binary.
    pub fn as_they_are(&self, version: Version) -> Result<Vec<u8>, AskError> {
        let mut bytes = if version >= BINARY_IP {
            body(&HostRequest::SetIpInfo(Box::new(self.info()?)), version)?
        } else {
            self.text(version)?
        };
        let at = family_at(version);
        bytes[at..at + 2].copy_from_slice(&[self.family, self.dhcp]);
        Ok(bytes)
    }

    fn text(&self, version: Version) -> Result<Vec<u8>, AskError> {
        let nothing = HostRequest::Other { operation: Operation::SET_IP_INFO.0, pool: 1 };
        let mut bytes = body(&nothing, version)?;
        let texts = [&self.adapter, &self.addresses, &self.subnets, &self.gateways, &self.dns];
        for (text, place) in texts.into_iter().zip(TEXTS) {
            let text = HostText::from(text.as_str()).bytes;
            let length = text.len().min(place.len());
            bytes[place.start..place.start + length].copy_from_slice(&text[..length]);
        }
        Ok(bytes)
    }

    /// The families of what is given, as far as it looks like addresses; DHCP is IPv4's.
    fn families(&self) -> u8 {
        let given = [&self.addresses, &self.gateways, &self.dns].into_iter().flat_map(|list| entries(list));
        let (v6, v4): (Vec<&str>, Vec<&str>) = given.partition(|entry| entry.contains(':'));
        u8::from(self.dhcp != 0 || !v4.is_empty()) | u8::from(!v6.is_empty()) << 1
    }

    fn info(&self) -> Result<IpInfo, AskError> {
        let ips = addresses("IPAddresses", &self.addresses, MAX_ADDRESSES)?;
        let subnets: Vec<&str> = entries(&self.subnets).collect();
        if ips.len() != subnets.len() {
            return Err(AskError::SubnetCount { addresses: ips.len(), subnets: subnets.len() });
        }
        let addressed = ips.into_iter().zip(subnets).map(|(ip, subnet)| {
            let prefix =
                prefix(ip, subnet).ok_or_else(|| AskError::Subnet { ip, subnet: subnet.to_owned() })?;
            Ok(Address { ip, prefix, origin: Origin::Unknown })
        });
        Ok(IpInfo {
            adapter_id: self.adapter.clone(),
            family: Family::try_from(self.family).unwrap_or_default(),
            dhcp: self.dhcp != 0,
            addresses: addressed.collect::<Result<_, AskError>>()?,
            gateways: addresses("DefaultGateways", &self.gateways, MAX_GATEWAYS)?,
            dns: addresses("DNSServers", &self.dns, MAX_ADDRESSES)?,
        })
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(';').filter(move |_| !list.is_empty())
}

/// Addresses in text, at most `max` of a family.
fn addresses(list: &'static str, text: &str, max: usize) -> Result<Vec<IpAddr>, AskError> {
    let parsed = entries(text).map(|entry| {
        entry.parse::<IpAddr>().map_err(|_| AskError::Address { list, entry: entry.to_owned() })
    });
    let ips = parsed.collect::<Result<Vec<IpAddr>, AskError>>()?;
    let v4 = ips.iter().filter(|ip| ip.is_ipv4()).count();
    let count = v4.max(ips.len() - v4);
    if count > max { Err(AskError::TooMany { list, count, max }) } else { Ok(ips) }
}

fn prefix(ip: IpAddr, subnet: &str) -> Option<u8> {
    match ip {
        IpAddr::V4(_) => subnet.parse::<Ipv4Addr>().ok().and_then(Address::prefix_of),
        IpAddr::V6(_) => subnet.parse().ok().filter(|prefix| *prefix <= 128),
    }
}

/// Whether the string form has room: the wire would leave out what has none.
fn fits(info: &IpInfo) -> Result<(), AskError> {
    let subnet = |address: &Address| match address.ip {
        IpAddr::V4(_) => Address::mask(address.prefix).to_string().len(),
        IpAddr::V6(_) => address.prefix.to_string().len(),
    };
    let lists: [(&str, Vec<usize>); 3] = [
        ("IPAddresses", info.addresses.iter().map(|address| address.ip.to_string().len()).collect()),
        ("Subnets", info.addresses.iter().map(subnet).collect()),
        ("DNSServers", info.dns.iter().map(|ip| ip.to_string().len()).collect()),
    ];
    for (list, lengths) in lists {
        let units = lengths.iter().map(|length| length + 1).sum::<usize>().saturating_sub(1);
        if units > MAX_LIST {
            return Err(AskError::LongList { list, units, max: MAX_LIST });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
