//! `hv-fcopyd`: Hyper-V's Guest Service Interface for a Linux guest: files that the host sends (`Copy-VMFile`).
//!
//! What it promises:
//! * nothing is written unless the administrator has switched it on, and never outside of the roots that they have named;
//! * a file appears whole and durable under its name, or not at all, whatever ends the copy;
//! * the host is told OK for what is on the disk, and else an error that Windows can show.
//!
//! ```text
//!  host ── ring / char device ──► core: Link ──► service ──► engine: is it in order, and what is to be done
//!                                   ▲              │  ▲
//!                                   └── answers ───┘  │ done
//!                      (rate: later)                  │
//!  D-Bus clients ◄── bus ◄── board, history ───────── service ── START, COMPLETE, CANCEL ──► worker (a thread)
//!                                                         └───── WRITE ──► gather: pieces ──►  │  │
//!                                                                          (bounded)           │  └► file: no name … its name
//!                                                                                              └► target: which directory
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bus;
pub mod chatter;
pub mod config;
pub mod engine;
pub mod escape;
pub mod file;
pub mod gather;
pub mod history;
pub mod rate;
mod service;
pub mod target;
#[cfg(test)]
mod testing;
pub mod worker;

pub use service::Fcopyd;
