//! What a network adapter's configuration must be: some of its properties, by their names in WMI.
//!
//! Compares and explains; where the configuration comes from is `judge`'s.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::report::Mismatch;
use crate::outcome::AdapterConfiguration;

/// Properties that a configuration must have; only what is given counts, and lists count whole and in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    /// What the guest calls the adapter.
    #[serde(rename = "InstanceID", skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// 4096, 4097 or 4098.
    #[serde(rename = "ProtocolIFType", skip_serializing_if = "Option::is_none")]
    pub protocol_if_type: Option<u16>,
    /// DHCP.
    #[serde(rename = "DHCPEnabled", skip_serializing_if = "Option::is_none")]
    pub dhcp_enabled: Option<bool>,
    /// Addresses.
    #[serde(rename = "IPAddresses", skip_serializing_if = "Option::is_none")]
    pub ip_addresses: Option<Vec<String>>,
    /// Their subnets.
    #[serde(rename = "Subnets", skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Vec<String>>,
    /// Default gateways.
    #[serde(rename = "DefaultGateways", skip_serializing_if = "Option::is_none")]
    pub default_gateways: Option<Vec<String>>,
    /// DNS servers.
    #[serde(rename = "DNSServers", skip_serializing_if = "Option::is_none")]
    pub dns_servers: Option<Vec<String>>,
    /// Origins of the addresses.
    #[serde(rename = "IPAddressOrigins", skip_serializing_if = "Option::is_none")]
    pub ip_address_origins: Option<Vec<u16>>,
}

impl Wanted {
    /// Compares.
    ///
    /// # Errors
    /// The first property that is another one.
    pub(super) fn compare(&self, there: &AdapterConfiguration) -> Result<(), Mismatch> {
        let there = properties(there);
        for (name, wanted) in properties(self) {
            let found = there.get(&name).unwrap_or(&Value::Null);
            if *found != wanted {
                return Err(Mismatch::new(format!("{name} {wanted}"), format!("{name} {found}")));
            }
        }
        Ok(())
    }
}

fn properties(of: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
