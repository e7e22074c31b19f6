//! `hv-heartbeatd`: Hyper-V's Heartbeat for a Linux guest.
//!
//! What it promises:
//! * every heartbeat is answered at once, whatever else goes on;
//! * without an administrator's or an application's word the host sees what the kernel's driver would show it;
//! * a state that somebody has reported does not outlive whoever reported it.
//!
//! ```text
//!  host ── ring ──► core: Link ──► service ──► engine: the next number, the worst of all states
//!                                    ▲  ▲
//!                  systemd: watch ───┘  └─── leases ◄── SetApplicationState ── bus ◄── applications
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bus;
pub mod config;
pub mod engine;
pub mod leases;
mod service;
pub mod systemd;
mod telling;

pub use service::Heartbeatd;
