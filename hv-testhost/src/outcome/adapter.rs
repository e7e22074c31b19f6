//! The configuration of a guest's network adapter, under the names of WMI's `Msvm_GuestNetworkAdapterConfiguration`.
//!
//! Plain values as a guest sent them; what was wrong with them is told apart from them.

use serde::Serialize;

/// The configuration of one adapter. Lists are in the guest's order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AdapterConfiguration {
    /// What the guest calls the adapter: the MAC address that was asked for.
    #[serde(rename = "InstanceID")]
    pub instance_id: String,
    /// 4096 IPv4, 4097 IPv6, 4098 both; absent where the guest does not say.
    #[serde(rename = "ProtocolIFType")]
    pub protocol_if_type: Option<u16>,
    /// Whether IPv4 is configured by DHCP.
    #[serde(rename = "DHCPEnabled")]
    pub dhcp_enabled: bool,
    /// Addresses.
    #[serde(rename = "IPAddresses")]
    pub ip_addresses: Vec<String>,
    /// The subnet of each address: a dotted mask, or the length of the prefix without `/`.
    #[serde(rename = "Subnets")]
    pub subnets: Vec<String>,
    /// Default gateways.
    #[serde(rename = "DefaultGateways")]
    pub default_gateways: Vec<String>,
    /// DNS servers.
    #[serde(rename = "DNSServers")]
    pub dns_servers: Vec<String>,
    /// Where each address comes from: 0 unknown, 1 other, 2 static. Absent before messages 5.0, which have no place for
    /// it.
    #[serde(rename = "IPAddressOrigins")]
    pub ip_address_origins: Option<Vec<u16>>,
}
