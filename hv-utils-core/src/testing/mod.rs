//! A VMBus without a Hyper-V: the sysfs tree of a guest, its drivers and its device nodes, as doubles for tests.
//!
//! Not for production: it is compiled for the tests of this crate, and for others with the feature `testing`. The bus
//! behaves where it matters to a daemon as a guest's kernel and a real host do: new devices are probed, overrides are
//! lost with their device, the KVP device is replaced whenever its channel is closed, and a channel that is open while
//! `uio_hv_generic` is unbound stays open, unusable, until the device is offered anew. The host's end of each channel, or the kernel's end of a char device, goes to the test. For a program that steers drivers by writing to
//! sysfs, the tree can be made to obey what is written to it ([`FakeBus::obey_files`]).

mod bus;
pub mod described;
mod files;
mod kernel;
mod logged;
mod message_bus;
pub mod namespace;
mod nodes;
pub mod routes;
pub mod scripts;
mod tree;

pub use bus::{Call, Driver, FakeBus};
pub use files::{Moment, Written};
pub use logged::Logged;
pub use message_bus::MessageBus;
pub use nodes::KernelEnd;
