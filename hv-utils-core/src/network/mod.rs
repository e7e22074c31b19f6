//! The interfaces, addresses and default routes of this machine, kept current by the kernel's notifications.
//!
//! What is here: a netlink socket and what it says ([`Monitor`]), the table that this fills ([`Table`]), and
//! which of its interfaces are the virtual machine's ([`Selection`]). What is not: changing anything.
//!
//! Messages are read with `netlink-packet-core` alone and only in the twenty attributes that matter. The typed
//! messages of `netlink-packet-route` cost 0.36 MB of program and 0.37 MiB of resident memory, `rtnetlink`
//! 0.82 MB and 0.76 MiB, this 5 kB and 0.01 MiB (measured in release builds); and one attribute of a newer
//! kernel that a typed parser does not expect makes it lose the whole interface.

mod filter;
mod message;
mod monitor;
mod ready;
mod route;
mod routes;
mod select;
mod socket;
mod table;

pub use monitor::{Monitor, NetworkError};
pub use ready::register;
pub use route::{Route, RouteFamily};
pub use select::{Joined, Nic, Selection, in_order};
pub use table::{Address, HardwareAddress, Kind, Link, Table};
