//! Samples for NTP clients: chrony's SOCK and NTP's shared memory.

mod sock;

pub use sock::Socket;

use crate::sample::Leap;

/// A measurement for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// The guest's CLOCK_REALTIME at which it was made, ns since 1970.
    pub real: i64,
    /// Host minus guest then, ns.
    pub offset: i64,
    /// How wrong it may be, ns.
    pub error: i64,
    /// What the host says of leap seconds.
    pub leap: Leap,
}
