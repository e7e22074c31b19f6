//! What a step of a scenario is made of: hellos, versions, requests, damage and changes, as TOML gives them.
//!
//! Types and their reading only; what they do is in `packets` and `player`.

use clap::ValueEnum;
use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Guid, Version};
use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::link::Ring;
use crate::verb::ValueType;

/// A hello and what is wrong with it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Accept {
    /// Other first eight bytes, as text.
    pub magic: Option<String>,
    /// Another link version.
    pub link_version: Option<u32>,
    /// Another ring size in the hello.
    pub ring_bytes: Option<u32>,
    /// Another class GUID.
    #[serde(deserialize_with = "guid")]
    pub class: Option<Guid>,
    /// Something in the reserved bytes.
    pub reserved: Option<Hex>,
    /// Another number of descriptors.
    pub descriptors: Option<usize>,
    /// Only so many bytes of it, then the end of the stream.
    pub truncate: Option<usize>,
    /// A memfd of another size.
    pub memory_bytes: Option<u64>,
    /// Both interrupt masks 1.
    pub masked: bool,
}

/// Versions on offer; what is absent is a real host's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Offers {
    /// Framework versions.
    #[serde(deserialize_with = "versions")]
    pub framework: Option<Vec<Version>>,
    /// Message versions.
    #[serde(deserialize_with = "versions")]
    pub messages: Option<Vec<Version>>,
}

/// A KVP request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Request {
    /// Operation: get, set, delete, enumerate, get-ip-info, set-ip-info, or a number.
    #[serde(deserialize_with = "operation")]
    pub op: u8,
    /// Pool by name or number, which may be one that does not exist.
    #[serde(default, deserialize_with = "pool")]
    pub pool: u8,
    /// Key of get, set, delete.
    #[serde(default)]
    pub key: String,
    /// Value of set, as text.
    #[serde(default)]
    pub value: String,
    /// Registry type of the value.
    #[serde(default, rename = "type", deserialize_with = "value_type")]
    pub kind: ValueType,
    /// Index of enumerate.
    #[serde(default)]
    pub index: u32,
    /// Adapter of get-ip-info and set-ip-info.
    #[serde(default)]
    pub adapter: String,
    /// Families of both, by name or any number.
    #[serde(default, deserialize_with = "family")]
    pub family: u8,
    /// DHCP of set-ip-info: 0, 1, or any number.
    #[serde(default)]
    pub dhcp: u8,
    /// Addresses of set-ip-info, with `;` between them; as the other lists, any text in the string form.
    #[serde(default)]
    pub addresses: String,
    /// Their subnets.
    #[serde(default)]
    pub subnets: String,
    /// Its gateways.
    #[serde(default)]
    pub gateways: String,
    /// Its DNS servers.
    #[serde(default)]
    pub dns: String,
}

impl Request {
    /// ENUMERATE.
    pub(super) fn enumerate(pool: u8, index: u32) -> Request {
        Request { op: 3, pool, index, ..Request::default() }
    }
}

/// Words of a ring's control page, and bytes of its data, to be overwritten.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RingDamage {
    /// Which ring: to-guest or to-host.
    #[serde(deserialize_with = "ring_name")]
    pub name: Ring,
    /// New write index.
    pub write_index: Option<u32>,
    /// New read index.
    pub read_index: Option<u32>,
    /// New interrupt mask.
    pub interrupt_mask: Option<u32>,
    /// New pending send size.
    pub pending_send_size: Option<u32>,
    /// Bytes put into the data area where the next packet would be.
    pub at_write_index: Option<Hex>,
    /// Bytes by which the write index is moved on after that.
    pub advance: Option<u32>,
    /// Whether the guest is interrupted afterwards.
    #[serde(default = "yes")]
    pub signal: bool,
}

/// A request sent until nothing is taken any more.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fill {
    /// The request.
    pub request: Request,
    /// Most times it is sent.
    #[serde(default = "fill_limit")]
    pub at_most: u32,
    /// Milliseconds without room after which the guest is taken to be stuck.
    #[serde(default = "settle_ms")]
    pub settle_ms: u64,
}

/// Changes to a payload, in the order of these fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Mutate {
    /// Bytes to overwrite, each at an offset from the payload's start.
    pub set: Vec<BytesAt>,
    /// Pipe type (u32 at 0).
    pub pipe_type: Option<u32>,
    /// Pipe size (u32 at 4).
    pub pipe_size: Option<u32>,
    /// Message type (u16 at 12).
    pub message_type: Option<u16>,
    /// Body size (u16 at 18).
    pub message_size: Option<u16>,
    /// Status (u32 at 20).
    pub status: Option<u32>,
    /// IC transaction id (u8 at 24).
    pub transaction_id: Option<u8>,
    /// IC flags (u8 at 25).
    pub flags: Option<u8>,
    /// Zeros up to so many bytes.
    pub extend_to: Option<usize>,
    /// Only the first so many bytes.
    pub truncate_to: Option<usize>,
}

/// Changes to a packet's descriptor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PacketFields {
    /// Packet type.
    pub kind: Option<u16>,
    /// Flags.
    pub flags: Option<u16>,
    /// VMBus transaction id.
    pub transaction_id: Option<u64>,
}

/// Bytes at an offset.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BytesAt {
    /// Offset from the payload's start.
    pub at: usize,
    /// The bytes.
    pub hex: Hex,
}

/// Bytes written as hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

fn yes() -> bool {
    true
}

fn fill_limit() -> u32 {
    10_000
}

fn settle_ms() -> u64 {
    200
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::hex::parse(&text).map(Hex).map_err(de::Error::custom)
    }
}

/// A number, or a name that stands for one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a name or a number from 0 to 255")]
enum NameOrNumber {
    Number(u8),
    Name(String),
}

fn pool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match NameOrNumber::deserialize(deserializer)? {
        NameOrNumber::Number(number) => Ok(number),
        NameOrNumber::Name(name) => name.parse::<Pool>().map(Pool::number).map_err(de::Error::custom),
    }
}

fn family<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match NameOrNumber::deserialize(deserializer)? {
        NameOrNumber::Number(number) => Ok(number),
        NameOrNumber::Name(name) => crate::verb::family(&name).map_err(de::Error::custom),
    }
}

fn operation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    const NAMES: [&str; 6] = ["get", "set", "delete", "enumerate", "get-ip-info", "set-ip-info"];
    let name = match NameOrNumber::deserialize(deserializer)? {
        NameOrNumber::Number(number) => return Ok(number),
        NameOrNumber::Name(name) => name,
    };
    let number = (0u8..).zip(NAMES).find(|(_, known)| *known == name).map(|(number, _)| number);
    number.ok_or_else(|| {
        de::Error::custom(format!("unknown operation {name:?}: {} or a number", NAMES.join(", ")))
    })
}

fn value_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ValueType, D::Error> {
    let name = String::deserialize(deserializer)?;
    ValueType::from_str(&name, false)
        .map_err(|_| de::Error::custom(format!("unknown type {name:?}: sz, expand-sz, dword, qword or u64")))
}

fn ring_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ring, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "to-guest" => Ok(Ring::ToGuest),
        "to-host" => Ok(Ring::ToHost),
        other => Err(de::Error::custom(format!("unknown ring {other:?}: to-guest or to-host"))),
    }
}

fn guid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Guid>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

fn versions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Version>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let versions: Result<Vec<Version>, _> = texts.iter().map(|text| text.parse()).collect();
    versions.map(Some).map_err(de::Error::custom)
}
