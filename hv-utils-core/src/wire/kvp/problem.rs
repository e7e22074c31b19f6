//! What can be wrong with a KVP message, and the status that answers it.
//!
//! Problems carry numbers and the names of fields, never text of the peer: they end up in logs.

use super::super::Status;
use super::layout::{Operation, ValueType};

/// What is wrong with a message or a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The message ends inside its fixed layout.
    #[error("message body of {actual} bytes, {needed} are needed")]
    TooShort {
        /// Bytes needed.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// An operation nobody defined.
    #[error("operation {} is not known", .0.0)]
    Operation(Operation),
    /// A pool beyond the five.
    #[error("pool {0} does not exist")]
    Pool(u8),
    /// UTF-16 text of an odd number of bytes.
    #[error("{field} of {size} bytes cannot be UTF-16")]
    OddSize {
        /// Which field.
        field: &'static str,
        /// Its size in bytes, as claimed.
        size: u32,
    },
    /// More text than the field has room for.
    #[error("{field} of {size} bytes, {max} are possible")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Size in bytes, NUL included.
        size: u32,
        /// Most bytes possible, NUL included.
        max: u32,
    },
    /// No NUL where text must end.
    #[error("{field} has no terminating NUL")]
    Unterminated {
        /// Which field.
        field: &'static str,
    },
    /// UTF-16 with half a surrogate pair.
    #[error("{field} has an unpaired surrogate")]
    UnpairedSurrogate {
        /// Which field.
        field: &'static str,
    },
    /// Bytes that are not UTF-8.
    #[error("{field} is not UTF-8")]
    NotUtf8 {
        /// Which field.
        field: &'static str,
    },
    /// A value type that is neither text nor an integer.
    #[error("value type {} is not known", .0.0)]
    ValueType(ValueType),
    /// An integer of the wrong size.
    #[error("integer value of type {} with {size} bytes", kind.0)]
    IntegerSize {
        /// The value's type.
        kind: ValueType,
        /// Its size in bytes, as claimed.
        size: u32,
    },
    /// An address family beyond "both".
    #[error("address family {0} is not known")]
    Family(u8),
    /// A list that is longer than its place.
    #[error("{count} entries in {field}, {max} are possible")]
    TooMany {
        /// Which field.
        field: &'static str,
        /// Entries, as claimed or found.
        count: u32,
        /// Most entries possible.
        max: u32,
    },
    /// An element of a list that is no address.
    #[error("entry {position} of {field} is not an address")]
    Address {
        /// Which field.
        field: &'static str,
        /// Position in the list, from 0.
        position: usize,
    },
    /// A subnet mask with holes, a prefix that is too long, or neither.
    #[error("entry {position} of {field} is not a subnet of its address")]
    Subnet {
        /// Which field.
        field: &'static str,
        /// Position in the list, from 0.
        position: usize,
    },
    /// Not as many subnets as addresses.
    #[error("{addresses} addresses with {subnets} subnets")]
    SubnetCount {
        /// Addresses in the list.
        addresses: usize,
        /// Subnets in the list.
        subnets: usize,
    },
    /// An answer of a kind that does not answer this request.
    #[error("the reply does not fit the request")]
    ReplyKind,
}

/// A request that cannot be served, or a reply that cannot be put into its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why}; answered with {status}")]
pub struct Refusal {
    /// What the host is told.
    pub status: Status,
    /// What was wrong.
    pub why: Problem,
}

impl From<Problem> for Refusal {
    /// Unknown operations and pools, and mistakes of our own, are failures; all else is an invalid argument.
    fn from(why: Problem) -> Self {
        let status = match why {
            Problem::Operation(_) | Problem::Pool(_) | Problem::ReplyKind => Status::FAIL,
            _ => Status::INVALID_ARG,
        };
        Self { status, why }
    }
}
