//! A small Hyper-V host: offers integration components to a guest, asks what an administrator asks, breaks rules on
//! demand. For tests (as a library and by scenarios), demos (console, one-shot commands) and development.
//!
//! ```text
//!   cli ──verbs──▶ host (Host, Station, Ic, services) ────────▶ link ┬─▶ sim ────▶ rings ──▶ guest
//!    └──files────▶ scenario ─────────────────────────────────────────┘└─▶ packet ─▶ frames ─▶ virtual machine
//! ```
//! It is a peer, not a part, of the guest's daemons: it shares their byte layouts and the ring code with them and
//! nothing else, reads replies with code of its own, and is as strict as Microsoft's open-source host was seen to be.
//! It does not emulate Windows: what hosts do beyond the wire (jobs, permissions, stored settings) is not here.

pub mod capture;
pub mod cli;
pub mod failure;
pub mod hex;
pub mod host;
pub mod link;
pub mod outcome;
pub mod output;
pub mod packet;
pub mod record;
pub mod scenario;
pub mod sim;
pub mod ticks;
pub mod transcript;
pub mod verb;
pub mod words;

mod usage;

pub use failure::Failure;
pub use host::{Host, HostOptions};
pub use outcome::{Outcome, Report};
pub use verb::Verb;
