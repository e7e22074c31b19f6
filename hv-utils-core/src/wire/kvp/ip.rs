//! The network configuration of one adapter, as hosts ask for it and inject it.
//!
//! Plain types that serve the text form (messages before 5.0, char device) and the binary form (5.0); the conversions
//! are beside them in [`super::raw`] and [`super::chardev`]. Nothing is applied here.

use super::Problem;
use super::layout::{IpBinary, MAX_ADDRESSES, MAX_GATEWAYS};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which address families a configuration is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Family {
    /// Not said.
    #[default]
    Unspecified,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// IPv4 and IPv6.
    Both,
}

impl Family {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::V4 => 1,
            Self::V6 => 2,
            Self::Both => 3,
        }
    }

    /// The family of a question, where it does not count: a number that is none is as none said. The C daemon does not
    /// look at it, and hosts need not set it.
    pub(super) fn asked(number: u8) -> Self {
        Self::try_from(number).unwrap_or_default()
    }
}

impl TryFrom<u8> for Family {
    type Error = Problem;

    fn try_from(number: u8) -> Result<Self, Problem> {
        Ok(match number {
            0 => Self::Unspecified,
            1 => Self::V4,
            2 => Self::V6,
            3 => Self::Both,
            _ => return Err(Problem::Family(number)),
        })
    }
}

/// Where an address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Origin {
    /// Not said, or a number nobody defined. The text form never says.
    #[default]
    Unknown,
    /// Not static: DHCP, router advertisement, link-local.
    Other,
    /// Configured by hand.
    Static,
}

impl Origin {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Unknown => 0,
            Self::Other => 1,
            Self::Static => 2,
        }
    }
}

impl From<u16> for Origin {
    fn from(number: u16) -> Self {
        match number {
            1 => Self::Other,
            2 => Self::Static,
            _ => Self::Unknown,
        }
    }
}

/// An address with its subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Length of the subnet's prefix in bits: up to 32 or 128.
    pub prefix: u8,
    /// Where it comes from.
    pub origin: Origin,
}

impl Address {
    /// The IPv4 subnet mask for a prefix; a prefix beyond 32 counts as 32.
    #[must_use]
    pub const fn mask(prefix: u8) -> Ipv4Addr {
        Ipv4Addr::from_bits(match prefix {
            0 => 0,
            1..=31 => u32::MAX << (32 - prefix),
            _ => u32::MAX,
        })
    }

    /// The prefix of an IPv4 subnet mask, if it has no holes.
    #[must_use]
    pub const fn prefix_of(mask: Ipv4Addr) -> Option<u8> {
        let bits = mask.to_bits();
        let ones = bits.leading_ones();
        if ones == bits.count_ones() { Some(ones as u8) } else { None }
    }
}

/// Which adapter's configuration the host wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpQuery {
    /// The adapter's MAC address, in whatever punctuation the host uses.
    pub adapter_id: String,
    /// Families asked for.
    pub family: Family,
}

/// The configuration of one adapter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpInfo {
    /// Which adapter: in a request to configure it, its VMBus device id (a GUID); in a reply it is not written,
    /// because the host wants back what it sent.
    pub adapter_id: String,
    /// Families this is about.
    pub family: Family,
    /// DHCP; concerns IPv4 only.
    pub dhcp: bool,
    /// Addresses, in order; at most 64 of a family.
    pub addresses: Vec<Address>,
    /// Default gateways, in order; at most 5 of a family.
    pub gateways: Vec<IpAddr>,
    /// DNS servers, in order; at most 64 of a family.
    pub dns: Vec<IpAddr>,
}

impl IpInfo {
    /// Whether a list exceeds what the binary form holds.
    pub(super) fn exceeds_binary(&self) -> bool {
        self.check_counts().is_err()
    }

    /// Refuses lists that exceed what the binary form, and a host's interfaces, can hold.
    pub(super) fn check_counts(&self) -> Result<(), Problem> {
        let addresses = self.addresses.iter().map(|address| address.ip);
        check_count("addresses", addresses, MAX_ADDRESSES)?;
        check_count("gateways", self.gateways.iter().copied(), MAX_GATEWAYS)?;
        check_count("DNS servers", self.dns.iter().copied(), MAX_ADDRESSES)
    }
}

fn check_count(
    field: &'static str,
    entries: impl Iterator<Item = IpAddr> + Clone,
    max: usize,
) -> Result<(), Problem> {
    let v4 = entries.clone().filter(IpAddr::is_ipv4).count();
    let count = v4.max(entries.count() - v4);
    if count > max {
        return Err(Problem::TooMany { field, count: count as u32, max: max as u32 });
    }
    Ok(())
}

