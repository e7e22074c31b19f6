//! Byte layouts of KVP messages: IC body on the raw channel, whole message on the char device.
//!
//! The key operations lie at the same offsets in both and differ only in the encoding of text. From Linux
//! `include/uapi/linux/hyperv.h` and OpenVMM `hyperv_ic_protocol/src/kvp.rs`.

use core::mem::offset_of;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Width of a key field in bytes, terminating NUL included.
pub const KEY_BYTES: usize = 512;
/// Width of a value field in bytes, terminating NUL included.
pub const VALUE_BYTES: usize = 2048;
/// Body bytes a host sends with the key operations.
pub const BODY_BYTES: usize = 2580;
/// Body bytes a host sends with the IP operations.
pub const IP_BODY_BYTES: usize = 7428;
/// Addresses, subnets and DNS servers of one family in the binary form.
pub const MAX_ADDRESSES: usize = 64;
/// Gateways of one family in the binary form.
pub const MAX_GATEWAYS: usize = 5;

/// An operation; open, because a host may send any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation(pub u8);

impl Operation {
    /// Value of a key.
    pub const GET: Self = Self(0);
    /// Write a value.
    pub const SET: Self = Self(1);
    /// Remove a key.
    pub const DELETE: Self = Self(2);
    /// Item at a position.
    pub const ENUMERATE: Self = Self(3);
    /// Configuration of an adapter.
    pub const GET_IP_INFO: Self = Self(4);
    /// Configure an adapter.
    pub const SET_IP_INFO: Self = Self(5);
    /// Char device only: a daemon registers, the kernel answers.
    pub const REGISTER1: Self = Self(100);
}

/// Type of a value; open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueType(pub u32);

impl ValueType {
    /// Text (`REG_SZ`).
    pub const STRING: Self = Self(1);
    /// Text with variables to expand (`REG_EXPAND_SZ`); taken as it stands.
    pub const EXPAND_STRING: Self = Self(2);
    /// 32-bit integer (`REG_DWORD`).
    pub const DWORD: Self = Self(4);
    /// 64-bit integer as Linux's header numbers it (`REG_U64`).
    pub const QWORD_LINUX: Self = Self(8);
    /// 64-bit integer as Microsoft numbers it (`REG_QWORD`).
    pub const QWORD: Self = Self(11);
}

/// First bytes of every message, padded to where all but the IP text form go on.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`Operation`].
    pub operation: u8,
    /// Pool number.
    pub pool: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

const _: () = assert!(size_of::<Header>() == 4);

/// A key and its value.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Exchange {
    /// [`ValueType`].
    pub value_type: U32,
    /// Bytes of the key, NUL included.
    pub key_size: U32,
    /// Bytes of the value: text with its NUL, or 4 or 8.
    pub value_size: U32,
    /// Key: UTF-16LE on the raw channel, UTF-8 on the char device.
    pub key: [u8; KEY_BYTES],
    /// Value: text as the key, or on the raw channel a little-endian integer.
    pub value: [u8; VALUE_BYTES],
}

const _: () = assert!(size_of::<Exchange>() == 2572);

/// GET and SET.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct GetSet {
    /// Operation and pool.
    pub header: Header,
    /// The item; GET has only the key filled in.
    pub item: Exchange,
}

const _: () = assert!(size_of::<GetSet>() == 2576);
const _: () = assert!(offset_of!(GetSet, item) + offset_of!(Exchange, key_size) == 8);
const _: () = assert!(offset_of!(GetSet, item) + offset_of!(Exchange, value_size) == 12);
const _: () = assert!(offset_of!(GetSet, item) + offset_of!(Exchange, key) == 16);
const _: () = assert!(offset_of!(GetSet, item) + offset_of!(Exchange, value) == 528);

/// DELETE.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Delete {
    /// Operation and pool.
    pub header: Header,
    /// Bytes of the key, NUL included.
    pub key_size: U32,
    /// Key.
    pub key: [u8; KEY_BYTES],
}

const _: () = assert!(size_of::<Delete>() == 520);
const _: () = assert!(offset_of!(Delete, key) == 8);

/// ENUMERATE.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Enumerate {
    /// Operation and pool.
    pub header: Header,
    /// Position from 0.
    pub index: U32,
    /// The item, in the reply.
    pub item: Exchange,
}

