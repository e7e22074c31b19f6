//! When the host took its time, on the guest's own clock.
//!
//! A message of version 4.0 carries the partition's reference counter (10 MHz, the same for host and guest) at the moment at
//! which the host took its time. `Relation` says which CLOCK_MONOTONIC_RAW that was, from [`Pair`]s of both which a
//! privileged helper measures (`measure`) and leaves in a file (`pairs`). Without pairs `Arrivals` compares messages
//! with each other: the fastest of a window is taken for the delay that all have.

/// The counter and CLOCK_MONOTONIC_RAW at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The reference counter, in its 100 ns ticks.
    pub reference: u64,
    /// CLOCK_MONOTONIC_RAW, ns.
    pub raw: i64,
    /// How far apart the two may be, ns, in either direction.
    pub error: i64,
}
