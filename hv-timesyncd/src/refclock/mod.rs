//! Samples for NTP clients: chrony's SOCK and NTP's shared memory.

mod shm;
mod sock;

pub use shm::SharedClock;
pub use sock::Socket;

use crate::sample::Leap;

const SECOND: i64 = 1_000_000_000;

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

/// A leap second as NTP counts them, in both protocols.
const fn leap_code(leap: Leap) -> i32 {
    match leap {
        Leap::None => 0,
        Leap::Insert => 1,
        Leap::Delete => 2,
        Leap::Unsynchronised => 3,
    }
}
