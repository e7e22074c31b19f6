//! `hv-kvpd`: Hyper-V's Data Exchange service (KVP) for a Linux guest.
//!
//! What it promises:
//! * what the host is told has happened, has happened, and survives a power cut;
//! * the pool files stay what every other program on the machine takes them for;
//! * the guest's own items are true at the moment they are asked for;
//! * a request costs the same whether a pool holds ten items or ten thousand.
//!
//! ```text
//!  host ── ring / char device ──► core: Link ──► service ──► engine ──► Answer ───────────► host
//!                                                  │  ▲          └────► Change ─┐
//!                                        signals   │  │ done                    ▼
//!  D-Bus clients ◄──────────── bus ◄───────────────┘  └──────────────── pool (worker thread)
//!                               └── Set, Delete ───────────────────────►  files, locks, journal
//!                                                     ▲ changed                 ▲ inotify
//!                    intrinsic (host name, os-release, drop-ins,     ◄── netlink     other programs
//!                        │      all addresses)
//!                        └─► network (adapters, DNS servers) ──► GET_IP_INFO, Network1
//!                    injection ◄── SET_IP_INFO, Revert ──► hv-netapply, which has the privileges
//! ```
//!
//! Rooms: [`engine`] decides, [`pool`] keeps, [`intrinsic`] and [`network`] know the guest, both over
//! [`hv_utils_core::network`], `injection` has its adapters configured, [`bus`] shows, `service` connects them, [`config`]
//! is what the administrator may say about it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bus;
pub mod config;
pub mod engine;
mod errno;
mod failures;
mod forbidden;
mod held;
mod injection;
pub mod intrinsic;
pub mod network;
pub mod pool;
mod reply;
mod service;
mod shared;
mod signals;
mod unread;
mod watches;

pub use service::Kvpd;
