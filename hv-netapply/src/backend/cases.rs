//! The injections that every backend's tables are about. For tests alone.

use hv_utils_core::netapply::{Addressing, Injection, Network, Plan};

/// Nothing is said.
pub(crate) fn keep() -> Plan {
    Plan::default()
}

/// Automatic; `servers` as the host says them, or `None`.
pub(crate) fn automatic(servers: Option<&str>) -> Plan {
    let dns = servers.map(|servers| servers.split_whitespace().map(|s| s.parse().unwrap()).collect());
    Plan { addressing: Addressing::Automatic, gateways: Vec::new(), dns }
}

/// Servers alone.
pub(crate) fn servers(servers: &str) -> Plan {
    Plan { addressing: Addressing::Keep, ..automatic(Some(servers)) }
}

/// Addresses with prefixes, gateways, servers: each a list with blanks.
pub(crate) fn fixed(addresses: &str, gateways: &str, servers: &str) -> Plan {
    let network = |text: &str| {
        let (ip, prefix) = text.split_once('/').unwrap();
        Network { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
    };
    Plan {
        addressing: Addressing::Static(addresses.split_whitespace().map(network).collect()),
        gateways: gateways.split_whitespace().map(|gateway| gateway.parse().unwrap()).collect(),
        dns: automatic(Some(servers)).dns,
    }
}

/// Fifty addresses of one subnet.
pub(crate) fn fifty() -> Plan {
    let addresses: Vec<_> = (1..=50).map(|number| format!("192.0.2.{number}/24")).collect();
    fixed(&addresses.join(" "), "", "")
}

/// An injection of the two.
pub(crate) fn injection(ipv4: Plan, ipv6: Plan) -> Injection {
    Injection { adapter: "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned(), ipv4, ipv6 }
}
