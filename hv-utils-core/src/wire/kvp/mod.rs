//! Data exchange (KVP): requests and replies, the same for the raw channel and the kernel's char device.
//!
//! Two byte forms lead to one set of types: [`raw`] (UTF-16 on VMBus) and [`chardev`] (UTF-8, `/dev/vmbus/hv_kvp`).
//! Shape is judged here: lengths, terminators, encodings. Whether a key exists or a pool may be written is for the
//! engine. Every refusal carries the status that the host is to see.

pub mod chardev;
pub mod ip;
mod ip_lists;
pub mod layout;
mod pool;
mod problem;
pub mod raw;
mod text;

pub use ip::{Address, Family, IpInfo, IpQuery, Origin};
pub use layout::{Operation, ValueType};
pub use pool::{ParsePoolError, Pool};
pub use problem::{Problem, Refusal};

use alloc::boxed::Box;
use alloc::string::String;

/// Longest key in UTF-16 units, without the terminating NUL.
pub const MAX_KEY_UNITS: usize = layout::KEY_BYTES / 2 - 1;
/// Longest value in UTF-16 units, without the terminating NUL.
pub const MAX_VALUE_UNITS: usize = layout::VALUE_BYTES / 2 - 1;

/// What the host asks. Text ends before its first NUL; integers have become decimal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The value of a key.
    Get {
        /// Where to look.
        pool: Pool,
        /// Which key.
        key: String,
    },
    /// Write a value, new or not.
    Set {
        /// Where.
        pool: Pool,
        /// Which key.
        key: String,
        /// The value.
        value: String,
    },
    /// Remove a key.
    Delete {
        /// Where.
        pool: Pool,
        /// Which key.
        key: String,
    },
    /// The item at a position; the host counts up from 0 until it is told that there are no more.
    Enumerate {
        /// Where.
        pool: Pool,
        /// Position from 0.
        index: u32,
    },
    /// The configuration of a network adapter.
    GetIpInfo(Box<IpQuery>),
    /// Configure a network adapter.
    SetIpInfo(Box<IpInfo>),
}

/// What the guest answers to a request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing but the status: set, delete, set-IP.
    Done,
    /// Answer to get.
    Value(String),
    /// Answer to enumerate.
    Item {
        /// The key at that position.
        key: String,
        /// Its value.
        value: String,
    },
    /// Answer to get-IP.
    IpInfo(Box<IpInfo>),
}
