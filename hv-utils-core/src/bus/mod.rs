//! D-Bus for the daemons: finding the bus, being on it, and what every daemon has there.
//!
//! [`BusChoice`] is `--bus`, [`Authority`] says who may change things, [`Error`] is what methods return.
//! `org.hvutils.Service1` and `org.freedesktop.LogControl1` are registered by the shell of the daemon
//! ([`crate::daemon`]); a daemon only adds interfaces of its own. Methods never wait for the host.

mod authority;
mod choice;
mod error;
pub(crate) mod log_control;
pub(crate) mod presence;
pub(crate) mod service1;
pub mod units;

pub use authority::Authority;
pub use choice::{BusChoice, UnknownBus};
pub use error::Error;
pub use service1::SERVICE1;

#[cfg(test)]
#[path = "../../tests/support/mod.rs"]
pub(crate) mod support;
