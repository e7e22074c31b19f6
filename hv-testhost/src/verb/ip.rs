//! What is asked about a network adapter: for its configuration, or to take one.
//!
//! Values as they were typed, and how they are written as words again. What they mean on the wire, and what is wrong
//! with them, is `host::kvp::request`'s.

use clap::{ArgAction, Args};

/// Numbers of `ProtocolIFType` in WMI, and of the same in messages.
const PROTOCOL_IF_TYPES: [(u16, u8); 3] = [(4096, 1), (4097, 2), (4098, 3)];

/// What WMI calls `ProtocolIFType`, from the number that messages have; none where they do not say, or say nonsense.
pub fn protocol_if_type(family: u8) -> Option<u16> {
    PROTOCOL_IF_TYPES.iter().find(|(_, number)| *number == family).map(|(named, _)| *named)
}

/// Which adapter's configuration is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct GetIpAsk {
    /// The adapter's MAC address, sent as it is typed, whatever its punctuation: 00:15:5D:01:02:03
    #[arg(value_name = "MAC")]
    pub adapter: String,
    /// Families wanted: none (not said, as Microsoft's open-source host does it), v4, v6, both, or any number to 255
    #[arg(long, value_name = "FAMILY", value_parser = family, default_value = "none")]
    pub family: u8,
}

impl GetIpAsk {
    pub(super) fn options(&self) -> Vec<String> {
        vec![format!("--family={}", self.family)]
    }
}

/// The configuration that an adapter is to take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct SetIpAsk {
    /// The adapter's VMBus device id, sent as it is typed: a GUID
    pub adapter: String,
    /// 4096 IPv4, 4097 IPv6, 4098 both, none, or a number to 255 as messages have it [default: the families of what is
    /// given, and IPv4 with DHCP]
    #[arg(long, visible_alias = "ProtocolIFType", value_name = "TYPE", value_parser = if_type)]
    pub protocol_if_type: Option<u8>,
    /// Whether IPv4 is configured by DHCP
    #[arg(long, visible_alias = "DHCPEnabled", value_name = "BOOL", action = ArgAction::Set,
          default_value_t = false)]
    pub dhcp_enabled: bool,
    /// Addresses, with commas between them
    #[arg(long, visible_alias = "IPAddresses", value_name = "LIST", value_delimiter = ',')]
    pub ip_addresses: Vec<String>,
    /// A subnet for each address: a dotted mask for IPv4, the length of the prefix for IPv6
    #[arg(long, visible_alias = "Subnets", value_name = "LIST", value_delimiter = ',')]
    pub subnets: Vec<String>,
    /// Default gateways, at most 5 of a family
    #[arg(long, visible_alias = "DefaultGateways", value_name = "LIST", value_delimiter = ',')]
    pub default_gateways: Vec<String>,
    /// DNS servers
    #[arg(long, visible_alias = "DNSServers", value_name = "LIST", value_delimiter = ',')]
    pub dns_servers: Vec<String>,
    /// Check nothing: the lists go into the message as they are typed (from 5.0 on it has no room for anything but
    /// addresses)
    #[arg(long)]
    pub unchecked: bool,
}

impl SetIpAsk {
    pub(super) fn options(&self) -> Vec<String> {
        let mut options = vec![format!("--dhcp-enabled={}", self.dhcp_enabled)];
        options.extend(self.protocol_if_type.map(|family| format!("--protocol-if-type={family}")));
        let lists = [
            ("ip-addresses", &self.ip_addresses),
            ("subnets", &self.subnets),
            ("default-gateways", &self.default_gateways),
            ("dns-servers", &self.dns_servers),
        ];
        let given = lists.into_iter().filter(|(_, list)| !list.is_empty());
        options.extend(given.map(|(name, list)| format!("--{name}={}", list.join(","))));
        options.extend(self.unchecked.then(|| "--unchecked".to_owned()));
        options
    }
}

/// Reads families by their names or their number in messages.
pub(crate) fn family(text: &str) -> Result<u8, String> {
    Ok(match text {
        "none" => 0,
        "v4" => 1,
        "v6" => 2,
        "both" => 3,
        number => {
            number.parse().map_err(|_| "families are none, v4, v6, both, or a number to 255".to_owned())?
        }
    })
}

/// Reads families by WMI's numbers, or by those of messages.
fn if_type(text: &str) -> Result<u8, String> {
    let wrong = || "types are 4096 (IPv4), 4097 (IPv6), 4098 (both), none, or a number to 255".to_owned();
    if text == "none" {
        return Ok(0);
    }
    let number: u16 = text.parse().map_err(|_| wrong())?;
    let named = PROTOCOL_IF_TYPES.iter().find(|(named, _)| *named == number);
    named.map_or_else(|| u8::try_from(number).map_err(|_| wrong()), |(_, family)| Ok(*family))
}
