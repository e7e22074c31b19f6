//! What more than one hv-utils program needs, in layers.
//!
//! | module | feature | what |
//! | --- | --- | --- |
//! | [`wire`] | always | byte layouts and rules of rings, packets, IC framing and messages; no IO, no `std` |
//! | `sys` | `channel` | the only unsafe code: one wrapper per system call |
//! | `channel` | `channel` | the ways to a host: raw VMBus, the kernel's char devices, the simulated link |
//! | `glob` | `channel` | patterns of names in the configuration |
//! | `network` | `network` | interfaces and addresses of this machine, as the kernel tells them |
//! | `netapply` | `netapply` | what hv-kvpd and hv-netapply say to each other |
//! | `testing` | `testing` | doubles of a VMBus and its devices, for tests |
//! | `hooks` | `daemon` | programs of the administrator's: which are safe to run, and how each comes to its end |
//! | `history` | `history` | what a daemon has done last, in memory and in a file |
//! | `daemon`, `bus` | `daemon` | the common shell of a daemon and its side of D-Bus |
//!
//! A lower layer never names a higher one; without features the crate is `wire` alone and builds without `std`.

#![cfg_attr(not(any(feature = "channel", test)), no_std)]
#![warn(missing_docs)]

extern crate alloc;

#[cfg(feature = "daemon")]
pub mod bus;
#[cfg(feature = "channel")]
pub mod channel;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "channel")]
pub mod glob;
#[cfg(feature = "history")]
pub mod history;
#[cfg(feature = "daemon")]
pub mod hooks;
#[cfg(feature = "netapply")]
pub mod netapply;
#[cfg(feature = "network")]
pub mod network;
#[cfg(feature = "channel")]
pub mod sys;
#[cfg(all(feature = "channel", any(test, feature = "testing")))]
pub mod testing;
pub mod wire;
