//! Bytes on the wire: ring buffers, packets, the IC header, negotiation and each service's messages.
//!
//! No IO, no clocks, no threads, no `std`; no panic and no unbounded allocation on any input. The host is not
//! trusted: what it sends is copied once, checked, and only then used. Layouts are plain structs with their
//! sizes and offsets asserted at compile time, all little-endian and free of alignment.
//! What a request *means* is not decided here but in the engine of each daemon.

pub mod fcopy;
pub mod guid;
pub mod heartbeat;
pub mod ic;
pub mod kvp;
pub mod message;
pub mod negotiate;
pub mod ring;
pub mod session;
pub mod shutdown;
pub mod status;
pub mod timesync;
pub mod version;
pub mod vss;

pub use guid::Guid;
pub use ic::Ic;
pub use message::{HEADER_BYTES, IcHeader, MAX_MESSAGE, MAX_PAYLOAD, Message, MessageError, encode};
pub use negotiate::Agreed;
pub use ring::PacketHeader;
pub use session::{DropReason, Received, RefuseReason, RequestInfo, Session, Ticket};
pub use status::Status;
pub use version::Version;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod hex;
