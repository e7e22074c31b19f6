//! The daemon on D-Bus: two interfaces on one object, thin over the same state that serves the host.
//!
//! [`kvp1`] shows the pools and lets programs write one of them, [`network1`] shows the network adapters as the host
//! sees and configures them. Neither holds state of its own; each sends its signals from one task, in the order in which things
//! became true.

mod injected;
pub mod kvp1;
pub mod network1;

pub use kvp1::{FULL_UNITS, Kvp1, SAFE_UNITS};
pub use network1::Network1;
