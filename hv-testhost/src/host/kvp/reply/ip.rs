//! Reads a guest's answer to GET_IP_INFO, in the form of the agreed version.
//!
//! Microsoft's open-source host reads the binary form alone, and gives the service up over counts that exceed their
//! places; the string form is held to the same measure here. Whatever else is odd is named, and the rest is shown.
//! Offsets are those of the IC body. Nothing of the guest's own reader is used.

mod binary;
mod text;

use std::net::{IpAddr, Ipv4Addr};

use hv_utils_core::wire::Version;

use crate::host::check::Reply;
use crate::host::problem::Problem;
use crate::outcome::AdapterConfiguration;
use crate::verb::protocol_if_type;

/// Bytes of an adapter's name.
const ADAPTER: usize = 256;
/// Gateways that one family may have.
const MAX_GATEWAYS: usize = 5;

/// Where the two forms have what both have.
struct Form {
    /// Bytes of a body that has everything.
    needed: usize,
    adapter: usize,
    /// The families; DHCP's byte follows.
    family: usize,
}

const TEXT: Form = Form { needed: 7428, adapter: 2, family: 258 };
const BINARY: Form = Form { needed: 3716, adapter: 28, family: 284 };

/// The lists of a configuration, as far as they can be read.
#[derive(Debug, Default)]
struct Lists {
    addresses: Vec<String>,
    subnets: Vec<String>,
    gateways: Vec<String>,
    dns: Vec<String>,
    origins: Option<Vec<u16>>,
}

/// What is odd, and goes on being read.
struct Odd<'a>(&'a mut Vec<Problem>);

impl Odd<'_> {
    fn note(&mut self, what: &'static str, why: impl Into<String>) {
        self.0.push(Problem::Adapter { what, why: why.into() });
    }

    fn check(&mut self, right: bool, what: &'static str, why: impl FnOnce() -> String) {
        if !right {
            self.note(what, why());
        }
    }
}

/// The configuration in an answer to GET_IP_INFO; `asked` is the body of the request.
///
/// # Errors
/// What cannot be read.
pub(crate) fn configuration(
    asked: &[u8],
    reply: &Reply,
    version: Version,
    tolerated: &mut Vec<Problem>,
) -> Result<AdapterConfiguration, Problem> {
    let body = reply.body.as_slice();
    let binary = version.major >= 5;
    let form = if binary { BINARY } else { TEXT };
    if body.len() < form.needed {
        let (needed, present) = (form.needed, body.len());
        return Err(Problem::BodyShort { what: "network adapter", needed, present });
    }
    let name = &body[form.adapter..form.adapter + ADAPTER];
    if asked.get(form.adapter..form.adapter + ADAPTER) != Some(name) {
        tolerated.push(Problem::NotEchoed("the adapter id"));
    }
    let mut odd = Odd(tolerated);
    let (family, dhcp) = (body[form.family], body[form.family + 1]);
    odd.check(family <= 3, "ProtocolIFType", || format!("families {family}, defined are 0 to 3"));
    odd.check(dhcp <= 1, "DHCPEnabled", || format!("{dhcp}, must be 0 or 1"));
    let lists = if binary { binary::read(body, &mut odd)? } else { text::read(body, &mut odd)? };
    shapes(&lists, family, &mut odd);
    Ok(AdapterConfiguration {
        instance_id: characters(name).0,
        protocol_if_type: protocol_if_type(family),
        dhcp_enabled: dhcp != 0,
        subnets: lists.subnets.iter().map(|subnet| subnet.trim_start_matches('/').to_owned()).collect(),
        ip_addresses: lists.addresses,
        default_gateways: lists.gateways,
        dns_servers: lists.dns,
        ip_address_origins: lists.origins,
    })
}

/// The text in a field, and how many bytes it has with its NUL; that exceeds the field where there is none.
fn characters(field: &[u8]) -> (String, usize) {
    let units: Vec<u16> = field.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let length = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    (String::from_utf16_lossy(&units[..length]), 2 * (length + 1))
}

/// What both forms have in common: each entry is what it should be, and there are as many as there should be.
fn shapes(lists: &Lists, family: u8, odd: &mut Odd<'_>) {
    let (addresses, subnets) = (lists.addresses.len(), lists.subnets.len());
    odd.check(addresses == subnets, "Subnets", || format!("{subnets} for {addresses} addresses"));
    for (ip, subnet) in lists.addresses.iter().zip(&lists.subnets) {
        let right = ip.parse().map_or(true, |ip| is_subnet(ip, subnet));
        odd.check(right, "Subnets", || format!("{subnet:?} is no subnet of {ip}"));
    }
    let named =
        [("IPAddresses", &lists.addresses), ("DefaultGateways", &lists.gateways), ("DNSServers", &lists.dns)];
    for (what, list) in named {
        for entry in list {
            match entry.parse::<IpAddr>() {
                Err(_) => odd.note(what, format!("{entry:?} is not an IP address")),
                // Gateways and DNS servers may be of a family that has no address: the C daemon tells both as well.
                Ok(ip) => odd.check(what != "IPAddresses" || may_have(family, ip), what, || {
                    format!("{ip} is of another family than {family}")
                }),
            }
        }
    }
    let gateways = || lists.gateways.iter().filter_map(|entry| entry.parse::<IpAddr>().ok());
    let v4 = gateways().filter(IpAddr::is_ipv4).count();
    let most = v4.max(gateways().count() - v4);
    odd.check(most <= MAX_GATEWAYS, "DefaultGateways", || {
        format!("{most} of one family, at most {MAX_GATEWAYS} are possible")
    });
}

/// Whether an answer about these families may have the address; 0 and nonsense say nothing about it.
fn may_have(family: u8, ip: IpAddr) -> bool {
    !matches!((family, ip), (1, IpAddr::V6(_)) | (2, IpAddr::V4(_)))
}

/// A dotted mask without holes, or the length of an IPv6 prefix, with a `/` or without.
fn is_subnet(ip: IpAddr, subnet: &str) -> bool {
    match ip {
        IpAddr::V4(_) => subnet.parse::<Ipv4Addr>().is_ok_and(|mask| {
            let bits = mask.to_bits();
            bits.leading_ones() == bits.count_ones()
        }),
        IpAddr::V6(_) => {
            let digits = subnet.strip_prefix('/').unwrap_or(subnet);
            !digits.starts_with('+') && digits.parse::<u8>().is_ok_and(|prefix| prefix <= 128)
        }
    }
}

#[cfg(test)]
mod tests;