/// Reads the binary form, all but the adapter id.
pub(super) fn from_binary(raw: &IpBinary) -> Result<IpInfo, Problem> {
    let v4 = take("IPv4 addresses", &raw.v4, raw.v4_count.get())?;
    let v6 = take("IPv6 addresses", &raw.v6, raw.v6_count.get())?;
    let mut addresses = Vec::with_capacity(v4.len() + v6.len());
    for (position, (ip, mask)) in v4.iter().zip(&raw.v4_masks).enumerate() {
        let prefix = Address::prefix_of(Ipv4Addr::from(*mask))
            .ok_or(Problem::Subnet { field: "IPv4 subnets", position })?;
        addresses.push(Address { ip: Ipv4Addr::from(*ip).into(), prefix, origin: Origin::Unknown });
    }
    for (position, (ip, prefix)) in v6.iter().zip(&raw.v6_prefixes).enumerate() {
        let prefix = u8::try_from(prefix.get())
            .ok()
            .filter(|prefix| *prefix <= 128)
            .ok_or(Problem::Subnet { field: "IPv6 subnets", position })?;
        addresses.push(Address { ip: Ipv6Addr::from(*ip).into(), prefix, origin: Origin::Unknown });
    }
    for (address, origin) in addresses.iter_mut().zip(&raw.origins) {
        address.origin = origin.get().into();
    }
    let v4_gateways = take("IPv4 gateways", &raw.v4_gateways, raw.v4_gateway_count.get())?;
    let v6_gateways = take("IPv6 gateways", &raw.v6_gateways, raw.v6_gateway_count.get())?;
    let v4_dns = take("IPv4 DNS servers", &raw.v4_dns, raw.v4_dns_count.get())?;
    let v6_dns = take("IPv6 DNS servers", &raw.v6_dns, raw.v6_dns_count.get())?;
    Ok(IpInfo {
        adapter_id: String::new(),
        family: raw.family.try_into()?,
        dhcp: raw.dhcp != 0,
        addresses,
        gateways: join(v4_gateways, v6_gateways),
        dns: join(v4_dns, v6_dns),
    })
}

fn take<'a, T>(field: &'static str, places: &'a [T], count: u32) -> Result<&'a [T], Problem> {
    let max = places.len() as u32;
    places.get(..count as usize).ok_or(Problem::TooMany { field, count, max })
}

fn join(v4: &[[u8; 4]], v6: &[[u8; 16]]) -> Vec<IpAddr> {
    let v4 = v4.iter().map(|ip| IpAddr::from(*ip));
    v4.chain(v6.iter().map(|ip| IpAddr::from(*ip))).collect()
}

/// Writes the binary form, all but the adapter id. What exceeds a list's place is left out, whole entries from the
/// end: a host that gets the first 64 addresses is served better than one that gets none.
pub(super) fn to_binary(info: &IpInfo, raw: &mut IpBinary) {
    let adapter_id = raw.adapter_id;
    *raw = zerocopy::FromZeros::new_zeroed();
    raw.adapter_id = adapter_id;
    raw.family = info.family.number();
    raw.dhcp = u8::from(info.dhcp);
    let (mut v4, mut v6) = (0, 0);
    let mut v6_origins = [Origin::Unknown; MAX_ADDRESSES];
    for address in &info.addresses {
        match address.ip {
            IpAddr::V4(ip) if v4 < MAX_ADDRESSES => {
                raw.v4[v4] = ip.octets();
                raw.v4_masks[v4] = Address::mask(address.prefix).octets();
                raw.origins[v4] = address.origin.number().into();
                v4 += 1;
            }
            IpAddr::V6(ip) if v6 < MAX_ADDRESSES => {
                raw.v6[v6] = ip.octets();
                raw.v6_prefixes[v6] = u32::from(address.prefix.min(128)).into();
                v6_origins[v6] = address.origin;
                v6 += 1;
            }
            _ => {}
        }
    }
    for (place, origin) in raw.origins[v4..].iter_mut().zip(&v6_origins[..v6]) {
        *place = origin.number().into();
    }
    raw.v4_count = (v4 as u32).into();
    raw.v6_count = (v6 as u32).into();
    let (v4, v6) = spread(&info.gateways, &mut raw.v4_gateways, &mut raw.v6_gateways);
    raw.v4_gateway_count = v4.into();
    raw.v6_gateway_count = v6.into();
    let (v4, v6) = spread(&info.dns, &mut raw.v4_dns, &mut raw.v6_dns);
    raw.v4_dns_count = v4.into();
    raw.v6_dns_count = v6.into();
}

/// Sorts addresses into the places of their families, as far as there are any; returns how many went where.
fn spread(list: &[IpAddr], v4_places: &mut [[u8; 4]], v6_places: &mut [[u8; 16]]) -> (u32, u32) {
    let (mut v4, mut v6) = (0, 0);
    for ip in list {
        match ip {
            IpAddr::V4(ip) if v4 < v4_places.len() => {
                v4_places[v4] = ip.octets();
                v4 += 1;
            }
            IpAddr::V6(ip) if v6 < v6_places.len() => {
                v6_places[v6] = ip.octets();
                v6 += 1;
            }
            _ => {}
        }
    }
    (v4 as u32, v6 as u32)
}

#[cfg(test)]
mod tests;
