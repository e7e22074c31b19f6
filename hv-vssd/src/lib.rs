//! `hv-vssd`: Hyper-V's Backup service (VSS) for a Linux guest.
//!
//! What it promises:
//! * a backup or production checkpoint finds consistent filesystems, and databases that had time to prepare;
//! * nothing that it does can make the guest hang: while anything is frozen it writes nothing and waits for nobody;
//! * what it has frozen is thawed, whoever dies and whatever the host does, and nothing else is;
//! * the host is told OK only for what was frozen until the host itself had it thawed.
//!
//! ```text
//!  host ── ring / char device ──► core: Link ──► service ──► engine ──► Action
//!                                    ▲              │  ▲                  │
//!                                    └── answers ───┘  │ done             ▼
//!  D-Bus clients ◄───────── bus ◄── status, history ── service ──► plan: what, in which order, why not
//!                            └── Freeze, Thaw ────────────┘ ├────► hooks: databases prepare, in units of their own
//!                                                           └────► freeze: threads ── FIFREEZE ──► filesystems
//!                                                                    │ descriptors, record in /run    ▲
//!                                                                    └────► guardian (a process) ── FITHAW
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod backup;
pub mod bus;
pub mod config;
pub mod engine;
pub mod freeze;
pub mod guardian;
pub mod history;
pub mod hooks;
pub mod plan;
mod planning;
pub mod report;
mod service;

pub use service::Vssd;