const _: () = assert!(size_of::<Enumerate>() == BODY_BYTES);
const _: () = assert!(offset_of!(Enumerate, item) + offset_of!(Exchange, key) == 20);
const _: () = assert!(offset_of!(Enumerate, item) + offset_of!(Exchange, value) == 532);

/// IP configuration as text: lists separated by `;`. At body offset 2 on the raw channel (messages before 5.0), at
/// message offset 4 on the char device.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct IpText {
    /// Which adapter; may fill the field without a NUL.
    pub adapter_id: [u8; 256],
    /// 0 none, 1 IPv4, 2 IPv6, 3 both.
    pub family: u8,
    /// 1: DHCP; concerns IPv4 only.
    pub dhcp: u8,
    /// Addresses.
    pub addresses: [u8; 2048],
    /// Their subnets, one for each: dotted mask, or prefix length for IPv6.
    pub subnets: [u8; 2048],
    /// Default gateways.
    pub gateways: [u8; 1024],
    /// DNS servers.
    pub dns: [u8; 2048],
}

const _: () = assert!(size_of::<IpText>() == 7426);
const _: () = assert!(offset_of!(IpText, family) == 256);
const _: () = assert!(offset_of!(IpText, addresses) == 258);
const _: () = assert!(offset_of!(IpText, subnets) == 2306);
const _: () = assert!(offset_of!(IpText, gateways) == 4354);
const _: () = assert!(offset_of!(IpText, dns) == 5378);
const _: () = assert!(size_of::<IpText>() + 2 == IP_BODY_BYTES);

/// IP configuration in binary, messages from 5.0 on; at body offset 4. Addresses in network order.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct IpBinary {
    /// IPv4 addresses, and as many masks.
    pub v4_count: U32,
    /// IPv6 addresses, and as many prefix lengths.
    pub v6_count: U32,
    /// IPv4 gateways.
    pub v4_gateway_count: U32,
    /// IPv6 gateways.
    pub v6_gateway_count: U32,
    /// IPv4 DNS servers.
    pub v4_dns_count: U32,
    /// IPv6 DNS servers.
    pub v6_dns_count: U32,
    /// Which adapter, UTF-16LE; may fill the field without a NUL.
    pub adapter_id: [u8; 256],
    /// 0 none, 1 IPv4, 2 IPv6, 3 both.
    pub family: u8,
    /// 1: DHCP; concerns IPv4 only.
    pub dhcp: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// IPv4 addresses.
    pub v4: [[u8; 4]; MAX_ADDRESSES],
    /// IPv6 addresses.
    pub v6: [[u8; 16]; MAX_ADDRESSES],
    /// IPv4 subnet masks.
    pub v4_masks: [[u8; 4]; MAX_ADDRESSES],
    /// IPv6 prefix lengths.
    pub v6_prefixes: [U32; MAX_ADDRESSES],
    /// IPv4 gateways.
    pub v4_gateways: [[u8; 4]; MAX_GATEWAYS],
    /// IPv6 gateways.
    pub v6_gateways: [[u8; 16]; MAX_GATEWAYS],
    /// IPv4 DNS servers.
    pub v4_dns: [[u8; 4]; MAX_ADDRESSES],
    /// IPv6 DNS servers.
    pub v6_dns: [[u8; 16]; MAX_ADDRESSES],
    /// Origins: those of the IPv4 addresses, then directly those of the IPv6 ones.
    pub origins: [U16; 2 * MAX_ADDRESSES],
}

const _: () = assert!(size_of::<IpBinary>() == 3712);
const _: () = assert!(offset_of!(IpBinary, adapter_id) == 24);
const _: () = assert!(offset_of!(IpBinary, family) == 280);
const _: () = assert!(offset_of!(IpBinary, v4) == 284);
const _: () = assert!(offset_of!(IpBinary, v6) == 540);
const _: () = assert!(offset_of!(IpBinary, v4_masks) == 1564);
const _: () = assert!(offset_of!(IpBinary, v6_prefixes) == 1820);
const _: () = assert!(offset_of!(IpBinary, v4_gateways) == 2076);
const _: () = assert!(offset_of!(IpBinary, v6_gateways) == 2096);
const _: () = assert!(offset_of!(IpBinary, v4_dns) == 2176);
const _: () = assert!(offset_of!(IpBinary, v6_dns) == 2432);
const _: () = assert!(offset_of!(IpBinary, origins) == 3456);
