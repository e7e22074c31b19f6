//! A network adapter's configuration for a person: a property a line, as `Format-List` writes the WMI object.

use std::fmt::Write as _;

use crate::hex::printable;
use crate::outcome::AdapterConfiguration;

/// The configuration, a line for each property.
pub(super) fn text(adapter: &AdapterConfiguration) -> String {
    let kind = match adapter.protocol_if_type {
        Some(4096) => "4096 (IPv4)",
        Some(4097) => "4097 (IPv6)",
        Some(4098) => "4098 (both)",
        _ => "none",
    };
    let origins = adapter.ip_address_origins.as_ref().map(|origins| {
        let named: Vec<String> =
            origins.iter().map(|origin| format!("{origin}{}", meaning(*origin))).collect();
        list(&named)
    });
    let lines = [
        ("InstanceID", Some(adapter.instance_id.clone())),
        ("ProtocolIFType", Some(kind.to_owned())),
        ("DHCPEnabled", Some(adapter.dhcp_enabled.to_string())),
        ("IPAddresses", Some(list(&adapter.ip_addresses))),
        ("Subnets", Some(list(&adapter.subnets))),
        ("DefaultGateways", Some(list(&adapter.default_gateways))),
        ("DNSServers", Some(list(&adapter.dns_servers))),
        ("IPAddressOrigins", origins),
    ];
    let mut out = String::new();
    for (name, value) in lines.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let _ = writeln!(out, "{name:<16} : {}", printable(&value));
    }
    out
}

fn meaning(origin: u16) -> &'static str {
    match origin {
        0 => " (unknown)",
        1 => " (other)",
        2 => " (static)",
        _ => "",
    }
}

fn list(entries: &[String]) -> String {
    format!("{{{}}}", entries.join(", "))
}
