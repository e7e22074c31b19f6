//! The binary form, messages from 5.0 on: counts, and places for so many addresses of each kind.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{BINARY, Lists, Odd};
use crate::host::check::{u16_at, u32_at};
use crate::host::problem::Problem;

/// The zeros behind DHCP's byte.
const PAD: std::ops::Range<usize> = 286..288;
const ORIGINS: usize = 3460;

/// Places for entries of one size.
struct Places {
    what: &'static str,
    /// Where their count is.
    count: usize,
    at: usize,
    width: usize,
    places: usize,
}

const fn places(what: &'static str, count: usize, at: usize, width: usize, places: usize) -> Places {
    Places { what, count, at, width, places }
}

const V4: Places = places("IPv4 addresses", 4, 288, 4, 64);
const V6: Places = places("IPv6 addresses", 8, 544, 16, 64);
const V4_MASKS: Places = places("IPv4 subnets", 4, 1568, 4, 64);
const V6_PREFIXES: Places = places("IPv6 subnets", 8, 1824, 4, 64);
const V4_GATEWAYS: Places = places("IPv4 gateways", 12, 2080, 4, 5);
const V6_GATEWAYS: Places = places("IPv6 gateways", 16, 2100, 16, 5);
const V4_DNS: Places = places("IPv4 DNS servers", 20, 2180, 4, 64);
const V6_DNS: Places = places("IPv6 DNS servers", 24, 2436, 16, 64);

pub(super) fn read(body: &[u8], odd: &mut Odd<'_>) -> Result<Lists, Problem> {
    let subnets =
        [V4_MASKS.read(body, odd, v4)?, V6_PREFIXES.read(body, odd, |at| u32_at(at, 0).to_string())?];
    let addresses = [V4.read(body, odd, v4)?, V6.read(body, odd, v6)?].concat();
    let gateways = [V4_GATEWAYS.read(body, odd, v4)?, V6_GATEWAYS.read(body, odd, v6)?];
    let dns = [V4_DNS.read(body, odd, v4)?, V6_DNS.read(body, odd, v6)?];
    // Those of the IPv6 addresses follow those of the IPv4 ones, without a gap.
    let used = ORIGINS + 2 * addresses.len();
    let origins: Vec<u16> = (ORIGINS..used).step_by(2).map(|at| u16_at(body, at)).collect();
    for origin in origins.iter().filter(|origin| **origin > 2) {
        odd.note("IPAddressOrigins", format!("{origin}, defined are 0 to 2"));
    }
    for (what, rest) in [
        ("the padding behind DHCPEnabled", &body[PAD]),
        ("IPAddressOrigins", &body[used..BINARY.needed]),
        ("the padding behind the configuration", &body[BINARY.needed..]),
    ] {
        zeros(what, rest, odd);
    }
    let (gateways, dns, subnets) = (gateways.concat(), dns.concat(), subnets.concat());
    Ok(Lists { addresses, subnets, gateways, dns, origins: Some(origins) })
}

impl Places {
    /// The entries that count; the places behind them must be zero.
    fn read(
        &self,
        body: &[u8],
        odd: &mut Odd<'_>,
        entry: impl Fn(&[u8]) -> String,
    ) -> Result<Vec<String>, Problem> {
        let count = u32_at(body, self.count);
        let length = usize::try_from(count).ok().filter(|count| *count <= self.places);
        let Some(length) = length else {
            let why = format!("{count} are counted, there are places for {}", self.places);
            return Err(Problem::Item { what: self.what, why });
        };
        let (used, rest) = body[self.at..self.at + self.width * self.places].split_at(self.width * length);
        zeros(self.what, rest, odd);
        Ok(used.chunks_exact(self.width).map(entry).collect())
    }
}

fn zeros(what: &'static str, rest: &[u8], odd: &mut Odd<'_>) {
    odd.check(rest.iter().all(|byte| *byte == 0), what, || {
        "bytes that are not zero and that nothing counts".to_owned()
    });
}

fn v4(bytes: &[u8]) -> String {
    bytes.try_into().map_or_else(|_| String::new(), |octets: [u8; 4]| Ipv4Addr::from(octets).to_string())
}

fn v6(bytes: &[u8]) -> String {
    bytes.try_into().map_or_else(|_| String::new(), |octets: [u8; 16]| Ipv6Addr::from(octets).to_string())
}
